//! Which rows of another run's tables of classes are taken.

use super::Part;
use crate::model::config::Config;

/// For each class of a new run, the class of the other run whose row it takes: that of the same
/// name; where no name is the same, and for classes without a name, that of the same number.
pub(super) struct Classes(Vec<Option<usize>>);

impl Classes {
    pub(super) fn of(new: &Config, old: &Config) -> Self {
        let names = |config: &Config| config.classes.as_ref().map_or_else(Vec::new, |classes| classes.names.clone());
        Classes::named(&names(new), &names(old))
    }

    pub(super) fn named(new: &[String], old: &[String]) -> Self {
        let same: Vec<_> = new.iter().map(|name| old.iter().position(|other| other == name)).collect();
        Classes(if same.iter().any(Option::is_some) { same } else { Vec::new() })
    }

    /// The row of the other run that row `row` takes.
    fn row(&self, row: usize) -> Option<usize> {
        self.0.get(row).copied().unwrap_or(Some(row))
    }

    /// Whether each class has its own number.
    pub(super) fn are_the_same(&self) -> bool {
        (0..self.0.len()).all(|row| self.row(row) == Some(row))
    }

    /// The rows of `new` that take one of `old`, with that.
    pub(super) fn rows(&self, new: Part<'_>, old: Part<'_>) -> Vec<(usize, usize)> {
        let pair = |row| Some((row, self.row(row).filter(|&other| other < old.rows())?));
        (0..new.rows()).filter_map(pair).collect()
    }

    /// Copies those rows.
    pub(super) fn copy(&self, new: &Part<'_>, old: Part<'_>, values: &mut [f32], others: &[f32]) {
        let length = values.len() / new.rows().max(1);
        for (row, other) in self.rows(*new, old) {
            values[row * length..][..length].copy_from_slice(&others[other * length..][..length]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_classes_of_the_same_name() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>();
        let classes = |new, old| Classes::named(&names(new), &names(old));
        let rows = |classes: &Classes| (0..3).map(|row| classes.row(row)).collect::<Vec<_>>();
        let grown = classes(&["a", "b", "c"], &["a", "c"]);
        assert_eq!((rows(&grown), grown.are_the_same()), (vec![Some(0), None, Some(1)], false));
        let others = classes(&["a", "b"], &["x", "y"]);
        assert_eq!((rows(&others), others.are_the_same()), (vec![Some(0), Some(1), Some(2)], true));
        assert!(classes(&["a", "b"], &["a", "b"]).are_the_same());
    }
}
