//! The page that `report` writes, in a real browser: `cargo test --release --test report`.
//!
//! A small run is trained, its page opened from the disk in a headless Chromium, and used as a
//! reader would: slider, arrow keys, button, pointer on the curves. Values come from the page's own
//! elements. Nothing may be asked of a network, and the console stays empty. Screenshots (light,
//! dark, narrow) go to the folder that the environment variable SCREENSHOTS names, otherwise to the
//! build's temporary folder. A browser that is missing is a failure, not a skip.

#[path = "../common/mod.rs"]
mod common;
mod devtools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use common::desk;
use common::program::program;
use dcgan_gpu::report::losses_svg;
use dcgan_gpu::run::files::{METRICS, QUALITY};
use dcgan_gpu::run::records::read_metrics;
use devtools::Browser;
use serde_json::{Value, json};

/// A name that would run a script wherever it is not escaped, in an element as in an attribute.
const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'&</script>";
const STEPS: u32 = 300;
/// Sample grids: one every five steps.
const GRIDS: u64 = 60;

fn main() -> ExitCode {
    match check() {
        Ok(summary) => {
            println!("report: ok. {summary}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            println!("report: FAILED. {message}");
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<String, String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let run = train(folder.path())?;
    let lines = lines_of(&run, METRICS)?;
    ensure(lines.len() == STEPS as usize, format!("{} records", lines.len()))?;
    let quality = lines_of(&run, QUALITY)?.pop().ok_or("no quality was recorded")?;
    let page = report(&run)?;
    let mut browser = Browser::start()?;
    browser.look(1200, 900, "light")?;
    browser.open(&format!("file://{}", page.display()))?;

    headings(&mut browser)?;
    slider(&mut browser, &run)?;
    curves(&mut browser, &lines, &quality)?;
    let shots = screenshots(&mut browser)?;
    picture(&mut browser, &run, &shots)?;
    quiet(&browser)?;
    let bytes = fs::metadata(&page).map_err(|e| e.to_string())?.len();
    Ok(format!("{GRIDS} grids and {} records in {bytes} bytes; screenshots in {}", lines.len(), shots.display()))
}

/// A run with a hostile name, and a torn last line, as of a run that was killed.
fn train(folder: &Path) -> Result<PathBuf, String> {
    let run = folder.join("a <b>run & \"more\"");
    let config = folder.join("tiny.toml");
    fs::write(&config, desk::TINY).map_err(|e| e.to_string())?;
    let mut command = program();
    command.args(["train", "--quiet", "--device", "cpu", "--log-every", "1", "--sample-every", "5steps"]);
    command.args(["--steps", &STEPS.to_string()]).arg("--config").arg(&config).arg("--out").arg(&run);
    succeed(command)?;
    for (file, old, new) in [
        ("config.toml", "name = \"tiny\"", format!("name = {}", json!(HOSTILE))),
        ("metrics.jsonl", "}\n{\"step\":151,", "}\n{\"step\":150.5,\"d_loss\":NaN}\n{\"step\":151,".to_string()),
    ] {
        let path = run.join(file);
        let text = fs::read_to_string(&path).map_err(|e| e.to_string())?;
        ensure(text.contains(old), format!("{file} lacks {old}"))?;
        fs::write(&path, text.replace(old, &new)).map_err(|e| e.to_string())?;
    }
    let path = run.join(METRICS);
    let text = fs::read_to_string(&path).map_err(|e| e.to_string())?;
    fs::write(&path, text + "{\"step\":301,\"epoch\":1,\"d_lo").map_err(|e| e.to_string())?;
    Ok(run)
}

/// The whole lines of a file.
fn lines_of(run: &Path, file: &str) -> Result<Vec<Value>, String> {
    let text = fs::read_to_string(run.join(file)).map_err(|e| format!("{file}: {e}"))?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

fn report(run: &Path) -> Result<PathBuf, String> {
    let mut command = program();
    // Elsewhere, so that nothing beside the page can be found by a relative name.
    let page = run.with_file_name("page.html");
    command.args(["report", "--json"]).arg(run).arg("--out").arg(&page);
    let written: Value = serde_json::from_str(&succeed(command)?).map_err(|e| e.to_string())?;
    equal("records read", &written["records"], &json!(STEPS))?;
    equal("grids in the page", &written["grids_embedded"], &json!(GRIDS))?;
    let html = fs::read_to_string(&page).map_err(|e| e.to_string())?;
    let addresses = ["http://", "https://", "url(", "@import", "<b>run", HOSTILE];
    let found: Vec<_> = addresses.into_iter().filter(|address| html.contains(address)).collect();
    ensure(found.is_empty(), format!("the page holds {found:?}"))?;
    Ok(page)
}

fn headings(browser: &mut Browser) -> Result<(), String> {
    let text = |selector: &str| format!("[...document.querySelectorAll('{selector}')].map(e => e.textContent)");
    equal("title", &browser.value("document.title")?, &json!("a <b>run & \"more\" · dcgan-gpu"))?;
    equal("h1", &browser.value(&text("h1"))?, &json!(["a <b>run & \"more\""]))?;
    let sections = ["Samples", "Curves", "Run", "Checkpoints kept", "Configuration"];
    equal("sections", &browser.value(&text("h2"))?, &json!(sections))?;
    let charts = ["Losses", "D(x)", "Diversity", "Distance to the data", "Speed"];
    equal("charts", &browser.value(&text("h3"))?, &json!(charts))?;
    equal("preset", &browser.value("document.querySelector('dd').textContent")?, &json!(HOSTILE))?;
    let silent = "[...document.images].filter(i => !i.alt || !i.complete || !i.naturalWidth).length";
    equal("pictures that are broken or have no description", &browser.value(silent)?, &json!(0))?;
    equal("pictures", &browser.value("document.images.length")?, &json!(3))?;
    let configuration = browser.value("document.querySelector('pre').textContent")?;
    ensure(configuration.as_str().is_some_and(|text| text.contains("[training]")), "no configuration")?;
    Ok(())
}

/// The slider by its own keys, the page's arrow keys, and the button that plays.
fn slider(browser: &mut Browser, run: &Path) -> Result<(), String> {
    let shown =
        |browser: &mut Browser| browser.value("[document.getElementById('grid-step').textContent, grid.alt, grid.src]");
    let expected = |step: u32| {
        let png = fs::read(run.join(format!("samples/step-{step:08}.png"))).map_err(|e| e.to_string())?;
        let source = format!("data:image/png;base64,{}", BASE64.encode(png));
        let alt = format!("Grid of 2 by 3 generated images after step {step}");
        Ok::<_, String>(json!([format!("step {step}"), alt, source]))
    };
    equal("the grid at first", &shown(browser)?, &expected(STEPS)?)?;
    browser.value("range.focus()")?;
    for (key, number, step) in [("Home", 36, 5), ("ArrowRight", 39, 10), ("ArrowRight", 39, 15), ("ArrowLeft", 37, 10)]
    {
        browser.press(key, number)?;
        equal(&format!("the grid after {key} on the slider"), &shown(browser)?, &expected(step)?)?;
    }
    equal("what a screen reader hears", &browser.value("range.getAttribute('aria-valuetext')")?, &json!("step 10"))?;
    // The curves mark the step of the grid.
    let marked = browser.value("document.querySelector('#losses .at').getAttribute('x1')")?;
    equal("the mark on the curve", &marked, &json!(format!("{}%", 100.0 * 10.0 / f64::from(STEPS))))?;
    browser.value("range.blur()")?;
    browser.press("ArrowRight", 39)?;
    equal("the grid after an arrow key on the page", &shown(browser)?, &expected(15)?)?;
    let [x, y] = place(browser, "play", 0.5)?;
    browser.click(x, y)?;
    equal("the button", &browser.value("play.textContent")?, &json!("Pause"))?;
    let end = "new Promise(done => setInterval(() => play.textContent === 'Play' && done(range.value), 20))";
    equal("the grid where playing ends", &browser.value(end)?, &json!((GRIDS - 1).to_string()))?;
    equal("the grid after playing", &shown(browser)?, &expected(STEPS)?)
}

/// Pointer and keys on a curve: the values are those that were recorded.
fn curves(browser: &mut Browser, lines: &[Value], quality: &Value) -> Result<(), String> {
    let values = "[...document.querySelectorAll('#losses .key b, #losses .where')].map(e => e.textContent)";
    let recorded = |step: usize| {
        let number = |key: &str| format!("{:.3}", lines[step - 1][key].as_f64().unwrap_or(f64::NAN));
        json!([number("d_loss"), number("g_loss"), format!("step {step}")])
    };
    browser.value("document.querySelector('#losses').scrollIntoView()")?;
    equal("the values at first", &browser.value(values)?, &recorded(STEPS as usize))?;
    for (part, step) in [(0.5, 150), (0.1, 30), (0.9999, 300)] {
        let [x, y] = place(browser, "losses .plot", part)?;
        browser.point(x, y)?;
        equal(&format!("the values at {part} of the curve"), &browser.value(values)?, &recorded(step))?;
    }
    let dots = "document.querySelectorAll('#losses .dot.shown').length";
    equal("dots under the pointer", &browser.value(dots)?, &json!(2))?;
    browser.value("document.activeElement.blur(), losses.focus()")?;
    for (key, number, step) in [("Home", 36, 1), ("ArrowRight", 39, 2), ("End", 35, 300), ("ArrowLeft", 37, 299)] {
        browser.press(key, number)?;
        equal(&format!("the values after {key}"), &browser.value(values)?, &recorded(step))?;
    }
    equal("the grid, which stays", &browser.value("range.value")?, &json!((GRIDS - 1).to_string()))?;
    browser.value("losses.blur(), scrollTo(0, 0)")?;
    browser.point(2.0, 2.0)?;
    equal("the values without a pointer", &browser.value(values)?, &recorded(STEPS as usize))?;
    let speed = browser.value("document.querySelector('#speed .key b').textContent")?;
    ensure(
        speed.as_str().is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit())),
        format!("speed {speed}"),
    )?;
    let shown = "[...document.querySelectorAll('#diversity b, #distance b')].map(e => e.textContent)";
    let number = |key: &str| format!("{:.3}", quality[key].as_f64().unwrap_or(f64::NAN));
    equal("quality", &browser.value(shown)?, &json!([number("diversity"), number("distance")]))
}

/// Three screenshots; each has the colours of its scheme, and none is wider than its window.
fn screenshots(browser: &mut Browser) -> Result<PathBuf, String> {
    let folder =
        std::env::var_os("SCREENSHOTS").map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    for (name, width, scheme, ground) in [
        ("light", 1200, "light", [255; 3]),
        ("dark", 1200, "dark", [0x17, 0x19, 0x1b]),
        ("narrow", 360, "light", [255; 3]),
    ] {
        browser.look(width, 900, scheme)?;
        let overflow = browser.value("document.documentElement.scrollWidth - innerWidth")?;
        equal(&format!("pixels beyond the window, {name}"), &overflow, &json!(0))?;
        let png = BASE64.decode(browser.screenshot()?).map_err(|e| e.to_string())?;
        let image = image::load_from_memory(&png).map_err(|e| e.to_string())?.into_rgb8();
        ensure(image.width() == width && image.height() > 1500, format!("{name}: {:?}", image.dimensions()))?;
        ensure(image.get_pixel(1, 1).0 == ground, format!("{name}: the page is {:?}", image.get_pixel(1, 1)))?;
        let colours: std::collections::BTreeSet<_> = image.pixels().map(|pixel| pixel.0).collect();
        ensure(colours.len() > 50, format!("{name}: only {} colours", colours.len()))?;
        fs::write(folder.join(format!("report-{name}.png")), png).map_err(|e| e.to_string())?;
    }
    Ok(folder)
}

/// The curves as a file of their own: XML that a browser draws by itself.
fn picture(browser: &mut Browser, run: &Path, shots: &Path) -> Result<(), String> {
    let records = read_metrics(&run.join(METRICS)).map_err(|e| e.to_string())?;
    let file = run.with_file_name("losses.svg");
    fs::write(&file, losses_svg(&records, &[])).map_err(|e| e.to_string())?;
    browser.look(640, 560, "light")?;
    browser.open(&format!("file://{}", file.display()))?;
    let found =
        browser.value("[document.documentElement.nodeName, document.querySelectorAll('parsererror').length]")?;
    equal("the curves' file", &found, &json!(["svg", 0]))?;
    let words = browser.value("[...document.querySelectorAll('text')].map(e => e.textContent)")?;
    for word in ["curves of 300 steps", "D loss", "G loss", "real images", "generated images", "step"] {
        ensure(words.as_array().is_some_and(|words| words.iter().any(|w| w == word)), format!("{words} lacks {word}"))?;
    }
    let png = BASE64.decode(browser.screenshot()?).map_err(|e| e.to_string())?;
    fs::write(shots.join("losses.png"), png).map_err(|e| e.to_string())
}

/// The browser asked for the page alone, and had nothing to complain of.
fn quiet(browser: &Browser) -> Result<(), String> {
    for event in &browser.events {
        let parameters = &event["params"];
        match event["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => {
                let url = parameters["request"]["url"].as_str().unwrap_or_default();
                let own = url.starts_with("data:")
                    || ["/page.html", "/losses.svg"].iter().any(|name| url.ends_with(name))
                        && url.starts_with("file://");
                ensure(own, format!("the page asks for {url}"))?;
            }
            "Log.entryAdded"
            | "Runtime.exceptionThrown"
            | "Runtime.consoleAPICalled"
            | "Page.javascriptDialogOpening" => {
                return Err(format!("the page complains: {event}"));
            }
            _ => {}
        }
    }
    let asked = browser.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent").count();
    ensure(asked > 0, "the browser does not tell what it asks for")
}

/// A point at a part of the width of an element, half-way down.
fn place(browser: &mut Browser, id: &str, part: f64) -> Result<[f64; 2], String> {
    let script = format!(
        "(b => [b.left + b.width * {part}, b.top + b.height / 2])(document.querySelector('#{id}').getBoundingClientRect())"
    );
    let found = browser.value(&script)?;
    let number = |i: usize| found[i].as_f64().ok_or_else(|| format!("#{id} has no place: {found}"));
    Ok([number(0)?, number(1)?])
}

fn succeed(mut command: Command) -> Result<String, String> {
    let output = command.output().map_err(|e| e.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure(output.status.success(), format!("{command:?}: {}", text(&output.stderr)))?;
    Ok(text(&output.stdout))
}

fn ensure(holds: bool, message: impl Into<String>) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message.into()) }
}

fn equal(what: &str, found: &Value, expected: &Value) -> Result<(), String> {
    let short = |value: &Value| value.to_string().chars().take(300).collect::<String>();
    ensure(found == expected, format!("{what}: {}, not {}", short(found), short(expected)))
}
