//! Where two configurations differ.

use toml::Value;

/// The first key that differs below `key`, and how, in words.
pub fn difference(key: &str, ours: Option<&Value>, theirs: Option<&Value>) -> Option<(String, String)> {
    if ours == theirs {
        return None;
    }
    if let (Some(Value::Table(ours)), Some(Value::Table(theirs))) = (ours, theirs) {
        let mut names: Vec<_> = ours.keys().chain(theirs.keys()).collect();
        names.sort();
        let path = |name: &str| if key.is_empty() { name.to_string() } else { format!("{key}.{name}") };
        return names.into_iter().find_map(|name| difference(&path(name), ours.get(name), theirs.get(name)));
    }
    let is_long = |value: Option<&Value>| matches!(value, Some(Value::Table(_) | Value::Array(_)));
    let words = |value: Option<&Value>| value.map_or("none".to_string(), Value::to_string);
    let what = match is_long(ours) || is_long(theirs) {
        true => "another one".to_string(),
        false => format!("{}, not {}", words(ours), words(theirs)),
    };
    Some((key.to_string(), what))
}
