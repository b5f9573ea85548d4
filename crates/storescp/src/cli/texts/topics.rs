//! What a user has to know beside the options: examples, placeholders, environment, signals, exit codes,
//! files. Help, manual page and reference are made from this one text.

use super::layout::{TEXT_COLUMN, put, wrapped};

/// A command line that does something useful.
pub(super) struct Example {
    pub(super) what: &'static str,
    /// What follows the program's name.
    pub(super) line: &'static str,
}

/// What help, manual page and reference begin with.
pub(super) const EXAMPLES: [Example; 5] = [
    Example {
        what: "receive into the directory incoming, and log each object",
        line: "-v -od incoming 11112",
    },
    Example {
        what: "accept compressed images too, and store all as they were sent",
        line: "+xa +B -od incoming 11112",
    },
    Example { what: "sort into a directory for each study", line: "-su study -od incoming 11112" },
    Example {
        what: "run a program for each study, 30 seconds after its last object",
        line: "-su study -tos 30 -xcs '/opt/step \"$STORESCP_PATH\"' -od incoming 11112",
    },
    Example {
        what: "encrypt, and serve those only whose certificate the authority has signed",
        line: "+tls key.pem cert.pem +cf authority.pem -od incoming 2762",
    },
];

/// Names with what there is to know of each.
pub(super) struct Topic {
    pub(super) title: &'static str,
    /// Empty if the title says enough.
    pub(super) intro: &'static str,
    pub(super) entries: &'static [Entry],
}

/// One name of a topic.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

const fn entry(name: &'static str, text: &'static str) -> Entry {
    Entry { name, text }
}

pub(super) const TOPICS: [Topic; 10] =
    [TESTER, SETTINGS, OUTBOX, CATALOG, FAULTS, PLACEHOLDERS, ENVIRONMENT, SIGNALS, EXIT, FILES];

const SETTINGS: Topic = Topic {
    title: "the settings file",
    intro: "--settings FILE reads a file in TOML. What it says wins over the options, and what it does not say is as they \
            say. It can say all that they can, and how single senders are treated. Its keys are in docs/settings.md.",
    entries: &[
        entry(
            "storescp check FILE",
            "says everything that is wrong with the file and with what it names, each with line and column; the exit code \
             is 0 if nothing is",
        ),
        entry(
            "storescp schema",
            "prints the JSON Schema of the file, by which editors complete and check",
        ),
        entry(
            "storescp hash-password",
            "asks for a password twice, or reads it from the first line of standard input if that is no terminal, and \
             prints its hash (argon2id): what a user of [http] has in place of the password",
        ),
    ],
};

/// What `storescp check --help` shows.
pub(in crate::cli) fn checker_help() -> String {
    usage("storescp check FILE", SETTINGS.entries[0].text)
}

/// What `storescp schema --help` shows.
pub(in crate::cli) fn schema_help() -> String {
    usage("storescp schema", SETTINGS.entries[1].text)
}

/// What `storescp hash-password --help` shows.
pub(in crate::cli) fn hasher_help() -> String {
    usage("storescp hash-password", SETTINGS.entries[2].text)
}

fn usage(line: &str, what: &str) -> String {
    format!("usage: {line}\n\n{}\n", wrapped(what, LINE).join("\n"))
}

const OUTBOX: Topic = Topic {
    title: "the outbox",
    intro: "storescp outbox COMMAND shows and changes what is owed to destinations, whether the receiver runs \
            or not. The catalogue is that of --settings FILE, of --catalog URL, or of --output-directory DIRECTORY (-od). \
            The commands are:",
    entries: &[
        entry(
            "list [--destination NAME] [--state STATE] [--study UID] [--sop-instance UID]",
            "lists deliveries, the oldest first: those in STATE (waiting, leased, parked, done, dropped), or by default all \
             that are neither done nor dropped. --limit N lists up to N (default: 100; 0 for all), --after NUMBER \
             starts after that delivery, --json prints one JSON object per line. --counts prints how many are waiting and \
             parked for each destination, with --json as an array",
        ),
        entry("show NUMBER...", "prints all that is known about these deliveries; --json as above"),
        entry(
            "retry NUMBER...",
            "tries parked, waiting or dropped deliveries again now. Instead of numbers, --destination, --state, --study, \
             --sop-instance or --all select deliveries: those in the state given, or else parked ones",
        ),
        entry(
            "park NUMBER...",
            "parks waiting deliveries, with --reason TEXT; selected as for retry, or else all that wait",
        ),
        entry(
            "drop NUMBER...",
            "gives up waiting or parked deliveries, with --reason TEXT; selected as for retry, or else all that wait or \
             are parked",
        ),
        entry("pause NAME...", "pauses destinations: nothing is delivered to them"),
        entry("resume NAME...", "resumes destinations"),
    ],
};

/// What `storescp outbox --help` shows.
pub(in crate::cli) fn outbox_help() -> String {
    commands_help("outbox", &OUTBOX)
}

const CATALOG: Topic = Topic {
    title: "the catalogue",
    intro: "storescp catalog COMMAND shows, checks or rebuilds the catalogue, whether the receiver runs or not. The catalogue is \
            that of --settings FILE, of --catalog URL, or of --output-directory DIRECTORY (-od). The commands are:",
    entries: &[
        entry(
            "rebuild",
            "adds the files of the output directories to the catalogue, which is made if it is not there, and renamed and \
             made anew if it is damaged. Files that are in it already are skipped, so an interrupted run can be repeated. \
             Nothing is delivered for these files",
        ),
        entry(
            "verify [--digests]",
            "compares the files with the catalogue, and prints a line for each file that is not in the catalogue, is \
             missing, or has another length; with --digests it reads every file and also finds changed content. The exit \
             code is 1 if it finds any",
        ),
        entry(
            "stats [--json]",
            "prints how many studies, series, objects and deliveries there are",
        ),
        entry(
            "export studies|series|objects",
            "writes all of them to standard output, one JSON object per line, or with --csv as comma-separated values \
             (RFC 4180); --study UID selects one study",
        ),
    ],
};

/// What `storescp catalog --help` shows.
pub(in crate::cli) fn catalog_help() -> String {
    commands_help("catalog", &CATALOG)
}

fn commands_help(name: &str, topic: &Topic) -> String {
    let mut text = format!("usage: storescp {name} COMMAND [options]\n\n");
    for line in wrapped(topic.intro, LINE) {
        put(&mut text, format_args!("{line}\n"));
    }
    text.push('\n');
    put_entries(&mut text, topic);
    text
}

const TESTER: Topic = Topic {
    title: "sending a test object",
    intro: "storescp test HOST PORT connects to a receiver, sends a C-ECHO and one made-up object (a Secondary Capture \
            image of 8 by 8 pixels of the patient STORESCP^TEST), and tells each step. Its options are:",
    entries: &[
        entry("--echo", "send the C-ECHO only; the exit code is 0 if it was answered with success"),
        entry("--calling TITLE", "AE title of the sender (default: STORESCP_TEST)"),
        entry("--called TITLE", "AE title of the receiver (default: ANY-SCP)"),
        entry(
            "--timeout SECONDS",
            "how long to wait for the connection, and for each answer (default: 10)",
        ),
        entry("--tls", "encrypt; needs --ca or --insecure"),
        entry(
            "--ca FILE",
            "trust the authorities in this file (PEM), and check the receiver's certificate and name",
        ),
        entry("--insecure", "do not check the receiver's certificate"),
        entry("--key FILE", "private key to show a certificate with (PEM); needs --cert"),
        entry("--cert FILE", "certificate to show, with its chain (PEM); needs --key"),
        entry("--help", "show these options"),
    ],
};

/// What `storescp test --help` shows.
pub(in crate::cli) fn tester_help() -> String {
    let mut text = "usage: storescp test HOST PORT [options]\n\n".to_owned();
    for line in wrapped(TESTER.intro, LINE) {
        put(&mut text, format_args!("{line}\n"));
    }
    text.push('\n');
    put_entries(&mut text, &TESTER);
    text.push_str(
        "\nexamples:\n  storescp test localhost 11112\n  storescp test pacs.example 2762 --called PACS --tls --ca \
         authority.pem --key key.pem --cert cert.pem\n",
    );
    text
}

/// The names of the options of `storescp test`.
#[cfg(test)]
pub(in crate::cli) fn tester_options() -> impl Iterator<Item = &'static str> {
    TESTER.entries.iter().map(|entry| entry.name)
}

const FAULTS: Topic = Topic {
    title: "faults",
    intro: "What --fault takes, and each line of a --fault-file, is what is struck, a colon, and what happens: \
            object 7 from CT*: status A700. All names and more examples are in docs/faults.md.",
    entries: &[
        entry(
            "connection, association, object",
            "what is struck: each connection, each association that would be accepted, or each C-STORE",
        ),
        entry(
            "7, 3..5, 7.., every 10th, 0.5%",
            "behind that, which of them; 'of all' counts objects over all associations",
        ),
        entry(
            "from TITLE, to TITLE, at ADDRESS, of CLASS",
            "behind that, whose: calling and called AE title, address, SOP class; * and ? are wildcards",
        ),
        entry(
            "status S,..., no answer",
            "of an object: how it is answered; 'after storing' and 'without storing' say whether it is stored",
        ),
        entry(
            "delay reading/pdvs/storing/answer/next TIME",
            "a wait, such as 500ms or 2s..5s; of a connection 'reading' only, of an association 'answer' only",
        ),
        entry(
            "reject [RESULT [SOURCE [REASON]]], refuse contexts [REASON], accept syntax SYNTAX",
            "of an association: how it is negotiated",
        ),
        entry(
            "abort [SOURCE [REASON]], reset, close, silence [TIME]",
            "how it ends: of an object in place of the answer, unless 'during' or 'after storing' follows",
        ),
        entry(
            "wrong message-id/context-id/class/instance [VALUE], oversized pdu [LENGTH], cut pdu [BYTES], unknown pdu \
             [TYPE]",
            "how the answer is broken",
        ),
        entry("tls alert ALERT", "of a connection: what answers the ClientHello"),
    ],
};

const PLACEHOLDERS: Topic = Topic {
    title: "placeholders in commands",
    intro: "In the command of --exec-on-reception and --exec-on-eostudy, these are replaced. A value that a shell \
            would misread is refused at the start: use the environment variable in its place.",
    entries: &[
        entry("#p", "the directory of the object, or of the study"),
        entry("#f", "the name of the object's file (not with --exec-on-eostudy)"),
        entry("#a", "the calling AE title, that of the sender"),
        entry("#c", "the called AE title, that the sender has for this receiver"),
        entry("#r", "the sender's host name, or its address if it has none"),
    ],
};

const ENVIRONMENT: Topic = Topic {
    title: "environment variables",
    intro: "The program reads DCMDICTPATH, and what systemd sets. Commands get those that begin with STORESCP_, each \
            value as it was received, without padding; they need no quoting but the usual one: \
            step \"$STORESCP_PATH/$STORESCP_FILE\".",
    entries: &[
        entry(
            "DCMDICTPATH",
            "data dictionaries in the format of DCMTK's dicom.dic, separated by colons, to load in place of all \
             others. Where it is not set, or empty, the one that is built in is used, and for what it does not know, \
             private elements above all, DCMTK's own where it is installed",
        ),
        entry("LISTEN_FDS, LISTEN_PID", "listening sockets passed by systemd"),
        entry(
            "NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID",
            "where systemd is told of start, reload and stop (Type=notify), and how often that connections are still \
             being accepted (WatchdogSec); not passed on to commands",
        ),
        entry(
            "STORESCP_PATH, STORESCP_FILE",
            "directory and name of the file; at the end of a study its directory",
        ),
        entry("STORESCP_CALLING_AE, STORESCP_CALLED_AE", "AE titles, the bytes that were sent"),
        entry(
            "STORESCP_PEER, STORESCP_PEER_NAME",
            "address of the peer, and its name if the command asks for it",
        ),
        entry(
            "STORESCP_SOP_CLASS_UID, STORESCP_SOP_INSTANCE_UID, STORESCP_TRANSFER_SYNTAX_UID",
            "of the object",
        ),
        entry("STORESCP_STUDY_INSTANCE_UID", "of the object, or of the study"),
        entry("STORESCP_REASON", "why a study ended: next-study, release, timeout, stop"),
    ],
};

const SIGNALS: Topic = Topic {
    title: "signals",
    intro: "",
    entries: &[
        entry(
            "SIGTERM, SIGINT",
            "stop: messages that are being received are finished and answered, for at most --grace-period. A second \
             signal cuts that short. Neither leaves half a file",
        ),
        entry(
            "SIGHUP",
            "reload: log files are opened anew; the settings file, keys, certificates and revocation lists are read \
             again. No association ends",
        ),
    ],
};

const EXIT: Topic = Topic {
    title: "exit codes",
    intro: "",
    entries: &[
        entry(
            "0",
            "after SIGTERM or SIGINT, after the association of --inetd, and after a text that was asked for",
        ),
        entry(
            "1",
            "if the command line is wrong or the start fails, and after a second signal; of 'storescp test', if any \
             step failed",
        ),
    ],
};

const FILES: Topic = Topic {
    title: "files",
    intro: "",
    entries: &[
        entry(
            ".storescp",
            "folder of temporary files in the output directory, there only while it is needed",
        ),
        entry(
            "/usr/share/libdcmtk17/dicom.dic, private.dic",
            "DCMTK's data dictionaries, of the newest version that is installed; also below /usr/share/dcmtk and \
             /usr/local/share/dcmtk",
        ),
        entry("/etc/hosts.allow, /etc/hosts.deny", "who is served, with --access-control"),
    ],
};

/// The examples, for help.
pub(super) fn put_examples(text: &mut String) {
    text.push_str("examples:\n");
    for Example { what, line } in EXAMPLES {
        put(text, format_args!("  {what}:\n    storescp {line}\n"));
    }
    text.push('\n');
}

/// All topics, for help.
pub(super) fn put_topics(text: &mut String) {
    for topic in &TOPICS {
        put(text, format_args!("{}:\n", topic.title));
        if !topic.intro.is_empty() {
            for line in wrapped(topic.intro, LINE - 2) {
                put(text, format_args!("  {line}\n"));
            }
        }
        put_entries(text, topic);
    }
}

fn put_entries(text: &mut String, topic: &Topic) {
    for Entry { name, text: what } in topic.entries {
        let mut left = format!("  {name}");
        if left.len() >= TEXT_COLUMN {
            put(text, format_args!("{left}\n"));
            left.clear();
        }
        for line in wrapped(what, LINE - TEXT_COLUMN) {
            put(text, format_args!("{left:TEXT_COLUMN$}{line}\n"));
            left.clear();
        }
    }
}

/// Longest line of the topics in the help text.
const LINE: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Action, texts};
    use crate::commands;

    /// Letters and digits only: what is left when each form has its own quoting and line breaks.
    fn letters(text: &str) -> String {
        text.chars().filter(|letter| letter.is_alphanumeric()).collect()
    }

    #[test]
    fn help_manual_page_and_reference_say_the_same() {
        let manual = texts::manual::page().replace("\\(dq", "").replace("\\(aq", "");
        for (form, text) in [
            ("help", texts::help::help()),
            ("manual page", manual),
            ("reference", texts::help::reference()),
        ] {
            let text = letters(&text).to_lowercase();
            let has = |what: &str| text.contains(&letters(what).to_lowercase());
            for Example { what, line } in EXAMPLES {
                assert!(has(what) && has(line), "{form}: {what}");
            }
            for topic in &TOPICS {
                assert!(has(topic.title) && has(topic.intro), "{form}: {}", topic.title);
                for Entry { name, text } in topic.entries {
                    assert!(has(&format!("{name}{text}")), "{form}: {name}");
                }
            }
        }
    }

    #[test]
    fn each_word_of_a_fault_is_there() {
        let names: String =
            FAULTS.entries.iter().map(|entry| format!("{} {} ", entry.name, entry.text)).collect();
        let words: Vec<&str> = names.split(|it: char| !it.is_alphabetic() && it != '-').collect();
        for word in crate::cli::fault_rules::words() {
            assert!(words.contains(&word), "{word}");
        }
    }

    #[test]
    fn placeholders_and_variables_of_commands_are_all_there() {
        let names = |topic: &Topic| -> Vec<&str> {
            topic.entries.iter().flat_map(|entry| entry.name.split(", ")).collect()
        };
        let placeholders: Vec<String> = commands::placeholders().collect();
        assert_eq!(names(&PLACEHOLDERS), placeholders);
        let mut variables = names(&ENVIRONMENT);
        variables.retain(|name| name.starts_with("STORESCP_"));
        variables.sort_unstable();
        assert_eq!(variables, commands::VARIABLES);
        for name in commands::NOT_PASSED_ON {
            assert!(names(&ENVIRONMENT).contains(&name), "{name}");
        }
    }

    #[test]
    fn examples_are_command_lines() {
        for Example { line, .. } in EXAMPLES {
            let mut words: Vec<String> = Vec::new();
            // As a shell splits them: of quotes there are '…' only.
            for (index, part) in line.split('\'').enumerate() {
                match index % 2 {
                    0 => words.extend(part.split_whitespace().map(str::to_owned)),
                    _ => words.push(part.to_owned()),
                }
            }
            let action = crate::cli::parse(words.into_iter().map(Into::into));
            let Action::Run(config) = action else { panic!("{line}: {action:?}") };
            assert!(config.warnings.is_empty(), "{line}");
        }
    }
}
