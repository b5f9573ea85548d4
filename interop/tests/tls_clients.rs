//! Tests which TLS versions and cipher suites each security profile negotiates with each client.

use std::path::Path;
use std::sync::Arc;

use interop::process::{Output, run};
use interop::tls::{Attempt, CLIENT_TIME_LIMIT, Pki, dcmtk, s_client};
use interop::{Program, Server, corpus, peers};

fn start(pki: &Pki, program: Program, line: &str) -> Server {
    let words = pki.words(line);
    Server::start(program, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// What `openssl s_client` can be restricted to: a version, and up to TLS 1.2 a cipher suite.
const FORCED: &[&str] = &[
    "-tls1",
    "-tls1_1",
    "-tls1_2",
    "-tls1_3",
    "-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256",
    "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256",
    "-tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256",
    "-tls1_3 -ciphersuites TLS_AES_128_CCM_8_SHA256",
    "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256",
    "-tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384",
    "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256",
    "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384",
    "-tls1_2 -cipher ECDHE-ECDSA-AES128-CCM",
    "-tls1_2 -cipher ECDHE-ECDSA-AES256-CCM8",
    "-tls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305",
    "-tls1_2 -cipher ECDHE-RSA-AES256-SHA384",
    "-tls1_2 -cipher ECDHE-RSA-AES128-SHA",
    "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256",
    "-tls1_2 -cipher DHE-RSA-AES256-GCM-SHA384",
    "-tls1_2 -cipher DHE-RSA-AES256-SHA",
    "-tls1_2 -cipher AES128-GCM-SHA256",
    "-tls1_2 -cipher AES128-SHA256",
    "-tls1_2 -cipher AES128-SHA:@SECLEVEL=0",
    "-tls1 -cipher AES128-SHA:@SECLEVEL=0",
    "-tls1_2 -cipher AES256-SHA:@SECLEVEL=0",
    "-tls1_2 -cipher CAMELLIA128-SHA:@SECLEVEL=0",
    "-tls1_2 -cipher NULL-SHA:@SECLEVEL=0",
    "-tls1 -cipher NULL-SHA:@SECLEVEL=0",
];

/// Every profile of Debian's version, with an RSA and a P-256 key: the same clients can connect, with the same
/// version and, if the client names one suite, the same suite.
fn negotiates_what_debian_does(profile: &str) {
    let pki = Pki::shared();
    for key in ["server", "ec-server"] {
        let line = format!("+tls %{key}.key %{key}.pem -ic {profile}");
        let [ours, theirs] =
            [Program::Ours, Program::Debian].map(|program| start(&pki, program, &line));
        for forced in FORCED {
            let [ours, theirs] =
                [&ours, &theirs].map(|server| s_client(&pki, server.port(), forced));
            assert_eq!(
                (ours.accepted, &ours.protocol),
                (theirs.accepted, &theirs.protocol),
                "{line}: {forced}\n{}\n{}",
                ours.text,
                theirs.text
            );
            if forced.contains(' ') {
                assert_eq!(ours.suite, theirs.suite, "{line}: {forced}");
            }
        }
    }
}

#[test]
fn profile_bcp195_nd_negotiates_what_debian_does() {
    negotiates_what_debian_does("+py");
}

#[test]
fn profile_bcp195_negotiates_what_debian_does() {
    negotiates_what_debian_does("+px");
}

#[test]
fn profile_bcp195_ex_negotiates_what_debian_does() {
    negotiates_what_debian_does("+pz");
}

#[test]
fn profile_aes_negotiates_what_debian_does() {
    negotiates_what_debian_does("+pa");
}

#[test]
fn profile_null_negotiates_what_debian_does() {
    negotiates_what_debian_does("+pn");
}

/// The arguments of those in FORCED that can connect.
fn who_gets_in(pki: &Pki, server: &Server) -> Vec<&'static str> {
    let gets_in = |forced: &&&str| s_client(pki, server.port(), forced).accepted;
    FORCED.iter().filter(gets_in).copied().collect()
}

/// The profiles that only today's version of DCMTK has.
#[test]
fn profile_8996_negotiates_what_the_standard_says() {
    let pki = Pki::shared();
    let rsa = start(&pki, Program::Ours, "+tls %server.key %server.pem -ic +pg");
    let expected = [
        "-tls1_2",
        "-tls1_3",
        "-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256",
        "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256",
        "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256",
        "-tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384",
    ];
    assert_eq!(who_gets_in(&pki, &rsa), expected);
    let ec = start(&pki, Program::Ours, "+tls %ec-server.key %ec-server.pem -ic");
    let expected = expected.map(|words| match words {
        "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256" => {
            "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256"
        }
        "-tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384" => {
            "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384"
        }
        words => words,
    });
    assert_eq!(who_gets_in(&pki, &ec), expected, "the default profile");
}

#[test]
fn profile_8996_mod_negotiates_what_the_standard_says() {
    let pki = Pki::shared();
    let newer = [
        "-tls1_2",
        "-tls1_3",
        "-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256",
        "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256",
        "-tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256",
        "-tls1_3 -ciphersuites TLS_AES_128_CCM_8_SHA256",
    ];
    let rsa = start(&pki, Program::Ours, "+tls %server.key %server.pem -ic +pm");
    let with_rsa = [
        "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256",
        "-tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384",
        "-tls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305",
    ];
    assert_eq!(who_gets_in(&pki, &rsa), [&newer[..], &with_rsa].concat());
    let ec = start(&pki, Program::Ours, "+tls %ec-server.key %ec-server.pem -ic +pm");
    let with_ec = [
        "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256",
        "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384",
        "-tls1_2 -cipher ECDHE-ECDSA-AES128-CCM",
        "-tls1_2 -cipher ECDHE-ECDSA-AES256-CCM8",
    ];
    assert_eq!(who_gets_in(&pki, &ec), [&newer[..], &with_ec].concat());
}

/// Strong suites come before weak ones whatever the client prefers, and suites with forward secrecy before
/// others.
#[test]
fn the_order_of_the_server_decides() {
    let pki = Pki::shared();
    let server = start(&pki, Program::Ours, "+tls %server.key %server.pem -ic +px");
    for (offered, chosen) in [
        ("AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES256-GCM-SHA384"),
        ("DHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
    ] {
        let line = format!("-tls1_2 -cipher {offered}:@SECLEVEL=0");
        assert_eq!(s_client(&pki, server.port(), &line).suite, chosen, "{offered}");
    }
}

/// With one suite, named in either way, clients that support only that suite can connect.
#[test]
fn suites_asked_for_by_name_are_negotiated() {
    let pki = Pki::shared();
    for (name, forced) in [
        ("TLS_RSA_WITH_AES_128_CBC_SHA", "-tls1_2 -cipher AES128-SHA:@SECLEVEL=0"),
        ("AES128-SHA", "-tls1_2 -cipher AES128-SHA:@SECLEVEL=0"),
        ("TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", "-tls1_2 -cipher DHE-RSA-AES256-SHA256"),
        ("TLS_RSA_WITH_CAMELLIA_256_CBC_SHA", "-tls1_2 -cipher CAMELLIA256-SHA:@SECLEVEL=0"),
        ("TLS_AES_128_CCM_SHA256", "-tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256"),
    ] {
        let without = start(&pki, Program::Ours, "+tls %server.key %server.pem -ic");
        assert!(!s_client(&pki, without.port(), forced).accepted, "{forced} is in the profile");
        let line = format!("+tls %server.key %server.pem -ic +cs {name}");
        let with = start(&pki, Program::Ours, &line);
        let attempt = s_client(&pki, with.port(), forced);
        assert!(attempt.accepted, "{name}: {}", attempt.text);
    }
}

/// A retired profile, a weak suite and short parameters each cause a warning.
#[test]
fn what_is_weak_is_warned_of() {
    let pki = Pki::shared();
    let quiet = start(&pki, Program::Ours, "+tls %server.key %server.pem -ic");
    assert_eq!(quiet.stderr(), "");
    for (line, warning) in [
        ("+px", "W: the BCP 195 TLS Profile is retired: it negotiates TLS 1.0 and 1.1, AES in CBC"),
        ("+pa", "W: the AES TLS Secure Transport Connection Profile is retired: it negotiates"),
        ("+pb", "W: the Basic TLS Secure Transport Connection Profile is retired: it negotiates"),
        ("+pn", "is retired: it does not encrypt\n"),
        ("+py", "W: the Non-downgrading BCP 195 TLS Profile is retired: it takes keys and"),
        ("+pz", "W: the Extended BCP 195 TLS Profile is retired: it takes keys and"),
        (
            "+cs TLS_RSA_WITH_3DES_EDE_CBC_SHA",
            "W: Ciphersuite 'TLS_RSA_WITH_3DES_EDE_CBC_SHA' is weak: it uses 64-bit blocks (triple \
             DES), uses RSA key transport, so has no forward secrecy, uses CBC, authenticates with \
             SHA-1\n",
        ),
        ("+py +dp %dh1024.pem", "they have 1024 bits, fewer than 2048\n"),
    ] {
        let server =
            start(&pki, Program::Ours, &format!("+tls %server.key %server.pem -ic {line}"));
        assert!(server.stderr().contains(warning), "{line}: {}", server.stderr());
    }
    for (line, warning) in [
        ("+tls %small.key %small.pem -ic +py", "is only 1024 bits.\n"),
        ("+tls %sha1.key %sha1.pem -ic +py", "Certificate hash key not SHA-256: "),
    ] {
        let server = start(&pki, Program::Ours, line);
        assert!(server.stderr().contains(warning), "{line}: {}", server.stderr());
    }
}

/// Settings that would exclude every client are reported.
#[test]
fn what_no_peer_can_give_is_warned_of() {
    let pki = Pki::shared();
    let line = "+tls %server.key %server.pem";
    for (options, warning) in [
        (
            "",
            "W: no trusted certificate authority (--add-cert-file, --add-cert-dir): every certificate",
        ),
        ("+cf %ca.pem +crv", "but there is no revocation list (--add-crl-file): every certificate"),
    ] {
        let server = start(&pki, Program::Ours, &format!("{line} {options}"));
        assert!(server.stderr().contains(warning), "{options}: {}", server.stderr());
    }
    for options in ["-ic", "+cf %ca.pem", "+cf %ca.pem +crl %ca.crl", "+cd %hashed +crv"] {
        let server = start(&pki, Program::Ours, &format!("{line} {options}"));
        assert_eq!(server.stderr(), "", "{options}");
    }
}

/// Curves that Debian's version accepts, and those that it does not.
#[test]
fn groups_are_those_of_debian_and_newer_ones() {
    let pki = Pki::shared();
    let line = "+tls %server.key %server.pem -ic +py";
    let [ours, theirs] = [Program::Ours, Program::Debian].map(|program| start(&pki, program, line));
    let accepts = |server: &Server, group: &str, version: &str| {
        s_client(&pki, server.port(), &format!("{version} -groups {group}")).accepted
    };
    for group in ["P-256", "P-384", "P-521"] {
        for version in ["-tls1_2", "-tls1_3"] {
            assert!(accepts(&ours, group, version), "{group} {version}");
            assert!(accepts(&theirs, group, version), "{group} {version}");
        }
    }
    for group in ["X25519", "X448", "ffdhe2048"] {
        assert!(accepts(&ours, group, "-tls1_3"), "{group}");
        assert!(!accepts(&theirs, group, "-tls1_3"), "{group}");
    }
    let old_curve = "-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256 -groups brainpoolP256r1";
    for server in [&ours, &theirs] {
        assert!(s_client(&pki, server.port(), old_curve).accepted, "brainpool");
    }
}

/// Diffie-Hellman parameters are used.
#[test]
fn dh_parameters_are_those_of_the_file() {
    let pki = Pki::shared();
    let dhe = "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0";
    for (line, bits) in [("", "2048"), ("+dp %dh3072.pem", "3072"), ("+dp %dh1024.pem", "1024")] {
        let line = format!("+tls %server.key %server.pem -ic +py {line}");
        for program in [Program::Ours, Program::Debian] {
            let server = start(&pki, program, &line);
            let Attempt { accepted, text, .. } = s_client(&pki, server.port(), dhe);
            assert!(accepted, "{line}: {text}");
            assert!(text.contains(&format!("DH, {bits} bits")), "{line}: {text}");
        }
    }
}

const STORESCU_PROFILES: [&str; 5] = ["+py", "+px", "+pz", "+pa", "+pn"];

/// DCMTK's storescu and echoscu, with each of their profiles, succeed or fail with each of ours as with
/// Debian's program. For profiles that Debian's version lacks, the result follows from what both sides support.
#[test]
fn storescu_stores_over_each_profile() {
    let pki = Pki::shared();
    let file = &corpus::file("test_files/CT_small.dcm").path;
    for profile in ["+pg", "+pm", "+py", "+px", "+pz", "+pa", "+pn"] {
        let line = format!("+tls %server.key %server.pem +cf %ca.pem {profile}");
        let ours = start(&pki, Program::Ours, &line);
        let theirs =
            STORESCU_PROFILES.contains(&profile).then(|| start(&pki, Program::Debian, &line));
        for client in STORESCU_PROFILES {
            let ended = store(&pki, &ours, client, file);
            let stored = ours.files().len() == 1;
            ours.clear();
            assert_eq!(ended.code() == Some(0), stored, "{profile}, {client}: {}", ended.stderr);
            let line = format!("+tls %client.key %client.pem +cf %ca.pem {client}");
            let echo = dcmtk(&pki, "echoscu", ours.port(), &line, &[]);
            assert_eq!(echo.code() == Some(0), stored, "{profile}, {client}: {}", echo.stderr);
            let expected = match &theirs {
                Some(theirs) => store(&pki, theirs, client, file).code() == Some(0),
                // TLS 1.2 with ECDHE and GCM, or TLS 1.3.
                None => ["+py", "+px", "+pz"].contains(&client),
            };
            assert_eq!(stored, expected, "{profile}, {client}: {}", ended.stderr);
        }
    }
}

fn store(pki: &Arc<Pki>, server: &Server, profile: &str, file: &Path) -> Output {
    let line = format!("+tls %client.key %client.pem +cf %ca.pem {profile}");
    dcmtk(pki, "storescu", server.port(), &line, &[file])
}

/// Each profile, with additional suites that only old devices use.
#[test]
fn objects_are_stored_with_suites_of_each_profile() {
    let pki = Pki::shared();
    for (profile, suite) in [
        ("", "TLS_AES_128_GCM_SHA256"),
        ("+pg", "ECDHE-RSA-AES256-GCM-SHA384"),
        ("+pm", "ECDHE-RSA-CHACHA20-POLY1305"),
        ("+py", "DHE-RSA-AES128-GCM-SHA256"),
        ("+px", "DES-CBC3-SHA"),
        ("+pz", "DHE-RSA-AES256-GCM-SHA384"),
        ("+pb", "DES-CBC3-SHA"),
        ("+pa", "AES128-SHA"),
        ("+pn", "NULL-SHA"),
        ("+cs TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA"),
        ("+cs TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA", "DHE-RSA-CAMELLIA256-SHA"),
    ] {
        let line = format!("+tls %server.key %server.pem -ic --durability none {profile}");
        let server = start(&pki, Program::Ours, &line);
        let mut command = peers::loadgen();
        command.args(["store", &format!("127.0.0.1:{}", server.port()), "--tls", suite]);
        command.args(["--objects", "3", "--object-bytes", "300000", "--filler", "noise"]);
        run(&mut command, CLIENT_TIME_LIMIT).expect_success(&line);
        assert_eq!(server.files().len(), 3, "{line}");
    }
}

/// Python's ssl, and pynetdicom using it.
#[test]
fn pynetdicom_stores_over_tls() {
    let pki = Pki::shared();
    let server = start(&pki, Program::Ours, "+tls %server.key %server.pem +cf %ca.pem");
    let file = &corpus::file("test_files/CT_small.dcm").path;
    for version in ["TLSv1_2", "TLSv1_3"] {
        let mut command = peers::python_script("tls_store.py");
        command.args(pki.words(&format!("{version} %client.key %client.pem %ca.pem")));
        command.arg(server.port().to_string()).arg(file);
        let output = run(&mut command, CLIENT_TIME_LIMIT).expect_success("pynetdicom");
        assert!(output.stdout.starts_with("0000 "), "{}", output.stdout);
        assert_eq!(server.files().len(), 1, "{version}");
        server.clear();
    }
}

/// dicom-rs, on rustls.
#[test]
fn dicom_storescu_stores_over_tls() {
    let pki = Pki::shared();
    for key in ["server", "ec-server"] {
        let line = format!("+tls %{key}.key %{key}.pem +cf %ca.pem");
        let server = start(&pki, Program::Ours, &line);
        let file = &corpus::file("test_files/CT_small.dcm").path;
        let mut command = peers::dicom_rs("dicom-storescu");
        command.args(pki.words(DICOM_RS)).arg(format!("127.0.0.1:{}", server.port())).arg(file);
        run(&mut command, CLIENT_TIME_LIMIT).expect_success("dicom-storescu");
        assert_eq!(server.files().len(), 1, "{key}");
    }
}

const DICOM_RS: &str = "--tls --key %client.key --cert %client.pem --peer-cert ignore";
