//! Structured values, as registers hold them: every text in them, and fields whose name says secret.

use super::{Found, assignment, find, replace};
use serde_json::Value;

/// Is told each secret, its kind and its text, and says whether it is masked.
pub type Wants<'a> = &'a mut dyn FnMut(&'static str, &str) -> bool;

/// The text with a mark in the place of each secret that is wanted.
pub fn mask_text(text: String, wants: Wants<'_>) -> String {
    let found = find(&text);
    mask_found(text, found, wants)
}

/// Masks the secrets in a value that are wanted; `name` is that of the field which holds it.
pub fn mask_value(name: &str, value: &mut Value, wants: Wants<'_>) {
    match value {
        Value::String(text) => {
            let found = found_in_field(name, text);
            *text = mask_found(std::mem::take(text), found, wants);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask_value(name, item, wants)),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, field)| mask_value(name, field, wants)),
        _ => {}
    }
}

/// Each secret in a value: its kind, the field's name, and the text before and of it.
pub fn each_in_value(name: &str, value: &Value, tell: &mut dyn FnMut(&Found, &str, &str)) {
    match value {
        Value::String(text) => found_in_field(name, text).iter().for_each(|found| tell(found, name, text)),
        Value::Array(items) => items.iter().for_each(|item| each_in_value(name, item, tell)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| each_in_value(name, field, tell)),
        _ => {}
    }
}

fn mask_found(text: String, mut found: Vec<Found>, wants: Wants<'_>) -> String {
    found.retain(|secret| wants(secret.kind, &text[secret.range.clone()]));
    if found.is_empty() { text } else { replace(&text, &found).into_owned() }
}

fn found_in_field(name: &str, text: &str) -> Vec<Found> {
    let found = find(text);
    match assignment::kind_of_field(name, text) {
        Some(kind) if found.is_empty() => vec![Found { kind, range: 0..text.len() }],
        _ => found,
    }
}
