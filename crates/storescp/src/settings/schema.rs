//! The JSON Schema of the settings file.

use super::typed::File;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The JSON Schema of the settings file (draft 2020-12), so that editors complete and check.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

/// The same, to be looked into.
pub(super) fn document() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut document = generator.into_root_schema_for::<File>().to_value();
    tidy(&mut document);
    document
}

/// TOML has no null: a key that is not there is left out. Lines of doc comments are no lines of text.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|it| it != "null");
                if let [single] = types.as_slice() {
                    let single = single.clone();
                    object.insert("type".to_owned(), single);
                }
            }
            if let Some(Value::Array(any)) = object.get_mut("anyOf") {
                any.retain(|it| it.get("type").is_none_or(|kind| kind != "null"));
                if let [single] = any.as_slice() {
                    let single = single.clone();
                    object.remove("anyOf");
                    if let Value::Object(single) = single {
                        object.extend(single);
                    }
                }
            }
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            object.values_mut().for_each(tidy);
        }
        Value::Array(entries) => entries.iter_mut().for_each(tidy),
        _ => {}
    }
}
