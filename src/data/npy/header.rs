//! The header of a NumPy array: a Python dictionary such as `{'descr': '|u1', 'fortran_order':
//! False, 'shape': (60000, 28, 28), }` (numpy.lib.format, NEP 1).

use super::Content;
use crate::data::files::damaged;
use crate::error::Result;

/// The type of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dtype {
    /// Unsigned bytes.
    U8,
    /// Floats of 32 bits.
    F32 {
        /// Whether the lowest byte comes first.
        little: bool,
    },
    /// Whole numbers, or truths as bytes.
    Integer { bytes: usize, signed: bool, little: bool },
}

impl Dtype {
    /// Bytes of an element.
    pub(super) fn bytes(self) -> usize {
        match self {
            Dtype::U8 => 1,
            Dtype::F32 { .. } => 4,
            Dtype::Integer { bytes, .. } => bytes,
        }
    }
}

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) element: Dtype,
    /// Whether the first axis varies fastest, not the last.
    pub(super) fortran: bool,
    pub(super) shape: Vec<u64>,
}

impl Header {
    pub(super) fn parse(text: &str, content: Content) -> Result<Header> {
        let mut rest = Tokens(text);
        let (mut element, mut fortran, mut shape) = (None, None, None);
        let broken = || damaged("its header is not a dictionary of descr, fortran_order and shape");
        rest.token("{").ok_or_else(broken)?;
        while rest.token("}").is_none() {
            let key = rest.string().ok_or_else(broken)?;
            rest.token(":").ok_or_else(broken)?;
            match key {
                "descr" => element = Some(element_of(rest.string(), content)?),
                "fortran_order" => fortran = Some(rest.truth().ok_or_else(broken)?),
                "shape" => shape = Some(rest.tuple().ok_or_else(broken)?),
                _ => return Err(broken()),
            }
            if rest.token(",").is_none() {
                rest.token("}").ok_or_else(broken)?;
                break;
            }
        }
        match (element, fortran, shape, rest.0.trim()) {
            (Some(element), Some(fortran), Some(shape), "") => Ok(Header { element, fortran, shape }),
            _ => Err(broken()),
        }
    }
}

fn element_of(descr: Option<&str>, content: Content) -> Result<Dtype> {
    // A list of fields.
    let descr = descr.ok_or_else(|| content.unusable("it has elements of several fields"))?;
    let element = match content {
        Content::Images => pixel_of(descr),
        Content::Labels => integer_of(descr),
    };
    element.ok_or_else(|| {
        let descr: String = descr.chars().take(16).collect();
        let why = match content {
            Content::Images => "neither uint8 (|u1) nor float32 (<f4)",
            Content::Labels => "not whole numbers",
        };
        content.unusable(&format!("it has elements of type {descr:?}, {why}"))
    })
}

fn pixel_of(descr: &str) -> Option<Dtype> {
    match descr {
        "|u1" | "u1" | "<u1" | ">u1" => Some(Dtype::U8),
        "<f4" => Some(Dtype::F32 { little: true }),
        ">f4" => Some(Dtype::F32 { little: false }),
        _ => None,
    }
}

fn integer_of(descr: &str) -> Option<Dtype> {
    let (kind, little) = match descr.strip_prefix(['<', '|']) {
        Some(kind) => (kind, true),
        None => (descr.strip_prefix('>').unwrap_or(descr), !descr.starts_with('>')),
    };
    let integer = |bytes, signed| Some(Dtype::Integer { bytes, signed, little });
    match kind {
        "b1" | "u1" => integer(1, false),
        "u2" => integer(2, false),
        "u4" => integer(4, false),
        "u8" => integer(8, false),
        "i1" => integer(1, true),
        "i2" => integer(2, true),
        "i4" => integer(4, true),
        "i8" => integer(8, true),
        _ => None,
    }
}

/// What is left of the header.
struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    fn token(&mut self, token: &str) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(token)?;
        Some(())
    }

    fn string(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (string, rest) = rest[1..].split_once(quote)?;
        self.0 = rest;
        Some(string)
    }

    fn truth(&mut self) -> Option<bool> {
        self.token("True").map(|()| true).or_else(|| self.token("False").map(|()| false))
    }

    fn tuple(&mut self) -> Option<Vec<u64>> {
        self.token("(")?;
        let (inner, rest) = self.0.split_once(')')?;
        self.0 = rest;
        let inner = inner.trim();
        let inner = inner.strip_suffix(',').unwrap_or(inner);
        if inner.is_empty() {
            return Some(Vec::new());
        }
        // NumPy has at most 64 axes.
        let numbers = inner.split(',').take(65).map(|number| number.trim().parse().ok());
        numbers.collect::<Option<Vec<u64>>>().filter(|numbers| numbers.len() <= 64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_spelling() {
        let expected = Header { element: Dtype::F32 { little: true }, fortran: true, shape: vec![5, 28] };
        for text in [
            "{'descr': '<f4', 'fortran_order': True, 'shape': (5, 28), }      \n",
            "{\"shape\":(5,28,),\"fortran_order\":True,\"descr\":\"<f4\"}",
            " { 'fortran_order' : True , 'descr' : '<f4' , 'shape' : ( 5 , 28 ) } ",
        ] {
            assert_eq!(Header::parse(text, Content::Images).unwrap(), expected, "{text}");
        }
        let scalar = Header::parse("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", Content::Images).unwrap();
        assert_eq!(scalar, Header { element: Dtype::U8, fortran: false, shape: vec![] });
    }

    #[test]
    fn refuses_the_rest() {
        for (text, fragment) in [
            ("", "not a dictionary"),
            ("{'descr': '|u1', 'fortran_order': False}", "not a dictionary"),
            ("{'descr': '|u1', 'fortran_order': False, 'shape': (2, -3)}", "not a dictionary"),
            ("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), 'more': 1}", "not a dictionary"),
            ("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)} and more", "not a dictionary"),
            ("{'descr': '|u1' 'fortran_order': False, 'shape': (2,)}", "not a dictionary"),
            ("{'descr': '|u1', 'fortran_order': 0, 'shape': (2,)}", "not a dictionary"),
            ("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", "type \"|O\", neither uint8"),
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", "type \"<f8\""),
            ("{'descr': [('r', '|u1')], 'fortran_order': False, 'shape': (2,)}", "several fields"),
        ] {
            let message = Header::parse(text, Content::Images).unwrap_err().to_string();
            assert!(message.contains(fragment), "{text}: {message}");
        }
    }

    #[test]
    fn labels_are_integers_of_any_kind() {
        let parsed = |descr: &str| {
            let text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (2,), }}");
            Header::parse(&text, Content::Labels).map(|header| header.element)
        };
        let integer = |bytes, signed, little| Dtype::Integer { bytes, signed, little };
        assert_eq!(parsed("'|b1'").unwrap(), integer(1, false, true));
        assert_eq!(parsed("'<i8'").unwrap(), integer(8, true, true));
        assert_eq!(parsed("'>u2'").unwrap(), integer(2, false, false));
        assert_eq!(parsed("'i4'").unwrap(), integer(4, true, true));
        for (descr, fragment) in [
            ("'<f4'", "type \"<f4\", not whole numbers; save one whole number an image"),
            ("'<U3'", "type \"<U3\", not whole numbers"),
            ("'<i3'", "type \"<i3\""),
            ("'|O'", "type \"|O\""),
            ("[('a', '<i4')]", "several fields; save one whole number"),
        ] {
            let message = parsed(descr).unwrap_err().to_string();
            assert!(message.contains(fragment), "{descr}: {message}");
        }
    }
}
