//! What was measured, as rows of a table for people.

use super::evaluation::{Basis, Measured};
use super::metrics::classes::Classified;
use super::metrics::{Score, Scores};
use super::network::Task;
use super::real::Others;
use crate::output::grouped;

/// A number among the scores.
type Number = fn(&Scores) -> Score;

/// The numbers that have a row.
const NUMBERS: [(&str, Number); 7] = [
    ("Fréchet distance", |scores| scores.frechet),
    ("kernel distance", |scores| scores.kernel),
    ("sliced distance", |scores| scores.sliced),
    ("precision", |scores| scores.precision),
    ("recall", |scores| scores.recall),
    ("density", |scores| scores.density),
    ("coverage", |scores| scores.coverage),
];

/// A row for each number, its name first, then a cell for each column; `real` is what the
/// classifier finds among the real images, where there is one.
pub fn rows(columns: &[&Measured], real: Option<&Classified>) -> Vec<Vec<String>> {
    let row = |name: &str, cell: &dyn Fn(&Measured) -> Option<String>| {
        let cells = columns.iter().map(|measured| cell(measured).unwrap_or_default());
        std::iter::once(name.to_string()).chain(cells).collect::<Vec<_>>()
    };
    let mut rows: Vec<_> =
        NUMBERS.iter().map(|(name, number)| row(name, &|one| Some(shown(number(&one.scores))))).collect();
    if let Some(real) = real {
        rows.push(row("confidence", &|one| Some(shown(one.classified.as_ref()?.confidence))));
        rows.push(row("classes off", &|one| {
            let off = one.classified.as_ref()?.variation(real);
            let [value, low, high] = [off.value, off.low, off.high].map(|share| 100.0 * share);
            Some(format!("{value:.1} % ({low:.1} to {high:.1})"))
        }));
    }
    rows
}

/// What the column of the floor is called.
pub fn floor(basis: &Basis) -> &'static str {
    match basis.floor_of {
        Others::HeldOut => "other real images",
        Others::OtherHalf => "the other half of the data",
    }
}

/// What images were compared with, and by what: a sentence.
pub fn against(basis: &Basis, data: &str) -> String {
    let Basis { count, features, accuracy, task, .. } = basis;
    let what = match task {
        Task::Classes(classes) => format!("{} classes", classes.len()),
        Task::Rotations => "four rotations".to_string(),
    };
    let right = accuracy.map(|(share, tested)| format!(", {:.2} % of {} right", 100.0 * share, grouped(tested.into())));
    let short: String = features.chars().take(12).collect();
    let (count, right) = (grouped((*count).into()), right.unwrap_or_default());
    format!("{count} images of each kind, against {data}; features {short} of {what}{right}.")
}

/// A number with its interval, with as many digits as the interval leaves.
pub fn shown(score: Score) -> String {
    let Score { value, low, high } = score;
    let width = (high - low).abs();
    let digits = if width > 0.0 { (1.0 - width.log10().floor()).clamp(0.0, 6.0) as usize } else { 4 };
    format!("{value:.digits$} ({low:.digits$} to {high:.digits$})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_that_mean_something() {
        let score = |value, low, high| shown(Score { value, low, high });
        assert_eq!(score(12.345678, 11.9, 12.7), "12.35 (11.90 to 12.70)");
        assert_eq!(score(1234.5678, 1100.0, 1300.0), "1235 (1100 to 1300)");
        assert_eq!(score(0.5, 0.5, 0.5), "0.5000 (0.5000 to 0.5000)");
    }
}
