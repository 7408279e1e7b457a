//! What keeps a record from being sent, each at its field.

use producer_core::bridge::MAX_SEND_COUNT;
use producer_core::serializer::{Half, Serializer};
use yew::prelude::*;

use super::code::java_type;
use crate::draft::{Draft, DraftError};
use crate::icons::{Glyph, icon};
use crate::texts::{Language, Texts, fill};

/// What keeps the record from being sent: each wrong field with its own sentence, to stand beside it.
pub(super) struct Problems<'a> {
    draft: &'a Draft,
    errors: Vec<DraftError>,
    pub(super) language: Language,
}

impl<'a> Problems<'a> {
    /// Looks at every field.
    pub(super) fn of(draft: &'a Draft, language: Language) -> Self {
        Self { draft, errors: draft.errors(), language }
    }

    /// The sentence for the field of this kind of error, if it is wrong.
    pub(super) fn at(&self, is_here: &dyn Fn(&DraftError) -> bool) -> Html {
        let t = self.language.texts();
        let Some(error) = self.errors.iter().find(|error| is_here(error)) else { return Html::default() };
        let (problem, words) = problem(error, self.draft, self.language, t);
        html! {
            <p class="problem" role="alert" data-test-id="problem">
                { icon(Glyph::Warning) }
                <span>{ problem }if let Some(words) = words { { " " }<code lang="en">{ words }</code> }</span>
            </p>
        }
    }

    /// The names of wrong fields that may be out of sight where Send is.
    pub(super) fn elsewhere(&self) -> Option<String> {
        let t = self.language.texts();
        let name = |error: &DraftError| match error {
            DraftError::Payload(Half::Key, _) => None,
            DraftError::Payload(Half::Value, _) => Some(t.value),
            DraftError::Partition => Some(t.partition),
            DraftError::Timestamp => Some(t.timestamp),
            DraftError::Count => Some(t.how_many),
        };
        let names: Vec<_> = self.errors.iter().filter_map(name).collect();
        (!names.is_empty()).then(|| fill(t.send_off_fields, &[&names.join(", ")]))
    }

    /// The sentence for the key or the value.
    pub(super) fn at_half(&self, half: Half) -> Html {
        self.at(&|error| matches!(error, DraftError::Payload(wrong, _) if *wrong == half))
    }

    /// The value of `aria-invalid` for the field of this error.
    pub(super) fn is_at(&self, field: &DraftError) -> Option<&'static str> {
        self.errors.contains(field).then_some("true")
    }
}

/// What is wrong, and Java's own words where it is Java that would not take it: of JSON, hexadecimal digits and Booleans it
/// says nothing.
fn problem(error: &DraftError, draft: &Draft, language: Language, t: &Texts) -> (String, Option<String>) {
    let problem = match error {
        DraftError::Payload(half, error) => {
            let (place, payload) = match half {
                Half::Key => (t.key, &draft.key),
                Half::Value => (t.value, &draft.value),
            };
            let serializer = payload.kind.serializer();
            let problem = fill(t.bad_payload, &[&place, &class_word(serializer)]);
            if let Some(class) = error.class {
                return (problem, Some(format!("{class}: {}", error.message)));
            }
            let words = match (serializer, error.place) {
                (_, Some(place)) => fill(t.bad_json, &[&place]),
                (Serializer::Boolean, None) => t.bad_boolean.to_owned(),
                _ => t.bad_hexadecimal.to_owned(),
            };
            return (format!("{problem} {words}"), None);
        }
        DraftError::Partition => fill(t.bad_number, &[&t.partition, &language.number(0), &language.number(i32::MAX)]),
        DraftError::Timestamp => {
            fill(t.bad_number, &[&t.timestamp, &language.number(i64::MIN), &language.number(i64::MAX)])
        }
        DraftError::Count => fill(t.bad_count, &[&language.number(MAX_SEND_COUNT)]),
    };
    (problem, None)
}

/// What an object's class is called in the list.
pub(super) fn class_word(serializer: Serializer) -> &'static str {
    match serializer {
        Serializer::Json => "JSON",
        Serializer::ByteArray => "byte[] (hex)",
        Serializer::ByteBuffer => "ByteBuffer (hex)",
        Serializer::Bytes => "Bytes (hex)",
        other => java_type(other),
    }
}
