//! What the environment of a command says of its delivery.

use super::template::text;
use crate::Item;
use crate::kinds::programs::environment::{PREFIX, set};
use serde_json::Value;
use std::process::Command;

/// Sets the variables of a command: each field of the event's data that is one value, and each attribute in it, as `STORESCP_` and its name in
/// capitals (`sopInstanceUid`: `STORESCP_SOP_INSTANCE_UID`), with the names of the commands of the command line where
/// they have one; and the whole event, as JSON, in `STORESCP_EVENT`.
pub(super) fn give(command: &mut Command, event: &Value, item: &Item) {
    set(command, "STORESCP_EVENT", event.to_string().as_bytes());
    for (name, field) in [("STORESCP_EVENT_ID", "id"), ("STORESCP_EVENT_TYPE", "type")] {
        set(command, name, text(event.get(field).unwrap_or(&Value::Null)).as_bytes());
    }
    let data = event.get("data").and_then(Value::as_object);
    let attributes = data.and_then(|data| data.get("attributes")).and_then(Value::as_object);
    for (field, value) in attributes.into_iter().chain(data).flatten() {
        let is_plain = field.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_plain && !matches!(value, Value::Null | Value::Array(_) | Value::Object(_)) {
            set(command, &variable(field), text(value).as_bytes());
        }
    }
    if let Some(path) = &item.path {
        set(command, "STORESCP_OBJECT", path.as_os_str().as_encoded_bytes());
    }
    place(command, item);
}

/// Where its file is: in which folder, under which name.
fn place(command: &mut Command, item: &Item) {
    let Some(object) = item.delivery.instance.as_ref().map(|instance| &instance.object) else {
        return;
    };
    let Some(file) = &object.file else { return };
    let path = object.directory.join(file);
    if let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
        set(command, "STORESCP_PATH", folder.as_os_str().as_encoded_bytes());
        set(command, "STORESCP_FILE", name.as_encoded_bytes());
    }
}

/// The variable of a field.
fn variable(field: &str) -> String {
    let name = match field {
        "callingAeTitle" => "CALLING_AE",
        "calledAeTitle" => "CALLED_AE",
        "path" => "OBJECT",
        "file" => "OBJECT_FILE",
        _ => "",
    };
    let mut variable = format!("{PREFIX}{name}");
    if name.is_empty() {
        for letter in field.chars() {
            if letter.is_ascii_uppercase() {
                variable.push('_');
            }
            variable.push(letter.to_ascii_uppercase());
        }
    }
    variable
}

#[cfg(test)]
mod tests {
    use super::variable;

    #[test]
    fn variables_are_called_as_those_of_the_command_line() {
        for (field, expected) in [
            ("sopInstanceUid", "STORESCP_SOP_INSTANCE_UID"),
            ("transferSyntaxUid", "STORESCP_TRANSFER_SYNTAX_UID"),
            ("callingAeTitle", "STORESCP_CALLING_AE"),
            ("peer", "STORESCP_PEER"),
            ("path", "STORESCP_OBJECT"),
            ("reason", "STORESCP_REASON"),
        ] {
            assert_eq!(variable(field), expected);
        }
    }
}
