//! `--class`: which classes verbs draw.

use crate::error::{Error, Result};
use crate::model::config::Config;

/// The classes of `--class` text: `3`, `0,1,2`, names, or `all`; nothing where the run has no
/// classes and none is asked for.
///
/// # Errors
/// A usage error when the run has no classes, or none of this name or number.
pub fn parse(text: Option<&str>, config: &Config) -> Result<Option<Vec<u32>>> {
    let Some(text) = text else { return Ok(None) };
    let names = config.classes.as_ref().map_or(&[][..], |classes| &classes.names);
    if names.is_empty() {
        return Err(Error::usage("--class: this run has no classes; train one with --preset conditional"));
    }
    if text == "all" {
        return Ok(Some((0..names.len() as u32).collect()));
    }
    let one = |word: &str| {
        let word = word.trim();
        let by_name = names.iter().position(|name| name == word);
        let by_number = || word.parse().ok().filter(|&number: &usize| number < names.len());
        by_name.or_else(by_number).map(|class| class as u32).ok_or_else(|| {
            let all = names.join(", ");
            Error::usage(format!("--class {word}: there is no such class; there are 0 to {}: {all}", names.len() - 1))
        })
    };
    text.split(',').map(one).collect::<Result<Vec<_>>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sources::preset;
    use crate::objective::Classes;

    #[test]
    fn classes_go_by_name_and_number() {
        let mut config = preset("quick").unwrap();
        assert_eq!(parse(None, &config).unwrap(), None);
        assert!(parse(Some("1"), &config).unwrap_err().to_string().contains("no classes"));
        let names = ["cat", "dog", "1"].map(String::from).into();
        config.classes = Some(Classes { names, ..Classes::default() });
        let classes = |text| parse(Some(text), &config).unwrap().unwrap();
        assert_eq!((classes("all"), classes("dog,0"), classes("1")), (vec![0, 1, 2], vec![1, 0], vec![2]));
        let refused = parse(Some("3"), &config).unwrap_err().to_string();
        assert!(refused.contains("--class 3") && refused.contains("cat, dog, 1"), "{refused}");
    }
}
