//! The same command lines given to DCMTK's `storescp` and to ours must end alike.

use std::ffi::OsString;

use storescp::cli::{self, Action};

use crate::debian::{self, NOWHERE};
use crate::random::Random;

/// How a command line ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The server would run.
    Runs,
    Help,
    Version,
    /// Exit code 1 and this on standard error, the identification line left out.
    Refused(String),
}

fn theirs(line: &[OsString]) -> End {
    let run = debian::storescp(line);
    if run.code == Some(0) {
        assert_eq!(run.stderr, "", "{line:?}");
        let is_help = run.stdout.contains("usage: storescp [options] [port]\n");
        return if is_help { End::Help } else { End::Version };
    }
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{line:?}");
    // Past the command line, it fails for want of the output directory or of another file.
    if run.stderr.lines().any(|line| line.starts_with("F: ")) {
        return End::Runs;
    }
    End::Refused(without_identification(&run.stderr))
}

fn ours(line: &[OsString]) -> End {
    match cli::parse(line.iter().cloned()) {
        Action::Run(_) => End::Runs,
        Action::PrintAndExit(text) if text.contains("usage: storescp [options] [port]\n") => {
            End::Help
        }
        Action::PrintAndExit(_) => End::Version,
        Action::UsageError(text) => End::Refused(without_identification(&text)),
    }
}

fn without_identification(text: &str) -> String {
    // DCMTK's at log level DEBUG, too. Our hints stand behind what both say.
    let (said, hints) = text.split_at(text.find("\nhint: ").map_or(text.len(), |end| end + 1));
    assert!(hints.lines().all(|line| line.starts_with("hint: ")), "{text}");
    let text = said;
    let kept = |line: &&str| !line.starts_with('$') && !line.starts_with("D: ");
    let lines = text.split_inclusive('\n').filter(kept);
    lines.collect()
}

/// What theirs refuses and ours can do, each option with what it goes with.
const BETTER: [(&str, &str); 5] = [
    ("--exec-on-eostudy", "--fork"),
    ("--rename-on-eostudy", "--fork"),
    ("--sort-conc-studies", "--bit-preserving"),
    ("--sort-on-study-uid", "--bit-preserving"),
    ("--sort-on-patientname", "--bit-preserving"),
];

/// Whether ours goes on where theirs ends: what else is wrong with the line shows only then.
fn is_better(ours: &End, theirs: &End) -> bool {
    let of_both = |end: &End| match end {
        End::Refused(text) => BETTER.iter().any(|(option, other)| {
            text.ends_with(&format!("error: {option} not allowed with {other}\n"))
        }),
        _ => false,
    };
    of_both(theirs) && !of_both(ours)
}

/// Fails if the two end differently on any of the lines, and shows how.
fn assert_same(lines: impl IntoIterator<Item = Vec<OsString>>) {
    let mut differences = String::new();
    for line in lines {
        let (ours, theirs) = (ours(&line), theirs(&line));
        if ours != theirs && !is_better(&ours, &theirs) {
            differences += &format!("{line:?}\n  ours   {ours:?}\n  theirs {theirs:?}\n");
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

/// Splits at blanks; `''` is an empty word.
fn words(line: &str) -> Vec<OsString> {
    line.split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| match word {
            "''" => OsString::new(),
            word => word.into(),
        })
        .collect()
}

#[test]
fn the_line_as_a_whole() {
    let lines = [
        "",
        "-h",
        "--help 1 2",
        "-h 70000",
        "-h -pdu 1",
        "--version",
        "--version -h 1",
        "-h --version",
        "--version --bogus",
        "--bogus -h",
        "-v",
        "-pdu",
        "-xf a",
        "1 2",
        "1 2 3 -v",
        "'' ''",
        "-q 1 2",
        "-q",
        "-q --bogus",
        "--",
        "---",
        "-- 1",
        "-hh",
        "-H",
        "--HELP",
        "--help=1",
        "-aet=1",
        "+aet=1",
        "--verb",
        "-vd",
        "+X= 1",
        "-B-",
        "--inetd 1 2",
        "@",
        "@ @",
        "@missing",
        "@missing --bogus",
        "--bogus @missing",
        "-h @missing",
        "-aet @missing 1",
        "+",
        "-",
        "-5 -6",
    ];
    assert_same(lines.into_iter().map(words));
}

#[test]
fn the_port() {
    let ports = [
        "0",
        "-0",
        "-1",
        "-5",
        "+0",
        "65536",
        "70000",
        "99999999999999999999",
        "-9x",
        "-99999999999999999999",
        "abc",
        "''",
        "x1",
        "0x50",
        ".5",
        "+",
        "-",
        "@",
    ];
    assert_same(ports.into_iter().map(words));
    let with_blanks = [" -1", "-1 ", " x", "\t0", "\n65536", "\u{b}0", "\u{a0}1", "ä"];
    assert_same(with_blanks.map(|port| vec![port.into()]));
    let good = ["1", "+5", "104", "11112x", "1e3", " 80", "80 ", "\n80", "65535", "1023.5"];
    let good = good.map(|port| vec![port.into(), "-od".into(), NOWHERE.into()]);
    assert_same(good);
}

#[test]
fn numbers() {
    let options = [
        "-ts *",
        "-ta *",
        "-td *",
        "-pdu *",
        "--sleep-after *",
        "--sleep-during *",
        "+cl *",
        "+p * 4",
        "+p 4 *",
        "-sp -tos *",
    ];
    let values = [
        "-2",
        "-1",
        "-0",
        "0",
        "1",
        "9",
        "10",
        "4095",
        "4096",
        "16385",
        "131072",
        "131073",
        "4294967295",
        "4294967296",
        "99999999999999999999",
        "-99999999999999999999",
        "''",
        "x",
        "5x",
        "0x10",
        "+7",
        "+-7",
        "-",
        "--",
        "1.5",
        ".",
        "-h",
    ];
    let lines = options.into_iter().flat_map(|option| {
        values
            .iter()
            .map(move |value| words(&format!("{} 11112 -od {NOWHERE}", option.replace('*', value))))
    });
    assert_same(lines);
}

/// Lines of one fault or conflict each, and harmless neighbours of them.
#[test]
fn conflicts() {
    let lines = include_str!("conflicts.txt").lines();
    let lines = lines.map(|line| words(&format!("{line} 11112 -od {NOWHERE}")));
    assert_same(lines);
}

#[test]
fn command_files() {
    let folder = std::env::temp_dir().join(format!("storescp-cli-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let texts: [&[u8]; 25] = [
        b"",
        b" \n",
        b"-v",
        b"-aet A\tB",
        b"-aet 'A B'",
        b"a\"b c\"d",
        b"\"\"",
        b"'' ''",
        b"\"a\"\"b\"",
        b"\"open end",
        b"\"",
        b"a'",
        b"'a\"b'",
        b"# -v",
        b"a\\ b",
        b"\"a\\\"b\"",
        b"-h",
        b"--bogus",
        b"@other",
        b"@",
        b"+te +B",
        b"\r\n-aet\r\nx\r\n",
        b"a\x0bb",
        b"a\x0cb",
        b"\xc3\xa4",
    ];
    let mut lines = Vec::new();
    for (number, text) in texts.into_iter().enumerate() {
        let file = folder.join(number.to_string());
        std::fs::write(&file, text).unwrap();
        let mut at_file = OsString::from("@");
        at_file.push(&file);
        // As options and parameters of its own, and as one or two values of another; with
        // --arguments, so that the words themselves are printed before the line is refused.
        for before in ["--arguments -pdu 1", "--arguments -pdu 1 -aet", "--arguments -pdu 1 -xf"] {
            let mut line = words(before);
            line.push(at_file.clone());
            lines.push(line.clone());
            line.push("11112".into());
            lines.push(line);
        }
    }
    let result = std::panic::catch_unwind(|| assert_same(lines));
    std::fs::remove_dir_all(&folder).unwrap();
    result.unwrap();
}

/// Lines drawn at random from a fixed seed. `CLI_LINES=20000 CLI_SEED=7` draws more, or others.
#[test]
fn random_lines() {
    let from_environment = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let count = from_environment("CLI_LINES").unwrap_or(300);
    let mut random = Random::new(from_environment("CLI_SEED").unwrap_or(20261122));
    let lines = (0..count).map(|_| random_line(&mut random));
    assert_same(lines);
}

fn random_line(random: &mut Random) -> Vec<OsString> {
    let mut line = Vec::new();
    let port_at = random.below(8);
    for position in 0..=random.below(6) {
        if position == port_at {
            line.push("11112");
        }
        for word in random.pick(SNIPPETS).split(' ') {
            line.push(match word {
                "*" => random.pick(VALUES),
                word => word,
            });
        }
    }
    if port_at >= 6 || random.below(10) == 0 {
        line.push(random.pick(&["11112", "11112", "11112", "0", "port"]));
    }
    let mut line: Vec<OsString> = line.into_iter().map(OsString::from).collect();
    line.extend(["-od".into(), NOWHERE.into()]);
    line
}

const VALUES: &[&str] = &["0", "1", "5", "4096", "9000", "-1", "x", "", "info", "-v", "11112"];

/// All that Debian's version has, but what ours treats differently on purpose: `-id`
/// makes theirs mute, `+pa` is called by its own name, `+cra` includes `+crv`.
const SNIPPETS: &[&str] = &[
    "--arguments",
    "-q",
    "-v",
    "-d",
    "-ll *",
    "-ll info",
    "-ll FATAL",
    "-lc /nonexistent",
    "+v",
    "--single-process",
    "--fork",
    "-xf /etc/dcmtk/storescp.cfg Default",
    "+x=",
    "+xe",
    "+xb",
    "+xs",
    "+xy",
    "+xx",
    "+xv",
    "+xw",
    "+xt",
    "+xu",
    "+xm",
    "+xh",
    "+xn",
    "+xl",
    "+x2",
    "+x3",
    "+xo",
    "+x4",
    "+x5",
    "+xr",
    "+xd",
    "+xi",
    "+xa",
    "-ac",
    "+ac",
    "-ts *",
    "-ta *",
    "-td *",
    "-aet *",
    "-pdu *",
    "-dhl",
    "--refuse",
    "--reject",
    "--ignore",
    "--sleep-after *",
    "--sleep-during *",
    "--abort-after",
    "--abort-during",
    "-pm",
    "-up",
    "-tls",
    "+tls k c",
    "+tls k c",
    "+tls k c",
    "+ps",
    "+pw *",
    "-pw",
    "-pem",
    "-der",
    "+cf *",
    "+cd *",
    "+crl *",
    "+cra",
    "+py",
    "+px",
    "+pz",
    "+pn",
    "+cs *",
    "+cc",
    "+dp *",
    "+rs *",
    "+ws",
    "+wf *",
    "-rc",
    "-vc",
    "-ic",
    "-B",
    "+B",
    "+B",
    "+F",
    "-F",
    "+t=",
    "+te",
    "+tb",
    "+ti",
    "+td",
    "+u",
    "-u",
    "+g=",
    "+g",
    "-g",
    "+e",
    "-e",
    "-p",
    "+p 4 4",
    "+p * *",
    "-uc",
    "+uc",
    "+cl *",
    "+cl 5",
    "-ss *",
    "-su *",
    "-sp",
    "-uf",
    "+uf",
    "-tn",
    "-fe *",
    "-xcr *",
    "-xcs *",
    "-rns",
    "-tos *",
    "-tos 5",
    "-xs",
];
