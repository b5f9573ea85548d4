//! docs/settings.md, made from the JSON Schema.

use super::options::{KEYS, WITHOUT_KEY};
use super::reader::{ReadTable, listed};
use super::schema::document;
use super::typed::{
    Audit, Catalog, Certificate, Commands, Destination, DestinationHeader, Faults, File, Http,
    HttpTlsTable, Log, Padding, Profile, Rule, Tls, Token, TraceHeader, Traces, Treatment, User,
};
use super::values::KeepTable;
use serde_json::Value;
use std::fmt::Write;

const HEAD: &str = include_str!("reference.md");

/// A heading of the reference, and the keys under it.
struct Section {
    title: &'static str,
    /// The name of the struct that has the keys.
    table: &'static str,
    /// What keys begin with in headings.
    prefix: &'static str,
    keys: Vec<String>,
}

fn sections() -> Vec<Section> {
    let shared = Treatment::keys();
    let own = |all: Vec<String>| -> Vec<String> {
        all.into_iter().filter(|key| !shared.contains(key)).collect()
    };
    // Each has a section of its own.
    let mut top = own(File::keys());
    top.retain(|key| !TABLES.contains(&key.as_str()));
    let section = |title, table, prefix, keys| Section { title, table, prefix, keys };
    vec![
        section("At the top only", "File", "", top),
        section("At the top and in rules", "File", "", shared.clone()),
        section("`[commands]`", "Commands", "commands.", Commands::keys()),
        section("`padding`", "Padding", "padding.", Padding::keys()),
        section("`profile`", "Profile", "profile.", Profile::keys()),
        section("`keep` as a table", "KeepTable", "keep.", KeepTable::keys()),
        section("`[[rule]]`", "Rule", "rule.", own(Rule::keys())),
        section("`certificate` of a rule", "Certificate", "rule.certificate.", Certificate::keys()),
        section("`[catalog]`", "Catalog", "catalog.", Catalog::keys()),
        section("`[[destination]]`", "Destination", "destination.", Destination::keys()),
        section(
            "`[[destination.header]]`",
            "DestinationHeader",
            "destination.header.",
            DestinationHeader::keys(),
        ),
        section("`[tls]`", "Tls", "tls.", Tls::keys()),
        section("`[log]`", "Log", "log.", Log::keys()),
        section("`[http]`", "Http", "http.", Http::keys()),
        section("`[audit]`", "Audit", "audit.", Audit::keys()),
        section("`[traces]`", "Traces", "traces.", Traces::keys()),
        section("`header` of `[traces]`", "TraceHeader", "traces.header.", TraceHeader::keys()),
        section("`tls` of `[http]`", "HttpTlsTable", "http.tls.", HttpTlsTable::keys()),
        section("`[[http.token]]`", "Token", "http.token.", Token::keys()),
        section("`[[http.user]]`", "User", "http.user.", User::keys()),
        section("`[faults]`", "Faults", "faults.", Faults::keys()),
    ]
}

/// The keys of the top that are tables of settings.
pub(super) const TABLES: [&str; 9] =
    ["tls", "log", "http", "audit", "traces", "catalog", "destination", "faults", "rule"];

/// The text of `docs/settings.md`.
pub fn reference() -> String {
    let document = document();
    let mut text = HEAD.to_owned();
    for Section { title, table, prefix, keys } in sections() {
        put(&mut text, format_args!("\n## {title}\n"));
        let (schema, told) = match table {
            "File" if title.contains("rules") => (
                &document,
                "At the top these hold for all senders; in a `[[rule]]`, for those that it matches.",
            ),
            "File" => (&document, ""),
            _ => {
                let schema = &document["$defs"][table];
                (schema, schema["description"].as_str().unwrap_or_default())
            }
        };
        if !told.is_empty() {
            put(&mut text, format_args!("\n{}\n", one_line(told)));
        }
        for key in keys {
            put_key(&mut text, &key, prefix, &schema["properties"][&key], &document);
        }
    }
    text.push_str("\n## Options without a key\n");
    put_without_key(&mut text);
    text
}

fn put_key(text: &mut String, key: &str, prefix: &str, schema: &Value, document: &Value) {
    put(text, format_args!("\n### `{prefix}{key}`\n\n"));
    put(text, format_args!("{}\n", one_line(schema["description"].as_str().unwrap_or_default())));
    let resolved = resolve(schema, document);
    if let Some(words) = words(resolved) {
        text.push('\n');
        for (word, meaning) in words {
            put(text, format_args!("- `\"{word}\"`: {meaning}\n"));
        }
    }
    let mut facts = Vec::new();
    if words(resolved).is_none() {
        facts.push(kind(schema, document));
    }
    if let Some(default) = schema.get("default") {
        facts.push(format!("default `{}`", toml(default)));
    }
    let options = KEYS.iter().find(|(known, _)| *known == format!("{prefix}{key}"));
    if let Some((_, options)) = options {
        let shown: Vec<String> = options.iter().map(|option| format!("`{option}`")).collect();
        facts.push(format!("on the command line {}", listed(shown.iter().map(String::as_str))));
    }
    if !facts.is_empty() {
        put(text, format_args!("\n{}\n", sentence(&facts.join("; "))));
    }
    let examples = schema["examples"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !examples.is_empty() {
        text.push_str("\n```toml\n");
        for example in examples {
            put(text, format_args!("{key} = {}\n", toml(example)));
        }
        text.push_str("```\n");
    }
}

fn put_without_key(text: &mut String) {
    text.push('\n');
    for (why, options) in WITHOUT_KEY {
        let shown: Vec<String> = options.iter().map(|option| format!("`{option}`")).collect();
        put(
            text,
            format_args!(
                "- {} {why}.\n",
                listed(shown.iter().map(String::as_str)).replace(" or ", " and ")
            ),
        );
    }
}

/// What a reference stands for.
fn resolve<'v>(schema: &'v Value, document: &'v Value) -> &'v Value {
    let name = schema["$ref"].as_str().and_then(|it| it.strip_prefix("#/$defs/"));
    name.map_or(schema, |name| &document["$defs"][name])
}

/// Words with their meanings.
fn words(schema: &Value) -> Option<Vec<(&str, &str)>> {
    let alternatives = schema["oneOf"].as_array()?;
    let word = |it| -> Option<(&str, &str)> {
        let it: &Value = it;
        Some((it["const"].as_str()?, it["description"].as_str()?))
    };
    alternatives.iter().map(word).collect()
}

/// What a value is, in words.
fn kind(schema: &Value, document: &Value) -> String {
    let schema = resolve(schema, document);
    if let Some(title) = schema["title"].as_str() {
        return title.to_owned();
    }
    if let Some(word) = schema.get("const") {
        return format!("`{}`", toml(word));
    }
    if let Some(words) = words(schema) {
        let words: Vec<String> = words.iter().map(|(word, _)| format!("`\"{word}\"`")).collect();
        return listed(words.iter().map(String::as_str));
    }
    if let Some(any) = schema["anyOf"].as_array() {
        let kinds: Vec<String> = any.iter().map(|it| kind(it, document)).collect();
        return listed(kinds.iter().map(String::as_str));
    }
    let bounds = (schema["minimum"].as_u64(), schema["maximum"].as_u64());
    match (schema["type"].as_str(), bounds) {
        (Some("boolean"), _) => "`true` or `false`".to_owned(),
        (Some("integer"), (Some(min), Some(max))) if max < 1 << 40 => {
            format!("integer from {min} to {max}")
        }
        (Some("integer"), (Some(min), _)) => format!("integer of at least {min}"),
        (Some("array"), _) => format!("list of: {}", kind(&schema["items"], document)),
        (Some("object"), _) => "table".to_owned(),
        _ => "text".to_owned(),
    }
}

/// A value as TOML has it.
pub(super) fn toml(value: &Value) -> String {
    match value {
        Value::Array(entries) => {
            format!("[{}]", entries.iter().map(toml).collect::<Vec<_>>().join(", "))
        }
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| format!("{key} = {}", toml(value));
            format!("{{ {} }}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) if text.contains('"') => format!("'{text}'"),
        other => other.to_string(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    format!("{}{}.", first.collect::<String>(), letters.as_str())
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = text.write_fmt(line);
}
