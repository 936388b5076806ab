//! JSON that keeps the order of its members, and how it is written into a file of a given style.

use serde_json::Value;

/// A value to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json {
    /// A string.
    Text(String),
    /// A whole number.
    Number(u32),
    /// `true` or `false`.
    Bool(bool),
    /// An array.
    List(Vec<Json>),
    /// An object, its members in this order.
    Map(Vec<(&'static str, Json)>),
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// An array of strings.
pub(super) fn texts(texts: &[&str]) -> Json {
    Json::List(texts.iter().map(|text| Json::from(*text)).collect())
}

/// How a file is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style<'a> {
    /// The end of a line; empty if the whole file is one line.
    pub(super) newline: &'a str,
    /// One step of indentation.
    pub(super) unit: &'a str,
}

impl Json {
    /// The text of the value, whose first line begins at `indent`. In a container with members there is white space after the
    /// bracket, always: that tells it from one that was there, empty, and was filled.
    pub(super) fn render(&self, style: Style, indent: &str) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Number(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::List(items) if items.iter().all(|item| matches!(item, Self::Text(_))) => {
                let items: Vec<String> = items.iter().map(|item| item.render(style, indent)).collect();
                format!("[{}]", items.join(", "))
            }
            Self::List(items) => {
                let item = |inner: &str| items.iter().map(|item| item.render(style, inner)).collect();
                container(['[', ']'], style, indent, &item)
            }
            Self::Map(members) => {
                let member = |inner: &str| {
                    members
                        .iter()
                        .map(|(key, value)| format!("{}: {}", quoted(key), value.render(style, inner)))
                        .collect()
                };
                container(['{', '}'], style, indent, &member)
            }
        }
    }
}

fn container(brackets: [char; 2], style: Style, indent: &str, parts: &dyn Fn(&str) -> Vec<String>) -> String {
    let [open, close] = brackets;
    let inner = format!("{indent}{}", style.unit);
    let parts = parts(&inner);
    if parts.is_empty() {
        return format!("{open}{close}");
    }
    if style.newline.is_empty() {
        return format!("{open} {} {close}", parts.join(", "));
    }
    let lead = format!("{}{inner}", style.newline);
    format!("{open}{lead}{}{}{indent}{close}", parts.join(&format!(",{lead}")), style.newline)
}

/// A JSON string.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
