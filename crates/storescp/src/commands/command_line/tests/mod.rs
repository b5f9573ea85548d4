//! Values in command lines, as the shells of the system read them.

mod any_line;

use super::*;
use any_line::{Dice, PLACEHOLDERS, any_line};
use platform::testing::Scratch;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The shells that `/bin/sh` may be: what the system calls so, and the two that Debian has.
const SHELLS: [&str; 3] = ["sh", "dash", "bash"];

/// Titles that a shell would take for more than text, if it read them.
const TITLES: [&str; 24] = [
    "PLAIN",
    "MY AE",
    "x -t y",
    "; pwn",
    ";pwn",
    "$(pwn)",
    "`pwn`",
    "'; pwn ; '",
    "\"; pwn ; \"",
    "-rf",
    "\\",
    "a\\",
    "!pwn",
    "*",
    "~",
    "#pwn",
    "&pwn&",
    "|pwn",
    ">PWNED",
    "pwn",
    "pwn x",
    "${pwn}",
    "a\" pwn #",
    "') pwn #",
];

/// Paths, likewise.
const PATHS: [&str; 10] = [
    "/plain/path",
    "/with blanks  and\ttabs",
    "/it's",
    "/say \"hello\"",
    "/$HOME/`pwn`/$(pwn)",
    "/back\\slash;pwn&|<>*?[a]!{a,b}~#x",
    "/two\nlines",
    "/größe/山田",
    "-rf",
    "~",
];

fn title(text: &str) -> AeTitle {
    AeTitle::parse(text.as_bytes()).unwrap()
}

fn peer(calling: &str, called: &str) -> Peer {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Peer { calling_ae: title(calling), called_ae: title(called), address, association: 1 }
}

/// What commands get of a title where it is proven that it arrives.
fn cleaned(title: &str) -> String {
    let keep = |letter: char| letter.is_ascii_alphanumeric() || " -.:@_".contains(letter);
    title.trim_end().chars().map(|letter| if keep(letter) { letter } else { '_' }).collect()
}

fn template(text: &str, directory: &str) -> Result<Template, Refusal> {
    let fixed = [(Placeholder::Directory, directory.as_bytes()), (Placeholder::File, &b"it's"[..])];
    let fixed = if directory.is_empty() { &[][..] } else { &fixed[..] };
    Template::new(OsStr::new(text), &Placeholder::ALL, fixed)
}

fn filled(template: &Template, peer: &Peer, directory: &str, name: &str) -> String {
    let file = FileName::new(name.to_owned()).unwrap();
    let host = || "host".to_owned();
    let directory = Some(Path::new(directory));
    let values = Values { directory, file: Some(&file), peer, host: &host };
    template.fill_in(&values).unwrap().into_string().unwrap()
}

/// A folder in which shells find a command `rec`, which prints its arguments, and one that no value is
/// to run: `pwn`. They run in another one, which is empty.
struct Stage(Scratch);

impl Stage {
    fn new(name: &str) -> Self {
        let stage = Self(Scratch::new(name));
        let mark = stage.mark().display().to_string();
        fs::create_dir(stage.0.0.join("work")).unwrap();
        for (name, script) in [("rec", "printf '<%s>' \"$@\""), ("pwn", &format!("touch '{mark}'"))]
        {
            let path = stage.0.0.join(name);
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        stage.run("sh", "pwn");
        fs::remove_file(&mark).expect("what is run leaves its mark");
        stage
    }

    /// What `pwn` leaves.
    fn mark(&self) -> PathBuf {
        self.0.0.join("PWNED")
    }

    fn run(&self, shell: &str, line: &str) -> (String, String) {
        let path = format!("{}:{}", self.0.0.display(), std::env::var("PATH").unwrap());
        let run = Command::new(shell)
            .arg("-c")
            .arg(line)
            .env("PATH", path)
            .current_dir(self.0.0.join("work"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (text(&run.stdout), text(&run.stderr))
    }

    fn expect_nothing_run(&self, line: &str) {
        assert!(!self.mark().exists(), "a value was run: {line}");
    }

    /// The words that each shell makes of the arguments of `rec` in a line.
    fn words(&self, line: &str) -> Vec<String> {
        let mut all: Vec<Vec<String>> = Vec::new();
        for shell in shells() {
            let (printed, errors) = self.run(shell, line);
            assert!(errors.is_empty(), "{shell}: {line}: {errors}");
            let inner = printed.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
            let inner = inner.unwrap_or_else(|| panic!("{shell}: {line}: {printed}"));
            all.push(inner.split("><").map(str::to_owned).collect());
        }
        self.expect_nothing_run(line);
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{line}: {all:?}");
        all.remove(0)
    }
}

/// Each form that is proven, with what it makes of a title `T`, a path `P` and a file `F`.
const FORMS: [(&str, &[&str]); 22] = [
    ("rec #p #f #a #c #r", &["P", "F", "T", "C", "host"]),
    ("rec #p/#f \"#p/#f\" '#p/#f'", &["P/F", "P/F", "P/F"]),
    ("rec x#a#c x\"#a\"y", &["xTC", "xTy"]),
    ("rec a'b c'd \"e f\" #p; true", &["ab cd", "e f", "P"]),
    ("rec --dir \"#p\" --file=\"#f\" --ae=#a", &["--dir", "P", "--file=F", "--ae=T"]),
    ("rec #f >out; cat out; rm out", &["F"]),
    ("rec #a 2>&1 | cat", &["T"]),
    ("true && rec #p || rec x", &["P"]),
    ("A=#a rec #p", &["P"]),
    ("echo \"#a\" >/dev/null; rec \"#a\" # ", &[]),
    ("rec \"$HOMEx\" ${UNSET} \"#p\"", &["", "P"]),
    ("rec \"$(printf %s \"#p\")\" \"$(rec x; true)\"", &["P", "<x>"]),
    ("env rec a#x #p", &["a#x", "P"]),
    ("[ \"#a\" = x ] || rec #p\nrec2=1", &["P"]),
    ("sh ../rec \"#a\" #p", &["T", "P"]),
    ("rec '' \"\" #c", &["", "", "C"]),
    // What is only printed, or the name of a file, may be among text.
    ("echo \"at #p, #a; $(true)\" >/dev/null && rec \"#p\"", &["P"]),
    ("printf '<%s>' \"it is #a (at #f)\"", &["it is T (at F)"]),
    ("test \"#a\" = 'a; b' || rec #f", &["F"]),
    ("echo sh at #a >/dev/null; rec #a", &["T"]),
    ("flock -n ../lock rec #a", &["T"]),
    ("timeout -s KILL 5 nice -n 5 rec #a", &["T"]),
];

#[test]
fn values_arrive_as_they_are_in_each_proven_form() {
    let stage = Stage::new("forms");
    for (form, expected) in FORMS {
        if expected.is_empty() {
            assert!(template(form, "/p").unwrap().quotings.is_none(), "{form}: a comment");
            continue;
        }
        for (number, path) in PATHS.iter().chain(PATHS.iter()).chain(&PATHS[..4]).enumerate() {
            let template = template(form, path).unwrap();
            assert!(template.quotings.is_some(), "{form}");
            let (calling, called) = (TITLES[number], TITLES[(number + 5) % TITLES.len()]);
            let name = "it's \"$x\" 1 2;`pwn`";
            let line = filled(&template, &peer(calling, called), path, name);
            let arrives = |word: &&str| {
                let word = word.replace('T', "\u{1}").replace('C', "\u{2}");
                let word = word.replace('P', path).replace('F', name);
                word.replace('\u{1}', &cleaned(calling)).replace('\u{2}', &cleaned(called))
            };
            let expected: Vec<String> = expected.iter().map(arrives).collect();
            assert_eq!(stage.words(&line), expected, "{form} is {line}");
        }
    }
}

/// As today's DCMTK has it, a title has double quotes of its own, in single quotes too.
#[test]
fn titles_are_quoted_as_by_dcmtk() {
    let peer = peer("MY AE", "THEIR$(AE)");
    for (form, expected) in [
        ("x #a #c #r", "x \"MY AE\" \"THEIR__AE_\" \"host\""),
        ("x '#a' \"#a\"", "x '\"MY AE\"' \"MY AE\""),
        ("logger \"#f of #a\" && $HOME/step #a", "logger \"f of MY AE\" && $HOME/step \"MY AE\""),
        // A shell that this one calls reads it again.
        ("sh -c 'echo #a'", "sh -c 'echo MY_AE'"),
        ("x 'it is #a' \"$(date): #c\"", "x 'it is MY_AE' \"$(date): THEIR__AE_\""),
    ] {
        assert_eq!(filled(&template(form, "/p").unwrap(), &peer, "/p", "f"), expected);
    }
}

/// Nothing that a shell reads is put in there.
#[test]
fn what_is_not_proven_gets_letters_and_digits_only() {
    let stage = Stage::new("unproven");
    for form in [
        "sh -c 'rec #a #p'",
        "sh -c 'rec \"#a\" #p'",
        "sh -c \"rec x#a #p\"",
        "true $(case x in x) rec #a;; esac) x\"#a\" x'#c'",
        "rec \"\\\"#a\\\"\"",
        "cat <<E\n- #a\nE",
        "rec `# it's` #a",
        "rec $'x' #a",
        "(rec #a); { rec #c; }",
        "f() { rec #a; }; f",
        "for x in #a #c; do rec \"$x\"; done",
        "case \"#a\" in x) rec x;; *) rec #c;; esac",
        "echo #a | xargs rec",
        "awk 'BEGIN { print \"#a\" }'",
        "rec #a \\\n x#c",
        "rec x # it's #a\nrec x#c",
        "$UNSET rec #a",
        "/bin/e?ho #a",
        "flock ../lock -c 'rec #a'",
        "python3 -c 'print \"#a\"'",
        "echo \"it is #a\" | cat",
        "rec \"$(echo 'it is #a')\"",
    ] {
        let template = template(form, "").unwrap_or_else(|refusal| panic!("{form}: {refusal}"));
        assert!(template.quotings.is_none(), "{form}");
        for calling in TITLES {
            let line = filled(&template, &peer(calling, calling), "/p/q", "CT.1");
            let title = cleaned(calling).replace(' ', "_");
            let title = if title.starts_with('-') { title.replacen('-', "_", 1) } else { title };
            let all = ["#a", "#c"].iter().fold(form.to_owned(), |all, it| all.replace(it, &title));
            assert_eq!(line, all.replace("#p", "/p/q"));
            for shell in shells() {
                stage.run(shell, &line);
                stage.expect_nothing_run(&line);
            }
        }
    }
}

#[test]
fn what_no_value_is_fit_for_is_refused() {
    for (form, why) in [
        ("rec \\#a", "#a follows a backslash; use \"$STORESCP_CALLING_AE\""),
        ("true \\#a \"a study; #c\" \\#a", "#a follows a backslash"),
        ("rec $x#f", "#f would be read as part of a variable name"),
        ("rec $#p", "#p would be read as part of a variable name"),
        ("echo $((#a))", "#a would be read as part of a variable name"),
        ("echo ${#c}", "#c would be read as part of a variable name"),
        ("#a", "#a would let the peer choose the command"),
        ("true; #c x", "#c would let the peer choose the command"),
        ("A=1 #r", "#r would let the peer choose the command"),
        ("\"#a\"", "#a would let the peer choose the command"),
        ("\"$(echo #a)\"", "#a would let the peer choose the command"),
        ("true && exec #a", "#a would let the peer choose the command"),
        ("nice -n 5 #a", "#a would let the peer choose the command"),
        ("timeout 5s #c x", "#c would let the peer choose the command"),
        (". #a", "#a would let the peer choose the command"),
        ("bash #a", "#a would let the peer choose the command"),
        ("echo {#a} | xargs sh -c", "#a would let the peer choose the command"),
        ("if #a; then true; fi", "#a would let the peer choose the command"),
        ("(A=1 #a)", "#a would let the peer choose the command"),
        ("echo `#a`", "#a would let the peer choose the command"),
        ("rec $(#a)", "#a would let the peer choose the command"),
        ("sh -c \"#a\"", "#a would let the peer choose the command"),
        ("eval 'rec \"#a\"'", "#a would let the peer choose the command"),
        ("echo #a | sh", "#a would let the peer choose the command"),
        ("(echo #a) | /bin/bash", "#a would let the peer choose the command"),
        ("echo \"#a\" | at now", "#a would let the peer choose the command"),
        ("bash <(echo #a)", "#a would let the peer choose the command"),
        ("bash <<< \"#a\"", "#a would let the peer choose the command"),
        // Programs that run their arguments.
        ("sudo -u me #a", "#a would let the peer choose the command"),
        ("exec -a x #a", "#a would let the peer choose the command"),
        ("flock /lock #a", "#a would let the peer choose the command"),
        ("flock /lock -c \"#a\"", "#a would let the peer choose the command"),
        ("timeout -s KILL 5 #a", "#a would let the peer choose the command"),
        ("strace -o out #a", "#a would let the peer choose the command"),
        ("python3 -c #a", "#a would let the peer choose the command"),
        ("perl -ne '#a' x", "#a would let the peer choose the command"),
        ("echo #a | perl", "#a would let the peer choose the command"),
        // Names of commands that are put together.
        ("e'v'al #a", "#a would let the peer choose the command"),
        ("x=#a; $x", "#a would let the peer choose the command"),
        ("x=eval; $x #a", "#a would let the peer choose the command"),
        ("x='sh -c'; \"$x\" #a", "#a would let the peer choose the command"),
        ("x=ev; ${x}al #a", "#a would let the peer choose the command"),
        ("read x <out; $x #a", "#a would let the peer choose the command"),
        ("for x in eval; do $x #a; done", "#a would let the peer choose the command"),
        ("set -- sh -c; \"$@\" #a", "#a would let the peer choose the command"),
        ("f() { $1; }; f #a", "#a would let the peer choose the command"),
        ("f() { \"${2}\"; }; f x #a", "#a would let the peer choose the command"),
        ("$SHELL -c #a", "#a would let the peer choose the command"),
        ("$(echo #a)", "#a would let the peer choose the command"),
        ("`echo #a`", "#a would let the peer choose the command"),
        ("x=`echo #a`; $x", "#a would let the peer choose the command"),
        ("alias x=#a", "#a would let the peer choose the command"),
    ] {
        let refusal = template(form, "").unwrap_err().to_string();
        assert!(refusal.starts_with(why), "{form}: {refusal}");
    }
    for (form, path) in [("sh -c 'x #p'", "/a b"), ("x \"in #p\"", "/$x"), ("(x #f)", "/p")] {
        let refusal = template(form, path).unwrap_err().to_string();
        assert!(
            refusal.contains("contains characters that the shell may interpret"),
            "{form}: {refusal}"
        );
    }
    for form in ["nice -n 5 rec #a", "sudo -u me rec #a", "time rec #p", "rec \"from (#a); #c\""] {
        assert!(template(form, "").is_ok(), "{form}");
    }
    // A command of the administrator's choice.
    for form in ["$STEP \"#p\"", "\"$STEP\" #p/#f", "step-*.sh #p"] {
        assert!(template(form, "/a b").unwrap().quotings.is_some(), "{form}");
    }
    for form in ["#p/script #f", "#p", "rec \"$(date) #a\" \"`date` #a\"", "rec ${X:-#p} x$$"] {
        assert!(template(form, "").is_ok(), "{form}");
    }
}

#[test]
fn other_text_is_kept() {
    for text in ["", "#", "a#", "#x #P ##", "echo \\", "'", "\"", "`", "$(", "a # b", "$((1+(2)))"]
    {
        let template = template(text, "/p").unwrap();
        assert_eq!(filled(&template, &Peer::default(), "/p", "f"), text);
    }
    let template = template("x##p", "/p").unwrap();
    assert_eq!(filled(&template, &Peer::default(), "/p", "f"), "x#/p");
    // What has no value stays.
    let known = [Placeholder::CallingAe];
    let template = Template::new(OsStr::new("echo '#p #f' #a"), &known, &[]).unwrap();
    assert_eq!(filled(&template, &Peer::default(), "/p", "f"), "echo '#p #f' \"\"");
}

/// How many command lines are made up; each is read by two or three shells.
const LINES: usize = 2_000;

/// [`SHELLS`] without those that are the same program.
fn shells() -> Vec<&'static str> {
    let real = |shell: &str| fs::canonicalize(format!("/bin/{shell}")).ok();
    SHELLS.into_iter().filter(|&shell| shell != "sh" || real("sh") != real("dash")).collect()
}

/// Whatever the command line, no value is run, in no shell.
#[test]
fn no_value_is_run_in_any_command_line() {
    let stage = Stage::new("any-line");
    let shells = shells();
    let mut dice = Dice::new(0x5DEE_CE66_D015_2026);
    let (mut used, mut proven) = (0, 0);
    while used < LINES {
        let line = any_line(&mut dice, 2);
        let path = PATHS[dice.roll(PATHS.len())];
        let Ok(template) = template(&line, path) else { continue };
        used += 1;
        proven += usize::from(template.quotings.is_some());
        let (calling, called) = (dice.pick(&TITLES), dice.pick(&TITLES));
        let text = filled(&template, &peer(calling, called), path, "it's");
        for shell in &shells {
            stage.run(shell, &text);
            stage.expect_nothing_run(&format!("{line}\nbecame in {shell}\n{text}"));
        }
    }
    assert!(proven > LINES / 50 && proven < used, "{proven} of {used} were proven");
}

/// Whatever proven command line, each value arrives as it is, in each shell.
#[test]
fn values_arrive_in_any_proven_command_line() {
    let stage = Stage::new("proven-line");
    let mut dice = Dice::new(0x2026_1129_0BAD_5EED);
    for _ in 0..LINES / 4 {
        let path = PATHS[dice.roll(PATHS.len())];
        let (calling, called) = (dice.pick(&TITLES), dice.pick(&TITLES));
        let name = "it's \"$x\" 1;`pwn`";
        let (mut line, mut expected) = ("rec".to_owned(), Vec::new());
        for _ in 0..1 + dice.roll(4) {
            line.push(' ');
            expected.push(String::new());
            let word = expected.last_mut().unwrap();
            for _ in 0..1 + dice.roll(3) {
                let placeholder = dice.pick(&PLACEHOLDERS);
                let value = match placeholder {
                    "#p" => path.to_owned(),
                    "#f" => name.to_owned(),
                    "#r" => "host".to_owned(),
                    "#a" => cleaned(calling),
                    _ => cleaned(called),
                };
                let literal = dice.pick(&["x", "/a/b-c", "--x=", "1.2:3@4"]);
                word.push_str(literal);
                word.push_str(&value);
                line.push_str(&match (dice.roll(3), placeholder) {
                    (0, "#p" | "#f") => format!("'{literal}{placeholder}'"),
                    (1, _) => format!("\"{literal}{placeholder}\""),
                    _ => format!("{literal}{placeholder}"),
                });
            }
        }
        let template = template(&line, path).unwrap();
        assert!(template.quotings.is_some(), "{line}");
        let text = filled(&template, &peer(calling, called), path, name);
        assert_eq!(stage.words(&text), expected, "{line}");
    }
}
