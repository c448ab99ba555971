//! The HLSL and the MSL that naga makes of every kernel, executed: `tests/translated/run`.
//!
//! Every case of `selftest` runs dispatch by dispatch, each compared with its f64 twin within the
//! bounds and between the guard bands that adapters are held to. A tool that is missing is a
//! failure, not a skip. `-- hlsl` and `-- msl` run one language.

#[path = "../common/mod.rs"]
mod common;
mod hlsl;
mod memory;
mod mistakes;
mod msl;
mod unchecked;
mod vulkan;
mod work;

use std::process::ExitCode;
use std::time::Instant;

use dcgan_gpu::error::{Error, Result};
use dcgan_gpu::selftest::{Case, Summary};
use mistakes::Mistake;
use work::{Kernels, Language};

type Run = fn() -> Result<()>;

const LANGUAGES: [(&str, Run); 2] = [("hlsl", run_hlsl), ("msl", run_msl)];

fn main() -> ExitCode {
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    let mut passed = true;
    if let Some(word) = wanted.iter().find(|word| !LANGUAGES.iter().any(|(name, _)| word == name)) {
        eprintln!("no language `{word}`; there are hlsl and msl");
        return ExitCode::FAILURE;
    }
    for (name, run) in LANGUAGES {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            let start = Instant::now();
            let outcome = run();
            let verdict = outcome.as_ref().map_or_else(|error| format!("FAILED. {error}"), |()| "ok".to_string());
            println!("{name}: {verdict}; {:.0} s", start.elapsed().as_secs_f64());
            passed &= outcome.is_ok();
        }
    }
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_hlsl() -> Result<()> {
    let language = hlsl::Hlsl::open()?;
    let (mut cases, mut mistakes) = (work::of_tiles(), mistakes::HLSL.to_vec());
    if language.has_lanes() {
        cases.extend(work::of_lanes());
        mistakes.extend(mistakes::HLSL_LANES);
    }
    check(&language, &cases, &mistakes)
}

fn run_msl() -> Result<()> {
    check(&msl::Msl::open()?, &work::of_tiles(), mistakes::MSL)
}

/// Runs all cases, and some with mistakes, which must be found.
fn check<L: Language>(language: &L, cases: &[Case], mistakes: &[Mistake]) -> Result<()> {
    mistakes::are_found(language, cases, mistakes)?;
    let start = Instant::now();
    let kernels = Kernels::new(language, cases, |_, text| text)?;
    let compiled = start.elapsed().as_secs_f64();
    let summary = kernels.check(cases)?;
    println!("{summary}");
    println!(
        "{} specialisations, compiled in {compiled:.0} s and run in {:.0} s; not run, since they need subgroups of \
         exactly 8: {:?}",
        kernels.count(),
        start.elapsed().as_secs_f64() - compiled,
        left_out(&summary)
    );
    match summary.failures.len() {
        0 => Ok(()),
        wrong => Err(Error::device(format!("{wrong} of {} cases", cases.len()))),
    }
}

/// Kernels that no case ran, all of which must be the lane kernels.
fn left_out(summary: &Summary) -> Vec<&'static str> {
    let unused = summary.kernels.iter().filter(|kernel| kernel.verdict == "unused");
    let names: Vec<_> = unused.map(|kernel| kernel.kernel).collect();
    assert!(names.iter().all(|name| name.ends_with("_lane")), "no case runs {names:?}");
    names
}
