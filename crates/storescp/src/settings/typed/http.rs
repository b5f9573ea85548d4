//! The control plane.

use crate::settings::reader::{
    At, OneOrMore, Read, Report, Value, Word, read_value, table, word_schema, words,
};
use crate::settings::values::{HashSource, HttpAddress, SecretSource};
use control::Role;
use receiver::net::tls::KeyFormat;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::path::PathBuf;

table! {
    /// Metrics, health and an API over HTTP. Without this table and without `--http` there are none. Whether there are,
    /// and where they are, changes at a restart; the rest with a reload.
    ///
    /// From this machine, a loopback address needs nothing. Any other address needs `tls`, and a token or user to log in
    /// with, or `insecure = true`.
    struct Http {
        /// Whether there is one. `false` turns off what the command line turns on.
        #[schemars(extend("default" = true))]
        enabled: bool,
        /// Where to listen: a port of this machine only, an address (with port 8042), or both; or a list of them.
        #[schemars(example = 8042, example = ["127.0.0.1:8042", "10.0.0.7:8042"], extend("default" = "127.0.0.1:8042"))]
        listen: OneOrMore<HttpAddress>,
        /// Encryption: `"as-receiver"` for key and certificate of `[tls]`, or a table with others.
        #[schemars(example = &"as-receiver")]
        tls: HttpTls,
        /// Who may log in with a token (`Authorization: Bearer`).
        token: Vec<At<Token>>,
        /// Who may log in with a password (`Authorization: Basic`).
        user: Vec<At<User>>,
        /// Whether addresses that are not loopback may be used without TLS and, if there are neither tokens nor users,
        /// without a log-in.
        #[schemars(extend("default" = false))]
        insecure: bool,
        /// Whether `/livez` and `/readyz` need no log-in on any address. They then tell neither paths nor reasons.
        #[schemars(extend("default" = false))]
        open_health: bool,
        /// Names of this host, beside its addresses and `localhost`, that requests without a log-in may name it by.
        #[schemars(example = ["dicom.example"])]
        host_names: OneOrMore<String>,
    }
}

table! {
    /// Who may log in with a token.
    struct Token {
        /// For the log and the audit.
        #[schemars(example = &"prometheus")]
        name: String,
        /// The token: at least 20 characters, as `openssl rand -hex 32` makes them.
        #[schemars(example = serde_json::json!({ "file": "/etc/storescp/prometheus-token" }))]
        token: SecretSource,
        /// In place of `token`, its SHA-256, as `printf %s TOKEN | sha256sum` prints it.
        sha256: String,
        /// What it allows.
        #[schemars(extend("default" = "viewer"))]
        role: RoleWord,
    }
}

table! {
    /// Who may log in with a password.
    struct User {
        /// The name to log in with.
        #[schemars(example = &"admin")]
        name: String,
        /// The hash of the password, as `storescp hash-password` prints it; or where it is.
        #[schemars(example = serde_json::json!({ "file": "/etc/storescp/admin-hash" }))]
        password_hash: HashSource,
        /// What they may do.
        #[schemars(extend("default" = "viewer"))]
        role: RoleWord,
    }
}

words! {
    /// What somebody who has logged in may do.
    RoleWord of Role {
        "viewer" => Role::Viewer, "read";
        "operator" => Role::Operator, "reload the settings, too";
    }
}

table! {
    /// Key and certificate of the control plane.
    struct HttpTlsTable {
        /// The file of the private key.
        #[schemars(example = "key.pem")]
        key: PathBuf,
        /// The file of the certificate, with those between it and its authority.
        #[schemars(example = "certificate.pem")]
        certificate: PathBuf,
        /// The password of the private key, if it is encrypted.
        password: SecretSource,
        /// The format of both files.
        #[schemars(extend("default" = "pem"))]
        file_format: HttpFormat,
    }
}

words! {
    /// The format of key and certificate.
    HttpFormat of KeyFormat {
        "pem" => KeyFormat::Pem, "text";
        "der" => KeyFormat::Der, "binary";
    }
}

/// Where key and certificate of the control plane are.
#[derive(Debug)]
pub(in crate::settings) enum HttpTls {
    AsReceiver,
    Own(Box<HttpTlsTable>),
}

const AS_RECEIVER: &[Word<()>] =
    &[Word { word: "as-receiver", value: (), meaning: "key and certificate of [tls]" }];

impl Read for HttpTls {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        match value.get_ref().as_str() {
            Some("as-receiver") => Some(Self::AsReceiver),
            Some(_) => {
                let what = "\"as-receiver\" or a table with key and certificate";
                report.expected_one_of(value, what, ["as-receiver"]);
                None
            }
            None => read_value(value, report).map(|table| Self::Own(Box::new(table))),
        }
    }
}

impl JsonSchema for HttpTls {
    fn schema_name() -> Cow<'static, str> {
        "HttpTls".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<HttpTlsTable>();
        json_schema!({ "anyOf": [word_schema(AS_RECEIVER), table] })
    }
}
