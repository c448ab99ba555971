//! The keys of a configuration, as serde's derived implementations name them.

use std::iter::once;

use serde::de::value::{Error, MapDeserializer};
use serde::de::{Deserialize, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

type Names = &'static [&'static str];

/// The names of a struct's fields.
pub(crate) fn fields<T: for<'de> Deserialize<'de>>() -> Names {
    at::<T>(&[]).unwrap_or_default()
}

/// The keys of the table at `path` in a `T`, those of `T` itself where the path is empty; `None`
/// where no table is.
pub(crate) fn at<T: for<'de> Deserialize<'de>>(path: &[&str]) -> Option<Names> {
    let mut found = None;
    // It always fails: no value is ever given.
    let _ = T::deserialize(Probe { path, found: &mut found });
    found
}

/// Stands for a document with one key, that of its path, and notes which names a struct asks for
/// where the path ends.
struct Probe<'a> {
    path: &'a [&'a str],
    found: &'a mut Option<Names>,
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(self, _: &str, names: Names, visitor: V) -> Result<V::Value, Error> {
        match self.path {
            [] => *self.found = Some(names),
            [name, path @ ..] => {
                let inner = Probe { path, found: self.found };
                return visitor.visit_map(MapDeserializer::new(once((*name, inner))));
            }
        }
        Err(Error::custom("found"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("no table"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Probe<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::adam::Adam;
    use crate::model::config::Config;
    use crate::model::settings::SETTINGS;

    #[test]
    fn tables_have_their_fields_and_values_have_none() {
        let adam: &[_] = &["lr", "beta1", "beta2", "epsilon"];
        assert_eq!(at::<Adam>(&[]), Some(adam));
        assert_eq!(at::<Config>(&["adam"]), Some(adam));
        assert_eq!(at::<Config>(&["image"]), Some(["height", "width", "channels"].as_slice()));
        assert_eq!(at::<Config>(&["generator"]), Some(["layers", "optimizer"].as_slice()));
        for path in [&["seed"] as &[_], &["data_dir"], &["adm"], &["adam", "lr"], &["generator", "layers"]] {
            assert_eq!(at::<Config>(path), None, "{path:?}");
        }
    }

    #[test]
    fn every_setting_is_a_key() {
        for setting in SETTINGS.iter().filter(|setting| !setting.key.is_empty()) {
            let path: Vec<_> = setting.key.split('.').collect();
            let (name, table) = path.split_last().unwrap();
            assert!(at::<Config>(table).unwrap().contains(name), "{}", setting.key);
        }
    }
}
