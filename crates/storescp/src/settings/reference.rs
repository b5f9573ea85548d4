//! What is made from the structs: the JSON Schema, and docs/settings.md.

use super::typed::File;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The JSON Schema of the settings file (draft 2020-12), so that editors complete and check.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&document()).expect("it has text keys only");
    text.push('\n');
    text
}

fn document() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut document = generator.into_root_schema_for::<File>().to_value();
    without_null(&mut document);
    document
}

/// TOML has no null: a key that is not there is left out.
fn without_null(schema: &mut Value) {
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
            object.values_mut().for_each(without_null);
        }
        Value::Array(entries) => entries.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// The text of `docs/settings.md`.
pub fn reference() -> String {
    String::new()
}
