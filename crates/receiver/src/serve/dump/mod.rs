//! How associations and DIMSE requests are shown in the log, in DCMTK's layout.
//!
//! Pure functions from what was received to lines of text. What comes from a peer is bounded by
//! [`proto::limits`], and made harmless when it is logged.

use crate::identity::Identity;
use dataset::{Uid, uid_names};
use proto::{
    Acceptance, AeTitle, CommandSet, ContextAnswer, ContextId, ContextResult, ExtendedNegotiation,
    Proposal, ProposedContext, RoleSelection, UserIdentity, UserInformation, command_field,
    element,
};

/// The A-ASSOCIATE-RQ (PS3.8 §9.3.2) of a peer; `ours` says who we are.
#[must_use]
pub(super) fn associate_rq(proposal: &Proposal, ours: &Identity) -> Vec<String> {
    let mut lines = vec![ruler("BEGIN A-ASSOCIATE-RQ")];
    lines.extend(parties(proposal, ours, None));
    lines.push("Presentation Contexts:".to_owned());
    for context in &proposal.contexts {
        lines.extend(proposed_context(context, &proposal.user_information.roles));
    }
    if proposal.contexts_over_limit > 0 {
        lines.push(format!("  (and {} more)", proposal.contexts_over_limit));
    }
    lines.extend(negotiations(&proposal.user_information, None));
    lines.push(ruler("END A-ASSOCIATE-RQ"));
    lines
}

/// The A-ASSOCIATE-AC (PS3.8 §9.3.3) that answers `proposal`.
#[must_use]
pub(super) fn associate_ac(
    proposal: &Proposal,
    acceptance: &Acceptance,
    ours: &Identity,
) -> Vec<String> {
    let mut lines = vec![ruler("BEGIN A-ASSOCIATE-AC")];
    lines.extend(parties(proposal, ours, Some(&proposal.called_ae)));
    lines.push("Presentation Contexts:".to_owned());
    for context in &acceptance.contexts {
        let proposed = &proposal.user_information.roles;
        lines.extend(answered_context(context, proposed, &acceptance.user_information.roles));
    }
    lines.extend(negotiations(&proposal.user_information, Some(&acceptance.user_information)));
    lines.push(ruler("END A-ASSOCIATE-AC"));
    lines
}

/// A DIMSE request (PS3.7 §9.1, §10.1) received on a presentation context, sound or not.
#[must_use]
pub(super) fn request(context: ContextId, command: &CommandSet) -> Vec<String> {
    let line = |name: &str, value: &str| format!("{name:<30}: {value}");
    let number = |name: &str, number: u16| line(name, &number.to_string());

    let mut lines = vec![ruler("INCOMING DIMSE MESSAGE")];
    let field = command.command_field().unwrap_or_default();
    lines.push(line("Message Type", &message_type(field)));
    lines.push(line("Presentation Context ID", &context.to_string()));
    lines.extend(command.u16(element::MESSAGE_ID).map(|id| number("Message ID", id)));
    // Of an echo, neither is of interest.
    if field != command_field::C_ECHO_RQ {
        if let Some(class) = command.uid(element::AFFECTED_SOP_CLASS_UID) {
            let class_name = name(&class).unwrap_or(class.as_str());
            lines.push(line("Affected SOP Class UID", class_name));
        }
        if let Some(instance) = command.uid(element::AFFECTED_SOP_INSTANCE_UID) {
            lines.push(line("Affected SOP Instance UID", instance.as_str()));
        }
    }
    let data_set = if command.announces_data_set() == Some(true) { "present" } else { "none" };
    lines.push(line("Data Set", data_set));
    lines.extend(command.u16(element::PRIORITY).map(|code| line("Priority", &priority(code))));
    if let Some(title) = command.value(element::MOVE_ORIGINATOR_AE_TITLE) {
        let title = String::from_utf8_lossy(title);
        lines.push(line("Move Originator AE Title", title.trim_matches([' ', '\0'])));
    }
    let originator = command.u16(element::MOVE_ORIGINATOR_MESSAGE_ID);
    lines.extend(originator.map(|id| number("Move Originator ID", id)));
    lines.push(ruler("END DIMSE MESSAGE"));
    lines
}

/// Who talks to whom, as both PDUs begin.
fn parties(proposal: &Proposal, ours: &Identity, responding: Option<&AeTitle>) -> [String; 10] {
    let theirs = &proposal.user_information;
    let version = theirs.implementation_version_name.as_ref();
    [
        format!("Our Implementation Class UID:      {}", ours.implementation_class_uid),
        format!("Our Implementation Version Name:   {}", ours.implementation_version_name),
        format!(
            "Their Implementation Class UID:    {}",
            text(theirs.implementation_class_uid.as_ref())
        ),
        format!("Their Implementation Version Name: {}", text(version)),
        format!("Application Context Name:    {}", text(proposal.application_context.as_ref())),
        format!("Calling Application Name:    {}", proposal.calling_ae),
        format!("Called Application Name:     {}", proposal.called_ae),
        format!("Responding Application Name: {}", text(responding)),
        format!("Our Max PDU Receive Size:    {}", ours.max_pdu_bytes),
        format!("Their Max PDU Receive Size:  {}", theirs.max_pdu_bytes.unwrap_or_default()),
    ]
}

fn proposed_context(context: &ProposedContext, roles: &[RoleSelection]) -> Vec<String> {
    let mut lines = vec![
        format!("  Context ID:        {} (Proposed)", context.id),
        format!("    Abstract Syntax: {}", abstract_syntax(context.abstract_syntax)),
        format!("    Proposed SCP/SCU Role: {}", role(context.abstract_syntax, roles)),
        "    Proposed Transfer Syntax(es):".to_owned(),
    ];
    lines.extend(context.transfer_syntaxes.iter().map(|syntax| format!("      ={syntax}")));
    lines.extend(context.other_transfer_syntaxes.iter().map(|uid| format!("      {uid}")));
    let others_kept = u32::try_from(context.other_transfer_syntaxes.len()).unwrap_or(u32::MAX);
    let more = context.other_transfer_syntax_count.saturating_sub(others_kept);
    if more > 0 {
        lines.push(format!("      (and {more} more)"));
    }
    lines
}

fn answered_context(
    context: &ContextAnswer,
    proposed: &[RoleSelection],
    accepted: &[RoleSelection],
) -> Vec<String> {
    let mut lines = vec![
        format!("  Context ID:        {} ({})", context.id, result(context.result)),
        format!("    Abstract Syntax: {}", abstract_syntax(context.abstract_syntax)),
        format!("    Proposed SCP/SCU Role: {}", role(context.abstract_syntax, proposed)),
        format!("    Accepted SCP/SCU Role: {}", role(context.abstract_syntax, accepted)),
    ];
    if context.result == ContextResult::Acceptance {
        lines.push(format!("    Accepted Transfer Syntax: ={}", context.transfer_syntax));
    }
    lines
}

fn result(result: ContextResult) -> &'static str {
    match result {
        ContextResult::Acceptance => "Accepted",
        ContextResult::UserRejection => "User Rejection",
        ContextResult::ProviderRejection => "Provider Rejection",
        ContextResult::AbstractSyntaxNotSupported => "Abstract Syntax Not Supported",
        ContextResult::TransferSyntaxesNotSupported => "Transfer Syntaxes Not Supported",
    }
}

fn role(sop_class: Option<Uid>, roles: &[RoleSelection]) -> &'static str {
    let selection = roles.iter().find(|role| Some(role.sop_class) == sop_class);
    match selection.map(|role| (role.scp, role.scu)) {
        None => "Default",
        Some((true, true)) => "SCP/SCU",
        Some((true, false)) => "SCP",
        Some((false, true)) => "SCU",
        Some((false, false)) => "None",
    }
}

/// Extended negotiation and user identity, as asked and, in an A-ASSOCIATE-AC, as answered.
fn negotiations(asked: &UserInformation, answered: Option<&UserInformation>) -> Vec<String> {
    let mut lines = Vec::new();
    let accepted = answered.map_or(&[][..], |answered| &answered.extended);
    lines.extend(extended("Requested Extended Negotiation:", &asked.extended));
    lines.extend(extended("Accepted Extended Negotiation: ", accepted));
    match &asked.user_identity {
        None => lines.push("Requested User Identity Negotiation: none".to_owned()),
        Some(identity) => {
            lines.push("Requested User Identity Negotiation:".to_owned());
            lines.extend(user_identity(identity));
        }
    }
    match answered.and_then(|answered| answered.user_identity_response.as_ref()) {
        None => lines.push("User Identity Negotiation Response:  none".to_owned()),
        Some(response) => {
            lines.push("User Identity Negotiation Response:".to_owned());
            lines.push(format!("  Server Response (not dumped) length: {}", response.len()));
        }
    }
    lines
}

fn extended(title: &str, negotiations: &[ExtendedNegotiation]) -> Vec<String> {
    if negotiations.is_empty() {
        return vec![format!("{title} none")];
    }
    let mut lines = vec![title.trim_end().to_owned()];
    for ExtendedNegotiation { sop_class, information } in negotiations {
        lines.push(format!("  {} ({sop_class})", abstract_syntax(Some(*sop_class))));
        let shown = information.iter().take(INFORMATION_BYTES_SHOWN);
        let mut bytes: Vec<_> = shown.map(|byte| format!("0x{byte:02x}")).collect();
        if information.len() > INFORMATION_BYTES_SHOWN {
            bytes.push(format!("(and {} more)", information.len() - INFORMATION_BYTES_SHOWN));
        }
        lines.push(format!("    [{}]", bytes.join(", ")));
    }
    lines
}

/// What a peer says of its user; secrets by their length only.
fn user_identity(identity: &UserIdentity) -> Vec<String> {
    let mode = match identity.kind {
        1 => "Username",
        2 => "Username/Password",
        3 => "Kerberos",
        4 => "SAML",
        5 => "JWT",
        _ => "unknown",
    };
    let user_name = || format!("  Username: [{}]", String::from_utf8_lossy(&identity.primary));
    let secret = |what, secret: &[u8]| format!("  {what} (not dumped) length: {}", secret.len());
    let mut lines = vec![format!("  Authentication mode {}: {mode}", identity.kind)];
    match identity.kind {
        1 => lines.push(user_name()),
        2 => lines.extend([user_name(), secret("Password", &identity.secondary)]),
        3 => lines.push(secret("Kerberos Service Ticket", &identity.primary)),
        4 => lines.push(secret("SAML Assertion", &identity.primary)),
        5 => lines.push(secret("JSON Web Token", &identity.primary)),
        _ => lines.push(secret("Identity", &identity.primary)),
    }
    let wanted = if identity.positive_response_requested { "Yes" } else { "No" };
    lines.push(format!("  Positive Response requested: {wanted}"));
    lines
}

fn message_type(field: u16) -> String {
    let name = match field & !command_field::RESPONSE {
        0x0001 => "C-STORE",
        0x0010 => "C-GET",
        0x0020 => "C-FIND",
        0x0021 => "C-MOVE",
        0x0030 => "C-ECHO",
        0x0100 => "N-EVENT-REPORT",
        0x0110 => "N-GET",
        0x0120 => "N-SET",
        0x0130 => "N-ACTION",
        0x0140 => "N-CREATE",
        0x0150 => "N-DELETE",
        0x0FFF => "C-CANCEL",
        _ => return format!("0x{field:04x}"),
    };
    let kind = if field & command_field::RESPONSE == 0 { "RQ" } else { "RSP" };
    format!("{name} {kind}")
}

fn priority(code: u16) -> String {
    match code {
        0 => "medium".to_owned(),
        1 => "high".to_owned(),
        2 => "low".to_owned(),
        _ => format!("0x{code:04x}"),
    }
}

/// `=Name` of a SOP class, or its UID.
fn abstract_syntax(uid: Option<Uid>) -> String {
    let Some(uid) = uid else { return String::new() };
    name(&uid).map_or_else(|| uid.to_string(), |name| format!("={name}"))
}

/// DCMTK's symbolic name of a SOP class or transfer syntax.
fn name(uid: &Uid) -> Option<&'static str> {
    uid_names::name_of(uid.as_str())
}

/// What is known, or nothing.
fn text(value: Option<&impl ToString>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

/// A title amid a line of 65 characters.
fn ruler(title: &str) -> String {
    let left = (65 - 2 - title.len()).div_ceil(2);
    format!("{:=<65}", format!("{:=<left$} {title} ", ""))
}

/// Service class application information is shown up to this many bytes, so that a peer cannot
/// fill the log with it.
const INFORMATION_BYTES_SHOWN: usize = 64;

#[cfg(test)]
mod tests;
