//! The header of a NumPy array: a Python dictionary such as `{'descr': '|u1', 'fortran_order':
//! False, 'shape': (60000, 28, 28), }` (numpy.lib.format, NEP 1).

use super::Content;
use crate::data::files::damaged;
use crate::error::Result;

/// The type of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dtype {
    pub(super) kind: Number,
    /// Of an element.
    pub(super) bytes: usize,
    /// Whether the lowest byte comes first.
    pub(super) little: bool,
}

/// What kind of number an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// A truth, as a byte.
    Bool,
    Unsigned,
    Signed,
    Float,
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
    let element = dtype(descr).filter(|dtype| match content {
        Content::Images => true,
        Content::Labels => dtype.kind != Number::Float,
        Content::Latents => dtype.kind == Number::Float,
    });
    element.ok_or_else(|| {
        let descr: String = descr.chars().take(16).collect();
        let why = match content {
            Content::Images => "neither whole numbers nor floats of 32 or 64 bits",
            Content::Labels => "not whole numbers",
            Content::Latents => "neither float32 (<f4) nor float64 (<f8)",
        };
        content.unusable(&format!("it has elements of type {descr:?}, {why}"))
    })
}

/// The type that NumPy writes as `<f4`, `|u1` and the like.
fn dtype(descr: &str) -> Option<Dtype> {
    let (little, kind) = match descr.strip_prefix(['<', '|', '=']) {
        Some(kind) => (true, kind),
        None => (!descr.starts_with('>'), descr.strip_prefix('>').unwrap_or(descr)),
    };
    let of = |kind, bytes| Some(Dtype { kind, bytes, little });
    match kind {
        "b1" => of(Number::Bool, 1),
        "u1" => of(Number::Unsigned, 1),
        "u2" => of(Number::Unsigned, 2),
        "u4" => of(Number::Unsigned, 4),
        "u8" => of(Number::Unsigned, 8),
        "i1" => of(Number::Signed, 1),
        "i2" => of(Number::Signed, 2),
        "i4" => of(Number::Signed, 4),
        "i8" => of(Number::Signed, 8),
        "f4" => of(Number::Float, 4),
        "f8" => of(Number::Float, 8),
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

    fn element(kind: Number, bytes: usize, little: bool) -> Dtype {
        Dtype { kind, bytes, little }
    }

    #[test]
    fn reads_every_spelling() {
        let expected = Header { element: element(Number::Float, 4, true), fortran: true, shape: vec![5, 28] };
        for text in [
            "{'descr': '<f4', 'fortran_order': True, 'shape': (5, 28), }      \n",
            "{\"shape\":(5,28,),\"fortran_order\":True,\"descr\":\"<f4\"}",
            " { 'fortran_order' : True , 'descr' : '<f4' , 'shape' : ( 5 , 28 ) } ",
        ] {
            assert_eq!(Header::parse(text, Content::Images).unwrap(), expected, "{text}");
        }
        let scalar = Header::parse("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", Content::Images).unwrap();
        assert_eq!(scalar, Header { element: element(Number::Unsigned, 1, true), fortran: false, shape: vec![] });
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
            ("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", "type \"|O\", neither whole numbers nor floats"),
            ("{'descr': '<f2', 'fortran_order': False, 'shape': (2,)}", "type \"<f2\""),
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
        assert_eq!(parsed("'|b1'").unwrap(), element(Number::Bool, 1, true));
        assert_eq!(parsed("'<i8'").unwrap(), element(Number::Signed, 8, true));
        assert_eq!(parsed("'>u2'").unwrap(), element(Number::Unsigned, 2, false));
        assert_eq!(parsed("'i4'").unwrap(), element(Number::Signed, 4, true));
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
