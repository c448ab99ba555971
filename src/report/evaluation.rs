//! What `eval` found of a run, as a section of its page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::embedded::{MOST_GRID_BYTES, grid};
use super::run::Run;
use crate::eval::table::{against, floor, rows};
use crate::output::grouped;
use crate::output::plot::escape;
use crate::run::files::EVALUATED;

/// A table of the numbers beside their floor, what they mean, and the sheet; nothing where the run
/// was not evaluated.
pub(super) fn section(run: &Run) -> String {
    let Some((step, found)) = &run.evaluation else { return String::new() };
    let (basis, evaluation) = (&found.basis, &found.evaluation);
    let cells = |row: Vec<String>| row.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect::<String>();
    let rows: String = rows(&[&evaluation.measured, &basis.floor], basis.real.as_ref())
        .into_iter()
        .map(|row| format!("<tr>{}</tr>\n", cells(row)))
        .collect();
    let data = run.setting_text(&["data"]).unwrap_or_else(|| "the data".to_string());
    let sentences = evaluation.says.iter().cloned().chain([against(basis, &data)]);
    let sentences: String = sentences.map(|sentence| format!("<p>{}</p>\n", escape(&sentence))).collect();
    format!(
        "<div class=\"pair\">\n<div>\n<table>\n<tr><th></th><th>step {}</th><th>{}</th></tr>\n{rows}</table>\n{sentences}</div>\n{}</div>\n",
        grouped((*step).into()),
        floor(basis),
        sheet(run, *step)
    )
}

/// Samples beside the real images that are nearest, where the sheet is there.
fn sheet(run: &Run, step: u32) -> String {
    let path = EVALUATED.path(&run.path, step);
    let fits = std::fs::metadata(&path).is_ok_and(|found| found.len() <= MOST_GRID_BYTES);
    let Some(grid) = grid(step, &path).filter(|_| fits) else { return String::new() };
    let ([width, height], png) = (grid.size, BASE64.encode(&grid.png));
    format!(
        "<figure>\n<img width=\"{width}\" height=\"{height}\" alt=\"Samples, each beside the real images nearest to it\" \
         src=\"data:image/png;base64,{png}\">\n<figcaption class=\"caption\">samples at the left, each beside the real images \
         nearest to it; at the bottom those that are nearest of all</figcaption>\n</figure>\n"
    )
}
