//! Makes keys and certificates, and runs TLS clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::process::{Output, run};
use crate::wire::{Request, abort};
use crate::{Scratch, peers};

/// Keys and certificates for the tests, generated once per run.
///
/// | name | what |
/// |---|---|
/// | `ca`, `other-ca` | two certificate authorities |
/// | `server`, `ec-server`, `ed-server` | RSA, P-256 and Ed25519 keys with certificates issued by `ca` |
/// | `client` | a certificate issued by `ca` |
/// | `chained` | a certificate issued by an intermediate authority, with the authority's certificate |
/// | `stranger`, `self-signed`, `expired`, `revoked`, `another-name` | as their names say |
/// | `small`, `sha1` | a 1024-bit RSA key, a SHA-1 signature |
///
/// Each is in `NAME.key` and `NAME.pem`; other files are described at the functions that make them.
#[derive(Debug)]
pub struct Pki {
    scratch: Scratch,
}

/// The password of all encrypted keys.
pub const PASSWORD: &str = "correct horse";

impl Pki {
    /// Returns those of this test run. The first caller generates them; they are deleted when the last owner is
    /// dropped.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Pki>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pki) = shared.upgrade() {
            return pki;
        }
        let pki = Arc::new(Self::make());
        *shared = Arc::downgrade(&pki);
        pki
    }

    /// Path of the file with this name.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Splits `line` into words, and replaces `%name` by the path of that file.
    #[must_use]
    pub fn words(&self, line: &str) -> Vec<String> {
        let expand = |word: &str| match word.strip_prefix('%') {
            Some(name) => self.path(name).to_str().expect("paths are text").to_owned(),
            None => word.to_owned(),
        };
        line.split_whitespace().map(expand).collect()
    }

    /// Copies a file to a place where a test may change it.
    pub fn copy(&self, name: &str, target: &Path) {
        fs::copy(self.path(name), target).expect("a file can be copied");
    }

    fn make() -> Self {
        let pki = Self { scratch: Scratch::new() };
        fs::write(pki.path("ca.cnf"), AUTHORITY).expect("a file can be written");
        for (name, text) in [("authority", "critical,CA:TRUE"), ("leaf", "CA:FALSE")] {
            fs::write(pki.path(&format!("{name}.ext")), format!("basicConstraints={text}\n"))
                .expect("a file can be written");
        }
        for name in ["ca", "other-ca"] {
            pki.openssl(&format!(
                "req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.pem -days 365 \
                 -subj /CN={name} -sha256"
            ));
        }
        pki.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out server.key");
        pki.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out client.key");
        pki.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out small.key");
        pki.openssl(
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt \
             ec_param_enc:named_curve -out ec-server.key",
        );
        pki.openssl("genpkey -algorithm ED25519 -out ed-server.key");
        for name in ["server", "ec-server", "ed-server", "client", "small"] {
            pki.certify(name, name, "ca", "-days 365 -sha256");
        }
        for (name, terms) in [
            ("expired", "-days -1 -sha256"),
            ("revoked", "-days 365 -sha256"),
            ("another-name", "-days 365 -sha256"),
            ("sha1", "-days 365 -sha1"),
            ("intermediate", "-days 365 -sha256"),
        ] {
            pki.copy("client.key", &pki.path(&format!("{name}.key")));
            pki.certify(name, "client", "ca", terms);
        }
        for name in ["stranger", "self-signed", "chained"] {
            pki.copy("client.key", &pki.path(&format!("{name}.key")));
        }
        pki.certify("stranger", "client", "other-ca", "-days 365 -sha256");
        pki.openssl(
            "req -x509 -key client.key -out self-signed.pem -days 365 -subj /CN=self-signed -sha256",
        );
        pki.certify("leaf", "client", "intermediate", "-days 365 -sha256");
        pki.concatenate(&["leaf.pem", "intermediate.pem"], "chained.pem");
        let request = [Request::usual().encode(), abort(0, 0)].concat();
        fs::write(pki.path("request"), request).expect("a file can be written");
        pki.make_crls();
        pki.make_other_forms();
        pki
    }

    /// Makes `ca.crl`, which revokes `revoked`, also in a hashed directory (`hashed`, with `ca`).
    fn make_crls(&self) {
        fs::write(self.path("index.txt"), "").expect("a file can be written");
        fs::write(self.path("crlnumber"), "01\n").expect("a file can be written");
        self.openssl("ca -config ca.cnf -gencrl -out empty.crl");
        self.openssl("ca -config ca.cnf -revoke revoked.pem");
        self.openssl("ca -config ca.cnf -gencrl -out ca.crl");
        self.openssl("crl -in ca.crl -outform DER -out ca.crl.der");
        for (directory, names) in [("hashed", &["ca.pem", "ca.crl"][..]), ("unhashed", &["ca.pem"])]
        {
            let path = self.scratch.directory(directory);
            for name in names {
                self.copy(name, &path.join(name));
            }
        }
        self.openssl("rehash hashed");
    }

    /// Makes other formats of the server's key, its certificate in DER, and Diffie-Hellman parameters.
    fn make_other_forms(&self) {
        fs::write(self.path("password"), PASSWORD).expect("a file can be written");
        self.openssl("pkcs8 -topk8 -in server.key -out pkcs8.key -passout file:password");
        self.openssl(
            "pkcs8 -topk8 -in server.key -outform DER -out pkcs8.key.der -passout file:password",
        );
        self.openssl("rsa -in server.key -traditional -out pkcs1.key");
        self.openssl("rsa -in server.key -traditional -aes128 -out aes.key -passout file:password");
        self.openssl(
            "rsa -provider legacy -provider default -in server.key -traditional -des -out des.key \
             -passout file:password",
        );
        self.openssl("rsa -in server.key -outform DER -out server.key.der");
        for name in ["server", "ca"] {
            self.openssl(&format!("x509 -in {name}.pem -outform DER -out {name}.pem.der"));
        }
        self.concatenate(&["server.pem", "ca.pem"], "server-chain.pem");
        for form in ["key", "pem"] {
            let parts = ["server", "ec-server"].map(|name| format!("{name}.{form}"));
            self.concatenate(&[&parts[0], &parts[1]], &format!("two.{form}"));
        }
        // Generated with `openssl dhparam 1024`, which takes seconds; the parameters are not secret.
        fs::write(self.path("dh1024.pem"), DH_1024).expect("a file can be written");
        self.openssl("genpkey -genparam -algorithm DH -pkeyopt group:ffdhe3072 -out dh3072.pem");
    }

    /// Makes a certificate called `name` for the key `key`, signed by `authority`.
    fn certify(&self, name: &str, key: &str, authority: &str, terms: &str) {
        self.openssl(&format!("req -new -key {key}.key -out {name}.csr -subj /CN={name}"));
        let extensions = if name == "intermediate" { "authority" } else { "leaf" };
        let signer = if authority == "intermediate" { "client" } else { authority };
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {signer}.key -CAcreateserial \
             -out {name}.pem {terms} -extfile {extensions}.ext"
        ));
    }

    fn concatenate(&self, parts: &[&str], target: &str) {
        let contents = parts.iter().map(|name| fs::read(self.path(name)).expect("it is there"));
        fs::write(self.path(target), contents.collect::<Vec<_>>().concat())
            .expect("a file can be written");
    }

    fn openssl(&self, line: &str) {
        let mut command = peers::debian("openssl");
        command.args(line.split_whitespace()).current_dir(self.scratch.path());
        run(&mut command, CLIENT_TIME_LIMIT).expect_success(line);
    }
}

/// Result of an attempt to open an association over TLS.
#[derive(Debug)]
pub struct Attempt {
    /// True if the association was accepted.
    pub accepted: bool,
    /// Negotiated protocol version, such as `TLSv1.2`; empty if none.
    pub protocol: String,
    /// OpenSSL's name of the negotiated cipher suite; empty if none.
    pub suite: String,
    /// Everything that the client printed.
    pub text: String,
}

/// Opens an association with `openssl s_client` and these further arguments, and aborts it.
#[must_use]
pub fn s_client(pki: &Pki, port: u16, line: &str) -> Attempt {
    // Security level 0, so that the receiver decides what is negotiated.
    let mut command = Command::new("sh");
    command.arg("-c").arg("exec \"$0\" \"$@\" <\"$REQUEST\"").env("REQUEST", pki.path("request"));
    command.arg(peers::debian_path("openssl")).args(["s_client", "-connect"]);
    command.arg(format!("127.0.0.1:{port}")).args(["-brief", "-nocommands", "-ign_eof"]);
    command.args(pki.words(line));
    if !line.contains("-cipher ") {
        command.args(["-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]);
    }
    let output = run(&mut command, CLIENT_TIME_LIMIT);
    let told = |name: &str| {
        let line = output.stderr.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    Attempt {
        accepted: output.stdout.starts_with("\u{2}\0"),
        protocol: told("Protocol version:"),
        suite: told("Ciphersuite:"),
        text: output.stderr,
    }
}

/// Runs one of DCMTK's senders with these options (a line as in [`Pki::words`]) and files.
#[must_use]
pub fn dcmtk(pki: &Pki, program: &str, port: u16, line: &str, files: &[&Path]) -> Output {
    let mut command = peers::debian(program);
    command.env("TCP_NODELAY", "1").args(pki.words(line));
    command.arg("127.0.0.1").arg(port.to_string()).args(files);
    run(&mut command, CLIENT_TIME_LIMIT)
}

/// Time limit for a client.
pub const CLIENT_TIME_LIMIT: Duration = Duration::from_secs(60);

const AUTHORITY: &str = "\
[ca]
default_ca = this
[this]
database = index.txt
crlnumber = crlnumber
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_crl_days = 30
";

const DH_1024: &str = "\
-----BEGIN DH PARAMETERS-----
MIGHAoGBAJ1f9r3Zy3/S2ufsUJoHyv2f84MyXT73KJXwBClfGvrrPebrjRUI2RYr
qfwezFqbIV3W0ttwLy44qjoHzjxTZD4lpRRQhEDH3tTjBggeFb01pI0tcPkDIjgl
fa67jF6QwFXHEXUzoS/bjqpGkHHY6TeLBHBKVaYlxVNPKT4fySS/AgEC
-----END DH PARAMETERS-----
";
