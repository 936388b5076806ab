//! The definition of a tool's arguments, made from their type: short, because every model reads it in every session.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::{self, Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The definition of `T`: a plain object whose properties have a type and a description.
pub(super) fn of<T: JsonSchema>() -> Map<String, Value> {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    // The description of the type is that of the tool; it stands there already.
    shorten(&mut schema, false);
    match schema {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// Takes away what a model need not read: ranges are said in words, and who leaves an argument out means nothing by it.
fn shorten(schema: &mut Value, is_property: bool) {
    let Some(object) = schema.as_object_mut() else { return };
    for noise in ["title", "format", "minimum", "maximum", "default", "additionalProperties"] {
        object.remove(noise);
    }
    if !is_property {
        object.remove("description");
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    if let Some(Value::String(description)) = object.get_mut("description") {
        description.replace('\n', " ").trim_end_matches('.').clone_into(description);
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.values_mut().for_each(|property| shorten(property, true));
    }
}

/// Words as models give them: a list, a single one, or null.
pub(super) fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(Vec::new()),
        Value::String(word) => Ok(vec![word]),
        Value::Array(values) => values.into_iter().map(word).collect(),
        other => Err(de::Error::custom(format!("{other} is not a list of strings"))),
    }
}

/// One word or none, also as a list of one.
pub(super) fn one_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let mut words = words(deserializer)?;
    match words.len() {
        0 | 1 => Ok(words.pop()),
        count => Err(de::Error::custom(format!("{count} ids given; it is about one"))),
    }
}

fn word<E: de::Error>(value: Value) -> Result<String, E> {
    match value {
        Value::String(word) => Ok(word),
        other => Err(E::custom(format!("{other} is not a string"))),
    }
}
