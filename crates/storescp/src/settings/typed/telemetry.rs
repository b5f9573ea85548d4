//! What other machines are told: audit messages and traces.

use crate::settings::reader::{At, table};
use crate::settings::values::{SecretSource, Share, Url};
use std::path::PathBuf;
use telemetry::{AuditDestination, TraceUrl};

table! {
    /// Audit messages (PS3.15 A.5, docs/audit.md): who sent what, and who was refused. Without this table and without
    /// `--audit` there are none. A change needs a restart.
    struct Audit {
        /// Whether there are any. `false` turns off what the command line turns on.
        #[schemars(extend("default" = true))]
        enabled: bool,
        /// Where they go: a syslog server by TLS or UDP, or a file.
        #[schemars(example = &"syslog+tls://audit.example:6514", example = &"syslog+udp://10.0.0.5:514", example = &"file:/var/log/storescp-audit.log")]
        destination: Url<AuditDestination>,
        /// Certificates of the authorities that may have issued the server's certificate (PEM). Those that the system
        /// trusts if it is missing.
        #[schemars(example = &"authority.pem")]
        ca: PathBuf,
        /// Our own certificate, with those between it and its authority (PEM). None if it is missing.
        #[schemars(example = &"certificate.pem")]
        certificate: PathBuf,
        /// The private key of our certificate (PEM, without a password), if it is not in the same file.
        #[schemars(example = &"key.pem")]
        key: PathBuf,
        /// The Audit Source ID. The name of the host if it is missing.
        #[schemars(example = &"archive-1")]
        source_id: String,
        /// The Audit Enterprise Site ID: where the source ID is unique.
        #[schemars(example = &"hospital.example")]
        site_id: String,
    }
}

table! {
    /// Traces of associations and objects by OTLP/HTTP (docs/operations.md). Without this table and without `--traces`
    /// there are none. A change needs a restart.
    struct Traces {
        /// Whether there are any. `false` turns off what the command line turns on.
        #[schemars(extend("default" = true))]
        enabled: bool,
        /// Where they go.
        #[schemars(example = &"http://127.0.0.1:4318", example = &"https://tempo.example/v1/traces")]
        url: Url<TraceUrl>,
        /// The share of associations that are traced.
        #[schemars(example = 0.1, extend("default" = 1))]
        share: Share,
        /// The name of this service.
        #[schemars(extend("default" = "storescp"))]
        service_name: String,
        /// As in `[audit]`.
        #[schemars(example = &"authority.pem")]
        ca: PathBuf,
        /// As in `[audit]`.
        #[schemars(example = &"certificate.pem")]
        certificate: PathBuf,
        /// As in `[audit]`.
        #[schemars(example = &"key.pem")]
        key: PathBuf,
        /// Header fields of requests.
        header: Vec<At<TraceHeader>>,
    }
}

table! {
    /// A header field of requests.
    struct TraceHeader {
        /// Its name.
        #[schemars(example = &"Authorization")]
        name: String,
        /// Its value.
        #[schemars(example = serde_json::json!({ "file": "/etc/storescp/traces-token" }))]
        value: SecretSource,
    }
}
