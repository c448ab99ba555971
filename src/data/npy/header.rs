//! The header of a NumPy array: a Python dictionary such as `{'descr': '|u1', 'fortran_order':
//! False, 'shape': (60000, 28, 28), }` (numpy.lib.format, NEP 1).

use super::unusable;
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
    pub(super) fn parse(text: &str) -> Result<Header> {
        let mut rest = Tokens(text);
        let (mut element, mut fortran, mut shape) = (None, None, None);
        let broken = || damaged("its header is not a dictionary of descr, fortran_order and shape");
        rest.token("{").ok_or_else(broken)?;
        while rest.token("}").is_none() {
            let key = rest.string().ok_or_else(broken)?;
            rest.token(":").ok_or_else(broken)?;
            match key {
                "descr" => element = Some(element_of(rest.string())?),
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

fn element_of(descr: Option<&str>) -> Result<Dtype> {
    match descr {
        Some("|u1" | "u1" | "<u1" | ">u1") => Ok(Dtype::U8),
        Some("<f4") => Ok(Dtype::F32 { little: true }),
        Some(">f4") => Ok(Dtype::F32 { little: false }),
        Some(other) => {
            let other: String = other.chars().take(16).collect();
            Err(unusable(&format!("it has elements of type {other:?}, neither uint8 (|u1) nor float32 (<f4)")))
        }
        // A list of fields.
        None => Err(unusable("it has elements of several fields")),
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
            assert_eq!(Header::parse(text).unwrap(), expected, "{text}");
        }
        let scalar = Header::parse("{'descr': '|u1', 'fortran_order': False, 'shape': (), }").unwrap();
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
            let message = Header::parse(text).unwrap_err().to_string();
            assert!(message.contains(fragment), "{text}: {message}");
        }
    }
}
