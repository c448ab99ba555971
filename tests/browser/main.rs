//! A browser compiles every shader in use, and replays bundles: `cargo test --release --test
//! browser`.
//!
//! wgpu reads WGSL with naga, browsers with Tint and others; what one accepts, another may refuse.
//! This starts Debian's `chromium` (or the program that the environment variable CHROMIUM names)
//! without a window, on the software adapter that it brings along, and gives it `page.html`. A
//! browser that is missing, has no adapter or takes too long is a failure, not a skip.

mod chromium;
#[path = "../common/mod.rs"]
mod common;
mod server;
mod work;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use chromium::Chromium;
use serde::Deserialize;
use server::Server;
use work::{Module, Replay};

/// How long the browser may take.
const PATIENCE: Duration = Duration::from_secs(480);

/// What the page found.
#[derive(Deserialize)]
#[serde(untagged)]
enum Findings {
    Nothing { error: String },
    Report(Report),
}

#[derive(Deserialize)]
struct Report {
    adapter: String,
    /// In the order of [`work::modules`].
    modules: Vec<Compilation>,
    /// The words of each replay's output.
    outputs: Vec<Vec<u32>>,
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct Compilation {
    compiled: bool,
    skipped: bool,
    messages: Vec<String>,
}

fn main() -> ExitCode {
    let start = Instant::now();
    let (modules, replays) = (work::modules(), [Replay::convolution(), Replay::training_step()]);
    let outcome = ask_browser(work::document(&modules, &replays))
        .and_then(|text| serde_json::from_str(&text).map_err(|e| format!("the page's result: {e}: {text}")))
        .and_then(|findings| match findings {
            Findings::Nothing { error } => Err(error),
            Findings::Report(report) if report.modules.len() != modules.len() => {
                Err(format!("the page reports {} of {} shaders", report.modules.len(), modules.len()))
            }
            Findings::Report(report) => Ok(verdict(&modules, &replays, &report)),
        });
    match outcome {
        Ok((0, summary)) => {
            println!("browser: ok. {summary}; {:.0} s", start.elapsed().as_secs_f64());
            return ExitCode::SUCCESS;
        }
        Ok((failures, summary)) => println!("browser: FAILED. {failures} failures; {summary}"),
        Err(message) => println!("browser: FAILED. {message}"),
    }
    ExitCode::FAILURE
}

/// Serves the work to a browser until it posts a result.
fn ask_browser(document: String) -> Result<String, String> {
    let server = Server::start(include_str!("page.html"), document).map_err(|e| format!("no local server: {e}"))?;
    let mut browser = Chromium::open(&server.url)?;
    let deadline = Instant::now() + PATIENCE;
    let mut progress = "nothing from the page".to_string();
    let cause = loop {
        match server.next(Duration::from_millis(200)) {
            Some(server::Event::Result(text)) => return Ok(text),
            Some(server::Event::Progress(text)) => progress = text,
            None => {}
        }
        if let Err(cause) = browser.alive() {
            break cause;
        }
        if Instant::now() > deadline {
            break format!("no result after {} s", PATIENCE.as_secs());
        }
    };
    Err(format!("{cause}; so far: {progress}\n{}", browser.last_words()).trim_end().to_string())
}

/// Prints a line for each failure; returns their number and a summary.
fn verdict(modules: &[Module], replays: &[Replay], report: &Report) -> (usize, String) {
    let (mut failures, mut compiled, mut subgroups, mut skipped) = (0, 0, 0, 0);
    for (module, outcome) in modules.iter().zip(&report.modules) {
        match outcome {
            Compilation { skipped: true, .. } => skipped += 1,
            Compilation { compiled: true, messages, .. } => {
                compiled += 1;
                subgroups += usize::from(module.subgroups);
                messages.iter().for_each(|message| println!("note: {}: {message}", module.name));
            }
            Compilation { messages, .. } => {
                failures += 1;
                println!("failed: {}: {}", module.name, messages.join("; "));
            }
        }
    }
    if skipped > 0 {
        println!("{skipped} subgroup variants not compiled: adapter has no subgroups");
    }
    let compared = replays.iter().zip(&report.outputs).map(|(replay, words)| replay.compare(words));
    let (wrong, shares): (Vec<_>, Vec<_>) = compared.unzip();
    let missing = (shares.len() < replays.len()).then(|| format!("{} of {} replays", shares.len(), replays.len()));
    for message in report.errors.iter().chain(wrong.iter().flatten()).chain(&missing) {
        failures += 1;
        println!("failed: {message}");
    }
    let total = modules.len();
    let summary = format!(
        "{}: {compiled} of {total} shaders compiled, {subgroups} of them with subgroups; largest errors of replayed \
         bundles, as parts of their bounds: {shares:.3?}",
        report.adapter
    );
    (failures, summary)
}
