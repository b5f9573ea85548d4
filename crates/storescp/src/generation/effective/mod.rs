//! The settings in effect as JSON: each under the name that the settings file has for it, and no secrets.

mod deliveries;

use super::Generation;
use crate::cli::Config;
use crate::commands::CommandSettings;
use crate::negotiation::Negotiation;
use crate::rules::{CertificateCondition, Condition, Decision, Rule, TreatmentSettings};
use control::{ControlSettings, ControlTls};
use dataset::format::{GroupLengths, OutputTransferSyntax, SequenceLengths};
use dataset::{OutputFormat, Uid};
use proto::Rejection;
use receiver::net::AddressFamily;
use receiver::net::tls::{
    CrlCheck, KeyFormat, KeyPassword, PeerCertificate, SecurityProfile, TlsSettings,
};
use receiver::output::naming::NameStyle;
use receiver::{
    Duplicates, Durability, IfDifferent, Leniency, MinFree, NamedBy, OutputSettings, PathTemplate,
    SocketTimeout, Sorting,
};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::Duration;
use telemetry::{AuditSettings, TraceSettings};

type Table = Map<String, Value>;

impl Generation {
    /// The settings in effect: those that cannot change while the program runs are as it was `started` with, and
    /// `control` are those in force of the control plane. Of a rule, what it sets other than the top; never a password
    /// or a token.
    pub(crate) fn to_json(&self, started: &Config, control: Option<&ControlSettings>) -> Value {
        let top = treatment(&self.config.treatment());
        let rules: Vec<Value> = self.rules().iter().map(|it| rule(it, &top)).collect();
        let mut table = node(&self.config, started, control);
        table.extend(top);
        if !rules.is_empty() {
            table.insert("rule".to_owned(), rules.into());
        }
        table.into()
    }
}

/// What is the same for all senders: see [`needs_restart`](super::needs_restart).
fn node(config: &Config, started: &Config, control: Option<&ControlSettings>) -> Table {
    let Config { network, limits, log, .. } = started;
    let own_tls = config.tls.as_ref().filter(|_| started.tls.is_some()).or(started.tls.as_ref());
    let family = match network.address_family {
        AddressFamily::Ipv4 => "ipv4",
        AddressFamily::Ipv6 => "ipv6",
        AddressFamily::Both => "both",
    };
    let listen = match network.addresses.as_slice() {
        [] => json!(network.port),
        addresses => json!(addresses),
    };
    let catalog = started.catalog.as_ref();
    let catalog = catalog.map(|it| deliveries::catalog(config.catalog.as_ref().unwrap_or(it), it));
    let faults: Vec<String> = started.faults.iter().map(ToString::to_string).collect();
    let mut table = object(json!({
        "listen": listen,
        "address-family": family,
        "default": if config.refuses_others { "refuse" } else { "accept" },
        "ae-title": config.negotiation.ae_title,
        "access-control": network.access_control,
        "host-lookup": !network.disable_host_lookup,
        "acse-timeout": time(started.timeouts.acse),
        "max-associations": limits.max_associations,
        "max-associations-per-address": limits.max_associations_per_host,
        "grace-period": time(config.grace_period),
        "max-commands": config.commands.max_commands,
        "refuse-all": config.negotiation.refuse,
        "log": {
            "level": format!("{:?}", log.level).to_lowercase(),
            "format": format!("{:?}", log.format).to_lowercase(),
            "presentation-contexts": log.verbose_presentation_contexts,
        },
        "tls": own_tls.map(tls),
        "http": control.map(http),
        "audit": started.audit.as_ref().map(audit),
        "traces": started.traces.as_ref().map(traces),
        "catalog": catalog,
    }));
    if !config.destinations.is_empty() {
        let all: Vec<Value> = config.destinations.iter().map(deliveries::destination).collect();
        table.insert("destination".to_owned(), all.into());
    }
    if !faults.is_empty() {
        let faults = json!({ "provoke": faults, "seed": started.fault_seed });
        table.insert("faults".to_owned(), faults);
    }
    table.retain(|_, value| !value.is_null());
    table
}

/// Who may log in by name; neither tokens nor passwords, nor what is made of them.
fn http(http: &ControlSettings) -> Value {
    let names = |names: Vec<&String>| {
        names.into_iter().map(|name| json!({ "name": name })).collect::<Vec<_>>()
    };
    let own = |tls: &ControlTls| json!({ "key": path(&tls.key_file), "certificate": path(&tls.certificate_file) });
    let mut table = object(json!({
        "listen": http.listen,
        "tls": http.tls.as_ref().map(own),
        "token": names(http.tokens.iter().map(|token| &token.name).collect()),
        "user": names(http.users.iter().map(|user| &user.name).collect()),
        "insecure": http.insecure,
        "open-health": http.open_health,
        "host-names": http.host_names,
    }));
    table.retain(|_, value| !value.is_null());
    table.into()
}

fn audit(audit: &AuditSettings) -> Value {
    json!({
        "destination": audit.destination.to_string(),
        "ca": audit.tls.ca.as_deref().map(path),
        "certificate": audit.tls.certificate.as_deref().map(path),
        "source-id": audit.source_id,
        "site-id": audit.site_id,
    })
}

/// Without the values of header fields, which are secrets.
fn traces(traces: &TraceSettings) -> Value {
    json!({
        "url": traces.url.to_string(),
        "share": traces.ratio,
        "service-name": traces.service_name,
        "ca": traces.tls.ca.as_deref().map(path),
        "certificate": traces.tls.certificate.as_deref().map(path),
    })
}

fn tls(tls: &TlsSettings) -> Value {
    json!({
        "key": path(&tls.key_file),
        "certificate": path(&tls.certificate_file),
        // Where it comes from, not what it is.
        "password": match tls.password {
            KeyPassword::Ask => "ask",
            KeyPassword::Given(_) => "given",
            KeyPassword::Empty => "empty",
        },
        "file-format": match tls.key_format {
            KeyFormat::Pem => "pem",
            KeyFormat::Der => "der",
        },
        "trust": paths(&tls.trusted_files),
        "trust-directories": paths(&tls.trusted_directories),
        "revocation-lists": paths(&tls.crl_files),
        "check-revocation": match tls.crl_check {
            CrlCheck::None => "none",
            CrlCheck::Leaf => "peer",
            CrlCheck::Chain => "chain",
        },
        "peer-certificate": match tls.peer_certificate {
            PeerCertificate::Require => "require",
            PeerCertificate::Verify => "verify",
            PeerCertificate::Ignore => "ignore",
        },
        "profile": security_profile(tls.profile),
        "cipher-suites": tls.cipher_suites.iter().map(|it| it.to_string_lossy()).collect::<Vec<_>>(),
        "server-name": tls.server_name,
    })
}

fn security_profile(profile: SecurityProfile) -> &'static str {
    match profile {
        SecurityProfile::Bcp195Rfc8996 => "rfc-8996",
        SecurityProfile::Bcp195Rfc8996Modified => "rfc-8996-modified",
        SecurityProfile::Bcp195NonDowngrading => "bcp-195-non-downgrading",
        SecurityProfile::Bcp195 => "bcp-195",
        SecurityProfile::Bcp195Extended => "bcp-195-extended",
        SecurityProfile::Basic => "basic",
        SecurityProfile::Aes => "aes",
        SecurityProfile::Null => "null",
    }
}

/// A rule: its conditions, and what differs from the top.
fn rule(rule: &Rule, top: &Table) -> Value {
    let mut table = condition(&rule.condition);
    table.insert("name".to_owned(), rule.name.clone().into());
    match &rule.decision {
        Decision::Refuse(reason) => {
            table.insert("refuse".to_owned(), refusal(*reason).into());
        }
        Decision::Accept(settings) => {
            let own = treatment(settings);
            table.extend(own.into_iter().filter(|(key, value)| top.get(key) != Some(value)));
            if let Some(most) = settings.max_associations {
                table.insert("max-associations".to_owned(), most.into());
            }
        }
    }
    table.into()
}

fn condition(condition: &Condition) -> Table {
    let strings = |list: &[String]| Value::from(list.to_vec());
    let addresses: Vec<String> = condition.addresses.iter().map(ToString::to_string).collect();
    let certificates: Vec<Value> = condition
        .certificates
        .iter()
        .map(|certificate| match certificate {
            CertificateCondition::Subject(pattern) => json!({ "subject": pattern }),
            CertificateCondition::AlternativeName(pattern) => {
                json!({ "alternative-name": pattern })
            }
            CertificateCondition::Fingerprint(digest) => json!({ "fingerprint": hex(digest) }),
        })
        .collect();
    let mut table = object(json!({
        "calling": strings(&condition.calling),
        "called": strings(&condition.called),
        "address": addresses,
        "certificate": certificates,
        "class": uids(&condition.classes),
    }));
    table.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
    table
}

fn refusal(rejection: Rejection) -> String {
    match rejection {
        Rejection::NO_REASON_GIVEN => "no-reason-given".to_owned(),
        Rejection::CALLING_AE_TITLE => "calling-ae-title-not-recognized".to_owned(),
        Rejection::CALLED_AE_TITLE => "called-ae-title-not-recognized".to_owned(),
        Rejection::TEMPORARY_CONGESTION => "temporary-congestion".to_owned(),
        Rejection::LOCAL_LIMIT_EXCEEDED => "local-limit-exceeded".to_owned(),
        other => other.to_string(),
    }
}

/// What may differ from sender to sender.
fn treatment(settings: &TreatmentSettings) -> Table {
    let TreatmentSettings { timeouts, output, leniency, commands, .. } = settings;
    let mut table = object(json!({
        "store": !settings.ignore,
        "socket-timeout": match timeouts.socket {
            SocketTimeout::None => "never".to_owned(),
            SocketTimeout::System => "system".to_owned(),
            SocketTimeout::After(limit) => time(limit),
        },
        "dimse-timeout": timeouts.dimse.map_or_else(|| "never".to_owned(), time),
        "deliver": settings.deliver,
        "keep": deliveries::keep(settings.keep),
    }));
    table.extend(negotiation(&settings.negotiation));
    table.extend(files(output));
    table.extend(encoding(&output.format));
    table.extend(tolerated(leniency));
    table.extend(after_objects(commands));
    table.retain(|_, value| !value.is_null());
    table
}

fn negotiation(negotiation: &Negotiation) -> Table {
    let syntaxes = negotiation.transfer_syntaxes.iter().map(|syntax| syntax.uid());
    object(json!({
        "accept-classes": negotiation.classes.as_deref().map(uids),
        "accept-transfer-syntaxes": syntaxes.collect::<Vec<_>>(),
        "accept-unregistered-classes": negotiation.promiscuous,
        "profile": negotiation.profile.as_ref().map(|profile| {
            json!({ "file": path(&profile.file), "name": profile.name })
        }),
        "require-implementation-class-uid": negotiation.require_implementation_class_uid,
        "max-pdu": negotiation.max_pdu_bytes,
    }))
}

fn files(output: &OutputSettings) -> Table {
    let different = |word: IfDifferent| match word {
        IfDifferent::Replace => "replace",
        IfDifferent::Reject => "reject",
        IfDifferent::Both => "both",
    };
    let (duplicates, if_different) = match output.duplicates {
        Duplicates::Replace => ("replace", None),
        Duplicates::Keep => ("keep", None),
        Duplicates::KeepIfEqual(word) => ("keep-if-equal", Some(different(word))),
        Duplicates::Reject => ("reject", None),
        Duplicates::Both => ("both", None),
    };
    let sort = match &output.sorting {
        None => json!("none"),
        Some(Sorting::ByStudyUid { prefix }) => json!({ "by": "study-uid", "prefix": prefix }),
        Some(Sorting::ByTime { prefix }) => json!({ "by": "time", "prefix": prefix }),
        Some(Sorting::ByPatientName) => json!("patient-name"),
    };
    object(json!({
        "directory": path(&output.directory),
        "file": output.path.as_ref().map(PathTemplate::as_str),
        "sort": sort,
        "file-names": match output.file_naming.style {
            NameStyle::SopInstance => "sop-instance-uid",
            NameStyle::NewUid => "new-uid",
            NameStyle::Time => "time",
        },
        "file-extension": output.file_naming.extension,
        "duplicates": duplicates,
        "if-different": if_different,
        "durability": match output.durability {
            Durability::Full => "full",
            Durability::Ordered => "ordered",
            Durability::None => "none",
        },
        "min-free": match output.min_free {
            None => json!(0),
            Some(MinFree::Bytes(bytes)) => json!(bytes),
            Some(MinFree::Percent(percent)) => json!(format!("{percent} %")),
        },
        "file-format": if output.write_file_format { "part-10" } else { "data-set" },
    }))
}

fn encoding(format: &OutputFormat) -> Table {
    object(json!({
        "bit-preserving": format.bit_preserving,
        "transfer-syntax": match format.transfer_syntax {
            OutputTransferSyntax::AsReceived => "as-received",
            OutputTransferSyntax::ExplicitVrLittleEndian => "explicit-little",
            OutputTransferSyntax::ExplicitVrBigEndian => "explicit-big",
            OutputTransferSyntax::ImplicitVrLittleEndian => "implicit-little",
            OutputTransferSyntax::DeflatedExplicitVrLittleEndian => "deflated",
        },
        "new-vrs": format.new_vrs,
        "group-lengths": match format.group_lengths {
            GroupLengths::Recalculate => "recalculate",
            GroupLengths::Create => "create",
            GroupLengths::Remove => "remove",
        },
        "sequence-lengths": match format.sequence_lengths {
            SequenceLengths::Explicit => "explicit",
            SequenceLengths::Undefined => "undefined",
        },
        "padding": {
            "file": format.padding.file_bytes,
            "item": format.padding.item_bytes,
        },
        "convert-un": format.convert_un,
        "compression-level": format.compression_level,
    }))
}

fn tolerated(leniency: &Leniency) -> Table {
    let mut words = Vec::new();
    words.extend(leniency.mismatched_uids.map(|_| "mismatched-uids"));
    words.extend(leniency.classes_not_negotiated.then_some("classes-not-negotiated"));
    object(json!({
        "lenient": words,
        "named-by": leniency.mismatched_uids.map(|named_by| match named_by {
            NamedBy::Command => "command",
            NamedBy::DataSet => "data-set",
        }),
        "default-character-set": leniency.default_character_set,
    }))
}

fn after_objects(commands: &CommandSettings) -> Table {
    let command = |text: &Option<std::ffi::OsString>| {
        text.as_ref().map(|text| text.to_string_lossy().into_owned())
    };
    let mut table = object(json!({
        "on-reception": command(&commands.on_reception),
        "on-end-of-study": command(&commands.on_end_of_study),
        "rename-on-end-of-study": commands.rename_on_end_of_study,
        "end-of-study-timeout": commands.end_of_study_timeout.map(time),
        "wait": commands.wait,
        "journal": commands.journal,
    }));
    table.retain(|_, value| !value.is_null());
    object(json!({ "commands": table }))
}

fn object(value: Value) -> Table {
    match value {
        Value::Object(table) => table,
        _ => Table::new(),
    }
}

/// As the settings file has it: `60 s`, `250 ms`.
fn time(time: Duration) -> String {
    let millis = time.as_millis();
    if millis.is_multiple_of(1000) {
        format!("{} s", millis / 1000)
    } else {
        format!("{millis} ms")
    }
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn paths(list: &[std::path::PathBuf]) -> Vec<String> {
    list.iter().map(|it| path(it)).collect()
}

fn uids(list: &[Uid]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}
