//! One HTML file about a run that needs nothing but itself: no network, no other file.
//!
//! Whatever comes from files is escaped, and the page's own policy allows no script or style but
//! the two that are built in, whatever else might get into it.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::chart::{Plot, shown};
use super::curves::{Curve, curves, smoothing};
use super::embedded::{Grid, MOST_GRID_BYTES, grid};
use super::evaluation;
use super::facts;
use super::run::{Kept, Run};
use crate::disk;
use crate::model::columns::GROUPS;
use crate::model::judged::{FRECHET, JudgedBy};
use crate::output::plot::escape;
use crate::output::{grouped, size};
use crate::run::files::{REAL, SAMPLES};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// The first lines of every report, by which an earlier one is known.
pub(super) const MARKER: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"generator\" content=\"dcgan-gpu report\">\n";
/// Most sample grids in a page.
const MOST_GRIDS: usize = 500;
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

impl Page {
    /// The page about a run. The same folder gives the same page.
    pub fn of(run: &Run) -> Page {
        let grids = grids(run);
        let plots: Vec<_> = plots(run).iter().filter_map(Plot::draw).collect();
        let values: Vec<_> = plots.iter().map(|(_, values)| values).collect();
        let data = json!({ "charts": values, "grids": grid_values(&grids), "gridAlt": grid_alt(run, "generated") });
        // Inside a script element only this character could end it.
        let data = data.to_string().replace('<', "\\u003c");
        let note = match smoothing(run.records.len()) {
            _ if plots.is_empty() => "<p>Nothing is recorded yet.</p>\n".to_string(),
            Some(count) => format!(
                "<p class=\"note\">Pale lines and values are as recorded; solid lines are the mean of {count} records.</p>\n"
            ),
            None => String::new(),
        };
        let charts: String = plots.iter().map(|(chart, _)| chart.as_str()).collect();
        let fact = |(name, value): (String, String)| {
            format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(&name), escape(&value))
        };
        let config = format!(
            "<details>\n<summary>config.toml, ready for <code>train --config</code></summary>\n<pre tabindex=\"0\">{}</pre>\n</details>\n",
            escape(&run.config_text)
        );
        let sections = [
            ("Samples", samples(run, &grids)),
            ("Evaluation", evaluation::section(run)),
            ("Curves", format!("{note}<div class=\"pair\">\n{charts}</div>\n")),
            ("Run", format!("<dl>\n{}</dl>\n", facts::of(run).into_iter().map(fact).collect::<String>())),
            ("Checkpoints kept", checkpoints(run)),
            ("Configuration", config),
        ];
        let section = |(title, body): &(&str, String)| match body.is_empty() {
            true => String::new(),
            false => format!("<section>\n<h2>{title}</h2>\n{body}</section>\n"),
        };
        let sections: String = sections.iter().map(section).collect();
        let (name, lead, version) = (escape(&run.name()), escape(&lead(run)), env!("CARGO_PKG_VERSION"));
        let (style, script) = (policy(STYLE), policy(SCRIPT));
        let html = format!(
            "{MARKER}<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src '{style}'; \
             script-src '{script}'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <link rel=\"icon\" href=\"data:,\">\n<title>{name} · dcgan-gpu</title>\n<style>{STYLE}</style>\n\
             <header>\n<h1>{name}</h1>\n<p class=\"lead\">{lead}</p>\n</header>\n<main>\n{sections}</main>\n\
             <footer>Made by dcgan-gpu {version}; this file needs no other and no network.<noscript> Without JavaScript the slider and \
             the values under the pointer are missing.</noscript></footer>\n\
             <script type=\"application/json\" id=\"data\">{data}</script>\n<script>{SCRIPT}</script>\n</html>\n"
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
    let plot = |id, title: &str, note, curves| Plot {
        id,
        title: title.to_string(),
        note,
        curves,
        steps: steps.clone(),
        seconds: Vec::new(),
        ticks: Vec::new(),
        smooth: true,
        until: run.steps(),
        from_zero: false,
    };
    let of_quality = |id, title: &str, note, curve| Plot {
        steps: quality.iter().map(|line| line.step).collect(),
        smooth: false,
        from_zero: true,
        ..plot(id, title, note, vec![curve])
    };
    let speed = Curve::new("images/s", records, |record| record.images_per_second);
    let recorded = GROUPS.iter().map(|group| Plot {
        ticks: group.ticks.to_vec(),
        ..plot(group.id, group.title, group.note, curves(group, records))
    });
    let samples = quality.iter().rev().find_map(|line| line.samples);
    let n = samples.map_or(String::new(), |samples| format!(", n = {}", grouped(samples.into())));
    let others = [
        of_quality(
            "fd",
            &format!("{FRECHET}{n}"),
            "Estimated in the features that judge the run: less is better, and another n gives another number.",
            Curve::new("distance", quality, |line| line.fd.unwrap_or(f64::NAN)),
        ),
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
            ..plot("speed", "Speed", "Real images a second.", vec![speed])
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

fn grid_values(grids: &[Grid]) -> Vec<Value> {
    // The page itself shows the last one.
    let last = grids.len().saturating_sub(1);
    let png = |i: usize, grid: &Grid| (i != last).then(|| BASE64.encode(&grid.png));
    grids.iter().enumerate().map(|(i, grid)| json!({ "step": grid.step, "png": png(i, grid) })).collect()
}

fn grid_alt(run: &Run, kind: &str) -> String {
    let count = |key| run.setting(&["output", key]).and_then(toml::Value::as_integer);
    let size = count("rows").zip(count("cols")).map(|(rows, cols)| format!("{rows} by {cols} "));
    format!("Grid of {}{kind} images", size.unwrap_or_default())
}

fn samples(run: &Run, grids: &[Grid]) -> String {
    let real = real(run).map_or_else(String::new, |grid| still(run, &grid));
    let Some(last) = grids.last() else {
        let cadence = run.setting_text(&["output", "sample_every"]);
        let when = cadence.map_or_else(String::new, |every| format!(", one every {}", escape(&every)));
        return format!("<p>There is no sample grid yet{when}.</p>\n{real}");
    };
    let ([width, height], step, end) = (last.size, last.step, grids.len() - 1);
    let (alt, png, animation) =
        (escape(&grid_alt(run, "generated")), BASE64.encode(&last.png), animation(run, last.size));
    let (shown, all) = (grouped(grids.len() as u64), grouped(run.samples.len() as u64));
    let left_out = match grids.len() < run.samples.len() {
        true => format!("<br>{shown} of {all} grids are in this file, evenly spread; the folder samples has all"),
        false => String::new(),
    };
    format!(
        "<div class=\"pair\">\n<figure>\n<img id=\"grid\" width=\"{width}\" height=\"{height}\" alt=\"{alt} after step {step}\" \
         src=\"data:image/png;base64,{png}\">\n<div class=\"controls\" hidden><button id=\"play\" type=\"button\">Play</button>\
         <input id=\"range\" type=\"range\" min=\"0\" max=\"{end}\" step=\"1\" value=\"{end}\" aria-label=\"Step of the sample grid\"></div>\n\
         <figcaption class=\"caption\"><span id=\"grid-step\">step {step}</span> · always the same latents{left_out}</figcaption>\n\
         </figure>\n{real}{animation}</div>\n"
    )
}

/// The grid of real images, where the run has one.
fn real(run: &Run) -> Option<Grid> {
    let path = run.path.join(SAMPLES.folder).join(REAL);
    let fits = std::fs::metadata(&path).is_ok_and(|found| found.len() <= MOST_GRID_BYTES);
    grid(0, &path).filter(|_| fits)
}

/// The figure of real images.
fn still(run: &Run, grid: &Grid) -> String {
    let (alt, png, [width, height]) = (escape(&grid_alt(run, "real")), BASE64.encode(&grid.png), grid.size);
    format!(
        "<figure>\n<img width=\"{width}\" height=\"{height}\" alt=\"{alt}, as D sees them\" \
         src=\"data:image/png;base64,{png}\">\n<figcaption class=\"caption\">real images, as D sees them</figcaption>\n\
         </figure>\n"
    )
}

/// The animation, or why it is not here; nothing where there is none.
fn animation(run: &Run, [width, height]: [u32; 2]) -> String {
    let named = run.setting_text(&["output", "gif"]).unwrap_or_else(|| "dcgan.gif".to_string());
    // A name alone: nothing outside the run folder.
    let Some(file) = Path::new(&named).file_name() else { return String::new() };
    let (path, name) = (run.path.join(file), escape(&file.to_string_lossy()));
    let Ok(found) = std::fs::metadata(&path) else { return String::new() };
    let bytes = size(found.len());
    if found.len() > MOST_GIF_BYTES {
        return format!(
            "<figure><figcaption>The animation, {name}, is too large for this file ({bytes}); it lies in the run folder.</figcaption></figure>\n"
        );
    }
    let gif = disk::read(&path).ok().filter(|gif| gif.starts_with(b"GIF8")).map(|gif| BASE64.encode(gif));
    gif.map_or_else(String::new, |gif| {
        format!(
            "<figure>\n<img class=\"moving\" id=\"animation\" width=\"{width}\" height=\"{height}\" alt=\"The same grid changing during \
             training\" src=\"data:image/gif;base64,{gif}\">\n<figcaption class=\"caption\">The animation, {name} ({bytes})<span \
             class=\"instead\">, is not shown because this device asks for less motion</span></figcaption>\n</figure>\n"
        )
    })
}

fn checkpoints(run: &Run) -> String {
    if run.checkpoints.is_empty() {
        return "<p>There is no checkpoint yet.</p>\n".to_string();
    }
    let best = run.checkpoints.iter().filter_map(Kept::score).min_by(f64::total_cmp);
    let row = |kept: &Kept| {
        let (name, bytes, distance) = (escape(&kept.name), size(kept.bytes), shown(kept.score().unwrap_or(f64::NAN)));
        let mark = if best.is_some() && kept.score() == best { " (best)" } else { "" };
        format!("<tr><td>{name}</td><td class=\"number\">{bytes}</td><td class=\"number\">{distance}{mark}</td></tr>\n")
    };
    let distance = if JudgedBy::is_by_features(run.judge().as_ref()) { FRECHET } else { "Distance" };
    format!(
        "<table>\n<tr><th>checkpoints/*.safetensors</th><th class=\"number\">Size</th><th class=\"number\">{distance}</th></tr>\n{}</table>\n",
        run.checkpoints.iter().map(row).collect::<String>()
    )
}
