//! One HTML file about a run that needs nothing but itself: no network, no other file.
//!
//! Whatever comes from files is escaped, and the page's own policy allows no script or style but the two that are built in,
//! whatever else might get into it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::chart::{Plot, shown};
use super::curves::{Curve, curves, smoothing};
use super::facts;
use super::run::Run;
use crate::disk;
use crate::model::columns::GROUPS;
use crate::output::plot::escape;
use crate::output::{grouped, size};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// The first lines of every report, by which an earlier one is known.
pub(super) const MARKER: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"generator\" content=\"dcgan-gpu report\">\n";
/// Most sample grids in a page, and the bytes that they may take together.
const MOST_GRIDS: usize = 500;
const MOST_GRID_BYTES: u64 = 24 << 20;
/// Largest animation in a page.
const MOST_GIF_BYTES: u64 = 16 << 20;

/// A page, and what is in it.
#[derive(Clone, Debug)]
pub struct Page {
    /// The file's content.
    pub html: String,
    /// Sample grids that the run has.
    pub grids: usize,
    /// Sample grids in the page, the first and the last among them.
    pub grids_embedded: usize,
}

/// A sample grid: step, PNG, width and height.
struct Grid {
    step: u32,
    png: Vec<u8>,
    size: [u32; 2],
}

impl Page {
    /// The page about a run. The same folder gives the same page.
    pub fn of(run: &Run) -> Page {
        let grids = grids(run);
        let plots: Vec<_> = plots(run).iter().filter_map(Plot::draw).collect();
        let name = escape(&run.name());
        let (style, script) = (policy(STYLE), policy(SCRIPT));
        let mut html = format!(
            "{MARKER}<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src '{style}'; \
             script-src '{script}'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <link rel=\"icon\" href=\"data:,\">\n<title>{name} · dcgan-gpu</title>\n<style>{STYLE}</style>\n\
             <header>\n<h1>{name}</h1>\n<p class=\"lead\">{}</p>\n</header>\n<main>\n",
            escape(&lead(run))
        );
        samples(&mut html, run, &grids);
        html.push_str("<section>\n<h2>Curves</h2>\n");
        match smoothing(run.records.len()) {
            _ if plots.is_empty() => html.push_str("<p>Nothing is recorded yet.</p>\n"),
            Some(count) => {
                let _ = writeln!(
                    html,
                    "<p class=\"note\">Pale lines and values are as recorded; solid lines are the mean of {count} records.</p>"
                );
            }
            None => {}
        }
        html.push_str("<div class=\"pair\">\n");
        plots.iter().for_each(|(chart, _)| html.push_str(chart));
        html.push_str("</div>\n</section>\n<section>\n<h2>Run</h2>\n<dl>\n");
        for (name, value) in facts::of(run) {
            let _ = writeln!(html, "<div><dt>{}</dt><dd>{}</dd></div>", escape(&name), escape(&value));
        }
        html.push_str("</dl>\n</section>\n");
        checkpoints(&mut html, run);
        let _ = write!(
            html,
            "<section>\n<h2>Configuration</h2>\n<details>\n<summary>config.toml, ready for <code>train --config</code></summary>\n\
             <pre tabindex=\"0\">{}</pre>\n</details>\n</section>\n</main>\n<footer>Made by dcgan-gpu {}; this file needs no other and no \
             network.<noscript> Without JavaScript the slider and the values under the pointer are missing.</noscript></footer>\n",
            escape(&run.config_text),
            env!("CARGO_PKG_VERSION")
        );
        let charts: Vec<_> = plots.iter().map(|(_, values)| values).collect();
        let data = json!({ "charts": charts, "grids": grid_values(&grids), "gridAlt": grid_alt(run) });
        // Inside a script element only this character could end it.
        let data = data.to_string().replace('<', "\\u003c");
        let _ = write!(
            html,
            "<script type=\"application/json\" id=\"data\">{data}</script>\n<script>{SCRIPT}</script>\n</html>\n"
        );
        Page { html, grids: run.samples.len(), grids_embedded: grids.len() }
    }
}

/// The one script, or style, that is allowed: its SHA-256.
fn policy(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(Sha256::digest(text)))
}

/// The run in a line.
fn lead(run: &Run) -> String {
    let trained = run.setting_text(&["name"]).zip(run.setting_text(&["data"]));
    let mut parts: Vec<_> = trained.map(|(name, data)| format!("{name} on {data}")).into_iter().collect();
    parts.extend(run.device());
    parts.push(format!("{} steps", facts::steps(run.steps(), run.total_steps())));
    parts.extend(run.seconds().map(facts::duration));
    let unfinished = run.total_steps().is_some_and(|total| u64::from(run.steps()) < total);
    if unfinished {
        parts.push("not finished when this was made".to_string());
    }
    parts.join(" · ")
}

fn plots(run: &Run) -> Vec<Plot> {
    let (records, quality) = (&run.records, &run.quality);
    let steps: Vec<_> = records.iter().map(|record| record.step).collect();
    let plot = |id, title, note, curves| Plot {
        id,
        title,
        note,
        curves,
        steps: steps.clone(),
        seconds: Vec::new(),
        ticks: Vec::new(),
        smooth: true,
        until: run.steps(),
        from_zero: false,
    };
    let of_quality = |id, title, note, curve| Plot {
        steps: quality.iter().map(|line| line.step).collect(),
        smooth: false,
        from_zero: true,
        ..plot(id, title, note, vec![curve])
    };
    let recorded = GROUPS.iter().map(|group| Plot {
        ticks: group.ticks.to_vec(),
        ..plot(group.id, group.title, group.note, curves(group, records))
    });
    let others = [
        of_quality(
            "diversity",
            "Diversity",
            "How far apart the samples are, against real images: 1 is as diverse as the data, near 0 is collapse.",
            Curve::new("samples to data", quality, |line| line.diversity),
        ),
        of_quality(
            "distance",
            "Distance to the data",
            "Sliced Wasserstein distance between samples and real images: less is nearer.",
            Curve::new("distance", quality, |line| line.distance),
        ),
        Plot {
            seconds: records.iter().map(|record| record.seconds).collect(),
            from_zero: true,
            ..plot(
                "speed",
                "Speed",
                "Real images a second.",
                vec![Curve::new("images/s", records, |record| record.images_per_second)],
            )
        },
    ];
    recorded.chain(others).collect()
}

/// The grids that go into the page: all, or as many as its size allows, evenly spread.
fn grids(run: &Run) -> Vec<Grid> {
    let all = &run.samples;
    let sizes = all.iter().filter_map(|(_, path)| std::fs::metadata(path).ok()).map(|found| found.len());
    let bytes: u64 = sizes.sum();
    let room = if bytes > MOST_GRID_BYTES { (all.len() as u64 * MOST_GRID_BYTES / bytes) as usize } else { all.len() };
    let count = room.clamp(1, MOST_GRIDS).max(2).min(all.len());
    let spread = (0..count).map(|i| if count > 1 { (i * (all.len() - 1) + (count - 1) / 2) / (count - 1) } else { 0 });
    spread.filter_map(|i| grid(all[i].0, &all[i].1)).collect()
}

/// A PNG file with its size; none where it cannot be read or is none.
fn grid(step: u32, path: &Path) -> Option<Grid> {
    let png = std::fs::read(path).ok()?;
    // Signature, then the first chunk: length, name, width, height.
    let (head, rest) = png.split_at_checked(16)?;
    let side = |at: usize| Some(u32::from_be_bytes(rest.get(at..at + 4)?.try_into().ok()?));
    let size = [side(0)?, side(4)?];
    (head.starts_with(b"\x89PNG\r\n\x1a\n") && head.ends_with(b"IHDR")).then_some(Grid { step, png, size })
}

fn grid_values(grids: &[Grid]) -> Vec<Value> {
    // The page itself shows the last one.
    let last = grids.len().saturating_sub(1);
    let png = |i: usize, grid: &Grid| (i != last).then(|| BASE64.encode(&grid.png));
    grids.iter().enumerate().map(|(i, grid)| json!({ "step": grid.step, "png": png(i, grid) })).collect()
}

fn grid_alt(run: &Run) -> String {
    let count = |key| run.setting(&["output", key]).and_then(toml::Value::as_integer);
    match (count("rows"), count("cols")) {
        (Some(rows), Some(cols)) => format!("Grid of {rows} by {cols} generated images"),
        _ => "Grid of generated images".to_string(),
    }
}

fn samples(html: &mut String, run: &Run, grids: &[Grid]) {
    html.push_str("<section>\n<h2>Samples</h2>\n");
    let Some(last) = grids.last() else {
        let cadence = run.setting_text(&["output", "sample_every"]);
        let when = cadence.map_or_else(String::new, |every| format!(", one every {every}"));
        let _ = writeln!(html, "<p>There is no sample grid yet{}.</p>\n</section>", escape(&when));
        return;
    };
    let [width, height] = last.size;
    let _ = write!(
        html,
        "<div class=\"pair\">\n<figure>\n<img id=\"grid\" width=\"{width}\" height=\"{height}\" alt=\"{} after step {}\" \
         src=\"data:image/png;base64,{}\">\n<div class=\"controls\" hidden><button id=\"play\" type=\"button\">Play</button>\
         <input id=\"range\" type=\"range\" min=\"0\" max=\"{}\" step=\"1\" value=\"{}\" aria-label=\"Step of the sample grid\"></div>\n\
         <figcaption class=\"caption\"><span id=\"grid-step\">step {}</span> · always the same latents",
        escape(&grid_alt(run)),
        last.step,
        BASE64.encode(&last.png),
        grids.len() - 1,
        grids.len() - 1,
        last.step
    );
    if grids.len() < run.samples.len() {
        let (shown, all) = (grouped(grids.len() as u64), grouped(run.samples.len() as u64));
        let _ = write!(html, "<br>{shown} of {all} grids are in this file, evenly spread; the folder samples has all");
    }
    html.push_str("</figcaption>\n</figure>\n");
    animation(html, run, last.size);
    html.push_str("</div>\n</section>\n");
}

/// The animation, or why it is not here.
fn animation(html: &mut String, run: &Run, [width, height]: [u32; 2]) {
    let named = run.setting_text(&["output", "gif"]).unwrap_or_else(|| "dcgan.gif".to_string());
    // A name alone: nothing outside the run folder.
    let Some(file) = Path::new(&named).file_name().map(PathBuf::from) else { return };
    let (path, name) = (run.path.join(&file), escape(&file.to_string_lossy()));
    let Ok(found) = std::fs::metadata(&path) else { return };
    let bytes = size(found.len());
    if found.len() > MOST_GIF_BYTES {
        let _ = writeln!(
            html,
            "<figure><figcaption>The animation, {name}, is too large for this file ({bytes}); it lies in the run folder.</figcaption></figure>"
        );
        return;
    }
    let Some(gif) = disk::read(&path).ok().filter(|gif| gif.starts_with(b"GIF8")) else { return };
    let _ = writeln!(
        html,
        "<figure>\n<img class=\"moving\" id=\"animation\" width=\"{width}\" height=\"{height}\" alt=\"The same grid changing during training\" \
         src=\"data:image/gif;base64,{}\">\n<figcaption class=\"caption\">The animation, {name} ({bytes})<span class=\"instead\">, is not shown \
         because this device asks for less motion</span></figcaption>\n</figure>",
        BASE64.encode(&gif)
    );
}

fn checkpoints(html: &mut String, run: &Run) {
    html.push_str("<section>\n<h2>Checkpoints kept</h2>\n");
    if run.checkpoints.is_empty() {
        html.push_str("<p>There is no checkpoint yet.</p>\n</section>\n");
        return;
    }
    html.push_str(
        "<table>\n<tr><th>checkpoints/*.safetensors</th><th class=\"number\">Size</th>\
         <th class=\"number\">Distance</th></tr>\n",
    );
    let distances = run.checkpoints.iter().filter_map(|kept| kept.distance);
    let best = distances.min_by(f64::total_cmp);
    for kept in &run.checkpoints {
        let (name, bytes) = (escape(&kept.name), size(kept.bytes));
        let mark = if best.is_some() && kept.distance == best { " (best)" } else { "" };
        let distance = shown(kept.distance.unwrap_or(f64::NAN));
        let _ = writeln!(
            html,
            "<tr><td>{name}</td><td class=\"number\">{bytes}</td>\
             <td class=\"number\">{distance}{mark}</td></tr>"
        );
    }
    html.push_str("</table>\n</section>\n");
}
