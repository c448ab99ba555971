//! The plot of a sweep: quality over steps, a line for each run.

use super::folder::Sweep;
use crate::error::Result;
use crate::output::plot::{Axis, Chart, Mark, Scale, Series, svg as draw};
use crate::run::files::QUALITY;
use crate::run::records::read_quality;

/// Its file.
pub const FILE: &str = "quality.svg";
/// Runs with a strong line and a name, as many as there are colours; those of the others are pale.
const NAMED: usize = 4;

/// The plot as SVG.
///
/// # Errors
/// An I/O error when what a run recorded cannot be read.
pub fn svg(sweep: &Sweep) -> Result<String> {
    let journal = &sweep.journal;
    let (mut series, mut judge) = (Vec::new(), "score");
    for (place, index) in journal.order().into_iter().enumerate() {
        let entry = &journal.runs[index];
        let quality = read_quality(&sweep.run(entry).join(QUALITY))?;
        judge = quality.last().map_or(judge, |line| line.judge());
        let points: Vec<_> = quality.iter().map(|line| (f64::from(line.step), line.score())).collect();
        if points.is_empty() {
            continue;
        }
        series.push(match place < NAMED {
            true => Series { label: format!("run {}", entry.name), points, behind: Vec::new() },
            false => Series { label: String::new(), points: Vec::new(), behind: points },
        });
    }
    let marks =
        (1..).zip(&journal.rungs).map(|(number, rung)| Mark { x: f64::from(*rung), label: format!("rung {number}") });
    let axis = |label: String, scale| Axis { label, scale, ticks: Vec::new() };
    let chart = Chart {
        x: axis("step".to_string(), Scale::Linear),
        y: axis(format!("{judge}, less is better"), Scale::Log),
        series,
        marks: marks.collect(),
    };
    let title = match journal.winner() {
        Some(index) => format!("{} runs; the best: {}", journal.runs.len(), journal.runs[index].words()),
        None => format!("{} runs", journal.runs.len()),
    };
    Ok(draw(&title, &[chart], 1, (760.0, 420.0)))
}
