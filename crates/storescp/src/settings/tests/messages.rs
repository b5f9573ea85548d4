//! What is wrong is told with its place, what was expected, and the nearest right name.

use super::*;

/// Files, and what is told of each.
const MESSAGES: &[(&str, &[&str])] = &[
    ("listen = []", &["1:10: listen: expected at least one port or address"]),
    (
        "listen = 0",
        &[
            "1:10: listen: expected a port from 1 to 65535 or an address with its port, such as \"127.0.0.1:11112\" or \"[::]:11112\", not the number 0",
        ],
    ),
    (
        "listen = [1, 70000, '::1']",
        &[
            "1:14: listen: expected a port from 1 to 65535 or an address with its port, such as \"127.0.0.1:11112\" or \"[::]:11112\", not the number 70000",
            "1:21: listen: expected a port from 1 to 65535 or an address with its port, such as \"127.0.0.1:11112\" or \"[::]:11112\", not the text \"::1\"",
        ],
    ),
    ("listen = [1, 1]", &["1:14: listen: this is in the list already"]),
    ("directry = 'x'", &["1:1: unknown key \"directry\"; did you mean \"directory\"?"]),
    ("frobnicate = 'x'", &["1:1: unknown key \"frobnicate\"; docs/settings.md has all keys"]),
    ("certificate = 'x'", &["1:1: unknown key \"certificate\"; it belongs in [tls]"]),
    (
        "[log]\nmax-pdu = 4096",
        &[
            "2:1: log: unknown key \"max-pdu\"; it belongs at the top of the file, before the first [table]",
        ],
    ),
    (
        "[log]\nxyz = 1",
        &[
            "2:1: log: unknown key \"xyz\"; there are level, config, format or presentation-contexts",
        ],
    ),
    (
        "log = 'info'",
        &[
            "1:7: log: expected a table with level, config, format or presentation-contexts, not the text \"info\"",
        ],
    ),
    ("rule = 1", &["1:8: rule: expected a list in [ ], not the number 1"]),
    (
        "[rule]\nname = 'x'",
        &["1:1: rule: expected a list in [ ], or a header in double brackets, [[ ]], not a table"],
    ),
    (
        "default = 'Refuse'",
        &[
            "1:11: default: expected \"accept\" or \"refuse\", not the text \"Refuse\"; did you mean \"refuse\"?",
        ],
    ),
    ("store = 'yes'", &["1:9: store: expected true or false, not the text \"yes\""]),
    ("ae-title = 1.5", &["1:12: ae-title: expected a text in quotes, not the number 1.5"]),
    ("directory = 1979-05-27", &["1:13: directory: expected a path in quotes, not a date or time"]),
    (
        "grace-period = true",
        &["1:16: grace-period: expected a time such as \"60 s\", \"5 min\" or \"2 h\", not true"],
    ),
    (
        "acse-timeout = 0",
        &[
            "1:16: acse-timeout: expected a time such as \"60 s\", \"5 min\" or \"2 h\", at least 1 s, not the number 0",
        ],
    ),
    (
        "dimse-timeout = 'nver'",
        &[
            "1:17: dimse-timeout: expected a time such as \"60 s\", \"5 min\" or \"2 h\", at least 1 s or \"never\", not the text \"nver\"; did you mean \"never\"?",
        ],
    ),
    (
        "socket-timeout = '5 m'",
        &[
            "1:18: socket-timeout: expected a time such as \"60 s\", \"5 min\" or \"2 h\", at least 1 s, \"never\" or \"system\", not the text \"5 m\"",
        ],
    ),
    (
        "max-associations = 0",
        &[
            "1:20: max-associations: expected an integer from 1 to 9223372036854775807, not the number 0",
        ],
    ),
    (
        "max-commands = -1",
        &["1:16: max-commands: expected an integer from 1 to 1000, not the number -1"],
    ),
    (
        "max-pdu = 5001",
        &[
            "1:11: max-pdu: expected an even number of bytes from 4096 to 131072, such as 16384 or \"64 KiB\", not the number 5001",
        ],
    ),
    (
        "min-free = '5 %%'",
        &[
            "1:12: min-free: expected an amount such as \"2 GiB\", \"500 MB\" or \"5 %\", not the text \"5 %%\"",
        ],
    ),
    (
        "accept-transfer-syntaxes = ['JPEG2000Losless']",
        &[
            "1:29: accept-transfer-syntaxes: expected a transfer syntax: its UID or its keyword, such as \"JPEG2000Lossless\"; or \"uncompressed\", or \"all\", not \"JPEG2000Losless\"; did you mean \"JPEG2000Lossless\"?",
        ],
    ),
    (
        "accept-transfer-syntaxes = 'all'",
        &["1:28: accept-transfer-syntaxes: expected a list in [ ], not the text \"all\""],
    ),
    (
        "accept-classes = ['CTImageStorag', 'CT']",
        &[
            "1:19: accept-classes: expected a SOP class: its UID, its keyword (\"CTImageStorage\") or the prefix of its files (\"CT\"), not \"CTImageStorag\"; did you mean \"CTImageStorage\"?",
        ],
    ),
    (
        "accept-transfer-syntaxes = []",
        &["1:28: accept-transfer-syntaxes: expected at least one transfer syntax"],
    ),
    ("accept-classes = []", &["1:18: accept-classes: expected at least one SOP class"]),
    (
        "default-character-set = 'ISO_IR 1000'",
        &[
            "1:25: default-character-set: expected defined terms of Specific Character Set such as \"ISO_IR 100\" (Latin-1) or \"ISO_IR 192\" (UTF-8), not \"ISO_IR 1000\"; did you mean \"ISO_IR 100\"?",
        ],
    ),
    (
        "profile.file = 'x'\naccept-classes = ['CT']",
        &[
            "1:1: profile: missing key \"name\"",
            "2:18: accept-classes has no effect with profile: leave one of them out",
        ],
    ),
    (
        "file = '{PatientID}'\nsort = 'time'",
        &["2:8: sort has no effect with file: leave one of them out"],
    ),
    (
        "sort = 'study'",
        &[
            "1:8: sort: expected \"none\", \"study-uid\", \"time\" or \"patient-name\", not the text \"study\"",
        ],
    ),
    (
        "sort = { prefix = 'a/b' }",
        &[
            "1:8: sort: missing key \"by\"",
            "1:19: sort.prefix: expected a part of a folder name: no '/' or '\\', no control characters",
        ],
    ),
    (
        "sort = { by = 'patient-name', prefix = 'p' }",
        &["1:8: sort: a prefix has no effect with by = \"patient-name\""],
    ),
    (
        "file-extension = '/x'",
        &[
            "1:18: file-extension: expected a part of a file name: no '/' or '\\', no control characters",
        ],
    ),
    (
        "duplicates = 'reject'\nfile-names = 'time'",
        &[
            "1:14: duplicates: expected \"replace\" or \"both\" where file-names is \"new-uid\" or \"time\": only names \
           with the SOP Instance UID show what is stored already",
        ],
    ),
    (
        "duplicates = 'keep'\n[[rule]]\ncalling = 'A'\nfile-names = 'new-uid'",
        &[
            "4:14: duplicates: expected \"replace\" or \"both\" where file-names is \"new-uid\" or \"time\": only names \
           with the SOP Instance UID show what is stored already",
        ],
    ),
    (
        "if-different = 'both'",
        &["1:16: if-different has no effect without duplicates = \"keep-if-equal\""],
    ),
    (
        "named-by = 'command'",
        &["1:12: named-by has no effect without lenient = [\"mismatched-uids\"]"],
    ),
    (
        "bit-preserving = true\ngroup-lengths = 'create'\ntransfer-syntax = 'deflated'",
        &[
            "2:17: group-lengths has no effect with bit-preserving: leave one of them out",
            "3:19: transfer-syntax has no effect with bit-preserving: leave one of them out",
        ],
    ),
    (
        "transfer-syntax = 'explicit-big'\naccept-transfer-syntaxes = ['uncompressed', 'RLELossless']",
        &[
            "2:28: accept-transfer-syntaxes has RLELossless, which is compressed and cannot be written in another transfer syntax: leave it out, or set transfer-syntax = \"as-received\"",
        ],
    ),
    (
        "transfer-syntax = 'explicit-big'\ncompression-level = 1",
        &["2:21: compression-level needs transfer-syntax = \"as-received\" or \"deflated\""],
    ),
    (
        "file-format = 'data-set'\npadding.file = 4",
        &["2:1: padding needs file-format = \"part-10\""],
    ),
    (
        "commands.on-end-of-study = 'x'",
        &["1:28: commands.on-end-of-study needs sort: only then studies have an end"],
    ),
    (
        "commands.end-of-study-timeout = 5",
        &["1:33: commands.end-of-study-timeout needs sort: only then studies have an end"],
    ),
    (
        "sort = 'time'\ncommands.on-end-of-study = 'x'\n[[rule]]\nfile = '{PatientID}'",
        &[
            "4:8: file leaves no sort, which the commands at the end of a study need: set commands.on-end-of-study = \"\" and commands.rename-on-end-of-study = false here too",
        ],
    ),
    (
        "log = { level = 'info', config = '/no/such' }",
        &[
            "1:17: log.level has no effect with log.config: leave one of them out",
            "1:34: log.config: /no/such does not exist",
        ],
    ),
    (
        "log.presentation-contexts = true",
        &["1:29: log.presentation-contexts needs log.level = \"info\" or more"],
    ),
    (
        "[tls]\nkey = 'k'",
        &["1:1: tls: missing key \"certificate\", the file of our own certificate"],
    ),
    (
        "[tls]\nkey = 'k'\ncertificate = 'c'\nprofile = 'bcp-195-extended'\ncipher-suites = ['X']\nwrite-random-seed = 'w'",
        &[
            "5:17: tls: cipher-suites cannot be added to profile = \"bcp-195-extended\"",
            "6:21: tls: write-random-seed needs random-seed",
        ],
    ),
    (
        "faults.provoke = ['object: status A700', 'object: stauts A700']",
        &[
            "1:51: faults.provoke: expected status, no, wrong, oversized, cut, unknown, delay, reject, refuse, accept, abort, reset, close, silence or tls, not 'stauts'; did you mean 'status'?",
        ],
    ),
    (
        "faults.provoke = ['connection: tls alert unknown-ca']",
        &["1:19: faults.provoke: the fault 'tls alert' needs [tls]"],
    ),
    (
        "faults.files = ['/no/such']",
        &["1:17: faults.files: cannot read /no/such: No such file or directory"],
    ),
    (
        "[[rule]]\nname = ''",
        &["2:8: rule.name: expected 1 to 64 characters, none of them a control character"],
    ),
    (
        "[[rule]]\nname = 'a'\n[[rule]]\nname = 'a'",
        &["4:8: rule.name: rule 1 is called \"a\" already"],
    ),
    (
        "[[rule]]\n[[rule]]\nname = 'rule 1'",
        &["3:8: rule.name: rule 1 is called \"rule 1\" already"],
    ),
    (
        "[[rule]]\ncalling = []\ncalled = ['ABCDEFGHIJKLMNOPQ', '']",
        &[
            "2:11: rule.calling: expected at least one entry; leave calling out for any",
            "3:11: rule.called: an AE title has at most 16 characters, this pattern needs 17",
            "3:32: rule.called: expected an AE title or a pattern with * and ?, not a blank text",
        ],
    ),
    (
        "[[rule]]\naddress = ['10.1.2.3/8', 'host']",
        &[
            "2:12: rule.address: 10.1.2.3/8 has bits behind its prefix: write \"10.0.0.0/8\" for the network, or \"10.1.2.3\" for the host",
            "2:26: rule.address: expected an address such as \"10.1.2.3\" or a network such as \"10.1.0.0/16\" or \"2001:db8::/32\", not the text \"host\"",
        ],
    ),
    (
        "[[rule]]\ncertificate = {}",
        &["2:15: rule.certificate: expected subject, alternative-name or fingerprint"],
    ),
    (
        "[[rule]]\ncertificate.fingerprint = 'AB'",
        &[
            "2:27: rule.certificate.fingerprint: expected 64 hexadecimal digits, as 'openssl x509 -noout -fingerprint -sha256' prints them, not the text \"AB\"",
        ],
    ),
    (
        "[[rule]]\nclass = 'ct'",
        &[
            "2:9: rule.class: expected a SOP class: its UID, its keyword (\"CTImageStorage\") or the prefix of its files (\"CT\"), not \"ct\"; did you mean \"CT\"?",
        ],
    ),
    (
        "[[rule]]\nrefuse = 'no-reason-givn'\nmax-pdu = 4096",
        &[
            "2:10: rule.refuse: expected \"calling-ae-title-not-recognized\", \"called-ae-title-not-recognized\", \"no-reason-given\", \"temporary-congestion\" or \"local-limit-exceeded\", not the text \"no-reason-givn\"; did you mean \"no-reason-given\"?",
        ],
    ),
    (
        "[[rule]]\nrefuse = 'no-reason-given'\nmax-pdu = 4096\nmax-associations = 1",
        &[
            "3:11: max-pdu has no effect with refuse: leave one of them out",
            "4:20: max-associations has no effect with refuse: leave one of them out",
        ],
    ),
    (
        "[http]\nlisten = [70000, 'host:80']",
        &[
            "2:11: http.listen: expected a port or an address, such as 8042, \"127.0.0.1:8042\" or \"[::1]:8042\", not the number 70000",
            "2:18: http.listen: expected a port or an address, such as 8042, \"127.0.0.1:8042\" or \"[::1]:8042\", not the text \"host:80\"",
        ],
    ),
    (
        "http.listen = '0.0.0.0:8042'",
        &[
            "1:15: http: 0.0.0.0:8042 can be reached from other machines and needs TLS and a token or user: listen on 127.0.0.1:8042, or add what is missing in [http] of the settings file, or set insecure = true there",
        ],
    ),
    (
        "http.tls = 'as-receiver'",
        &["1:12: http.tls: \"as-receiver\" needs [tls], which says key and certificate"],
    ),
    (
        "http.tls = 'as-reciever'",
        &[
            "1:12: http.tls: expected \"as-receiver\" or a table with key and certificate, not the text \"as-reciever\"; did you mean \"as-receiver\"?",
        ],
    ),
    ("http.tls = { key = 'k' }", &["1:12: http.tls: missing key \"certificate\""]),
    (
        "[[http.token]]\nname = 'a:b'\ntoken = 'xyz'",
        &[
            "1:1: http.token: missing key \"token\" or \"sha256\"",
            "2:8: http.token: name: expected a text without colons and control characters",
            "3:9: http.token.token: a secret must not be in this file, which is read, copied and kept in version control: write { file = \"PATH\" } or { env = \"VARIABLE\" }",
        ],
    ),
    (
        "[[http.token]]\nname = 'a'\nsha256 = 'xyz'",
        &[
            "3:10: http.token: the SHA-256 of a token has 64 hexadecimal digits; make it with: printf %s TOKEN | sha256sum",
        ],
    ),
    (
        "[[http.token]]\nname = 'a'\ntoken.env = 'CARGO_PKG_NAME'",
        &[
            "3:1: http.token: a token has 8 characters, fewer than 20; make one with: openssl rand -hex 32",
        ],
    ),
    (
        "[[http.user]]\nrole = 'admin'",
        &[
            "1:1: http.user: missing key \"name\"",
            "1:1: http.user: missing key \"password-hash\"",
            "2:8: http.user.role: expected \"viewer\" or \"operator\", not the text \"admin\"",
        ],
    ),
    (
        "[[http.user]]\nname = 'a'\npassword-hash = 'hunter2'",
        &[
            "1:3: http: the password hash of user 'a' cannot be used: it is no PHC string, such as $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH; make one with: storescp hash-password",
        ],
    ),
    ("listen = 1\nlisten = 2", &["2:1: not TOML: duplicate key"]),
    (
        "listen =\nae-titel = 'x'",
        &["1:9: not TOML: ", "2:1: unknown key \"ae-titel\"; did you mean \"ae-title\"?"],
    ),
    ("[tls\nkey = 'x'", &["1:5: not TOML: "]),
];

#[test]
fn everything_that_is_wrong_is_told() {
    for (text, expected) in MESSAGES {
        let told = faults(text);
        let is_told = |message: &&str| {
            told.iter().any(|line| {
                line == message || message.ends_with("TOML: ") && line.starts_with(*message)
            })
        };
        assert_eq!(told.len(), expected.len(), "{text}\n{told:#?}");
        for message in *expected {
            assert!(is_told(message), "{text}\nwanted {message:#?}\nfound {told:#?}");
        }
    }
}
