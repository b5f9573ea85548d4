//! Destinations.

use crate::settings::reader::{At, Integer, OneOrMore, table, words};
use crate::settings::values::{
    AeTitleText, Attempts, ByteAmount, ByteRate, FilterText, FolderFile, HostPort, HoursText,
    HttpUrl, SecretSource, Time, TimeOrNever,
};
use delivery::{On, OverBounds};
use std::path::PathBuf;

table! {
    /// Somebody whom objects, or the ends of studies, are delivered to (docs/outbox.md). Rules choose destinations by
    /// `deliver`. Each key that is not for all kinds says for which it is. All of this changes with a reload.
    struct Destination {
        /// What `deliver`, the log, metrics and `storescp outbox` call it: letters, digits, `.`, `_` and `-`. What waits is
        /// kept under this name, so under another one it is another destination.
        #[schemars(example = &"pacs")]
        name: String,
        /// What it is.
        kind: KindWord,
        /// What it gets. A destination of the kinds `dicom` and `folder` gets objects.
        #[schemars(example = ["object", "study"], extend("default" = serde_json::json!(["object"])))]
        on: OneOrMore<OnWord>,
        /// Which objects it gets, and of which studies it is told (docs/outbox.md). All if it is missing.
        #[schemars(example = &"Modality in ['CT', 'MR'] and not StudyDescription like '%LOCALIZER%'")]
        filter: FilterText,
        /// Most deliveries at a time: commands, requests or associations. With `worker`, how many processes run. 1 for
        /// `worker` and 4 for all others if it is missing.
        #[schemars(example = 2)]
        concurrency: Integer<1, 1000>,
        /// In which order: `"study"` for the objects of a study one after the other, as they came.
        #[schemars(extend("default" = "none"))]
        order: OrderWord,
        /// Bytes a second at most, over all deliveries. Unlimited if it is missing.
        #[schemars(example = &"10 MB")]
        bandwidth: ByteRate,
        /// The hours of the day, local time, in which it is used. Always if it is missing.
        #[schemars(example = &"22:00-06:00", example = ["12:00-13:00", "19:00-07:00"])]
        hours: OneOrMore<HoursText>,
        /// Attempts before a delivery is parked, if trying again may help. `1` for `exec` and `"unlimited"` for all others
        /// if it is missing.
        #[schemars(example = 10)]
        attempts: Attempts,
        /// The longest pause between two attempts: pauses grow up to this.
        #[schemars(extend("default" = "15 min"))]
        longest_pause: Time<1>,
        /// Bytes of objects that may wait. Unlimited if it is missing.
        #[schemars(example = &"200 GB")]
        max_waiting_bytes: ByteAmount,
        /// How old what waits may become. Unlimited if it is missing.
        #[schemars(example = &"7 days")]
        max_waiting_age: Time<1>,
        /// What happens once more waits than that.
        #[schemars(extend("default" = "refuse"))]
        over: OverWord,
        /// How long the catalogue remembers deliveries that are done.
        #[schemars(extend("default" = "1 d"))]
        remember: Time<0>,
        /// Kinds `exec` and `worker`: program and arguments, each a text of its own. No shell reads them. Arguments are passed
        /// on as they are, so give paths in them in full. `{name}` in an argument of `exec` stands for the field `name` of the
        /// event (docs/events.md).
        #[schemars(example = ["/opt/step", "{path}"])]
        command: OneOrMore<String>,
        /// How long a delivery may take before it is ended and tried again. If it is missing: `"never"` for `exec`, `"1 h"`
        /// for `worker`, `"30 s"` for `webhook` and `"60 s"` for `dicom`.
        #[schemars(example = &"10 min")]
        timeout: TimeOrNever,
        /// Kind `worker`: how many events one process has at a time.
        #[schemars(extend("default" = 8))]
        window: Integer<1, 1000>,
        /// Kind `webhook`: where events are posted to.
        #[schemars(example = &"https://events.example/dicom")]
        url: HttpUrl,
        /// Kind `webhook`: further header fields.
        header: Vec<At<DestinationHeader>>,
        /// Kind `webhook`: the key of the signature (HMAC-SHA-256). Not signed if it is missing.
        #[schemars(example = serde_json::json!({ "file": "/etc/storescp/webhook-key" }))]
        secret: SecretSource,
        /// Kind `webhook`: how many events go into one request.
        #[schemars(extend("default" = 1))]
        batch: Integer<1, 1000>,
        /// Kind `dicom`: host and port.
        #[schemars(example = &"10.0.0.5:104", example = &"[2001:db8::5]:11112")]
        address: HostPort,
        /// Kind `dicom`: the AE title of the other side.
        #[schemars(example = &"PACS")]
        called: AeTitleText,
        /// Kind `dicom`: our AE title there. `ae-title` of the top if it is missing.
        #[schemars(example = &"GATEWAY")]
        calling: AeTitleText,
        /// Kind `dicom`: whether by TLS.
        #[schemars(extend("default" = false))]
        tls: bool,
        /// Kind `dicom`: how long an association stays open with nothing to send.
        #[schemars(extend("default" = "10 s"))]
        linger: Time<0>,
        /// Kinds `webhook` and `dicom`, with TLS: certificates of the authorities that may have issued the other side's
        /// certificate (PEM). Those that the system trusts if it is missing.
        #[schemars(example = &"authority.pem")]
        ca: PathBuf,
        /// Kinds `webhook` and `dicom`, with TLS: our own certificate, with those between it and its authority (PEM).
        #[schemars(example = &"certificate.pem")]
        certificate: PathBuf,
        /// Kinds `webhook` and `dicom`, with TLS: the private key of our certificate (PEM, without a password), if it is not
        /// in the same file.
        #[schemars(example = &"key.pem")]
        key: PathBuf,
        /// Kind `folder`: the folder, which has to be there.
        #[schemars(example = &"/mnt/second")]
        directory: PathBuf,
        /// Kind `folder`: the path of a file beneath it, with fields of the event in braces (docs/events.md).
        #[schemars(example = &"{studyInstanceUid}/{sopInstanceUid}.dcm", extend("default" = "{studyInstanceUid}/{seriesInstanceUid}/{sopInstanceUid}.dcm"))]
        file: FolderFile,
        /// Kind `folder`: whether files are hard links rather than copies, where both are in one file system.
        #[schemars(extend("default" = false))]
        link: bool,
    }
}

table! {
    /// A header field of requests.
    struct DestinationHeader {
        /// Its name.
        #[schemars(example = &"Authorization")]
        name: String,
        /// Its value.
        #[schemars(example = serde_json::json!({ "file": "/etc/storescp/webhook-token" }))]
        value: SecretSource,
    }
}

/// What a destination can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::settings) enum Kind {
    Exec,
    Worker,
    Webhook,
    Dicom,
    Folder,
}

words! {
    /// What a destination is.
    KindWord of Kind {
        "exec" => Kind::Exec, "a command for each delivery";
        "worker" => Kind::Worker, "a program that runs all the time, and reads a line of JSON for each delivery";
        "webhook" => Kind::Webhook, "a web server that events are posted to";
        "dicom" => Kind::Dicom, "another application entity, by C-STORE";
        "folder" => Kind::Folder, "another folder, for a copy";
    }
}

words! {
    /// What a destination gets.
    OnWord of On {
        "object" => On::Object, "each object";
        "study" => On::Study, "each end of a study";
        "association" => On::Association, "each end of an association";
        "refusal" => On::Refusal, "each association or object that was refused";
    }
}

words! {
    /// In which order deliveries go.
    OrderWord of bool {
        "none" => false, "as they can go";
        "study" => true, "the objects of a study one after the other, as they came";
    }
}

words! {
    /// What happens when too much waits.
    OverWord of OverBounds {
        "refuse" => OverBounds::Refuse,
            "associations that would deliver to it are rejected with \"local limit exceeded\"";
        "park" => OverBounds::Park, "the oldest deliveries are parked";
    }
}
