//! Words: texts of which only a few are known.

use super::{Report, Value, listed};
use schemars::{Schema, json_schema};
use serde_json::json;

/// A word, and what it means.
pub(in crate::settings) struct Word<T> {
    pub(in crate::settings) word: &'static str,
    pub(in crate::settings) value: T,
    pub(in crate::settings) meaning: &'static str,
}

/// The value of one of these words.
pub(in crate::settings) fn word<T: Copy>(
    value: &Value<'_>,
    words: &[Word<T>],
    report: &mut Report,
) -> Option<T> {
    let text = value.get_ref().as_str();
    let found = text.and_then(|text| words.iter().find(|it| it.word == text));
    if found.is_none() {
        let names = || words.iter().map(|it| it.word);
        let quoted: Vec<String> = names().map(|name| format!("\"{name}\"")).collect();
        report.expected_one_of(value, &listed(quoted.iter().map(String::as_str)), names());
    }
    found.map(|it| it.value)
}

/// The schema of words.
pub(in crate::settings) fn word_schema<T>(words: &[Word<T>]) -> Schema {
    let all: Vec<_> =
        words.iter().map(|it| json!({ "const": it.word, "description": it.meaning })).collect();
    json_schema!({ "type": "string", "oneOf": all })
}

/// Declares a value that is one of some words: `words! { Name of Type { "word" => value, "meaning"; … } }`.
macro_rules! words {
    (
        $(#[$meta:meta])*
        $name:ident of $type:ty { $( $word:literal => $value:expr, $meaning:literal; )* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy)]
        pub(in crate::settings) struct $name(pub(in crate::settings) $type);

        impl $name {
            pub(in crate::settings) const WORDS: &'static [crate::settings::reader::Word<$type>] =
                &[$( crate::settings::reader::Word { word: $word, value: $value, meaning: $meaning }, )*];
        }

        impl crate::settings::reader::Read for $name {
            fn read(
                value: &crate::settings::reader::Value<'_>,
                report: &mut crate::settings::reader::Report,
            ) -> Option<Self> {
                crate::settings::reader::word(value, Self::WORDS, report).map(Self)
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                crate::settings::reader::word_schema(Self::WORDS)
            }
        }
    };
}
pub(in crate::settings) use words;
