//! The proof, on the device at hand, that kernels compute what their twins say: small awkward cases
//! for every kernel, then a training step of every preset, each dispatch checked by itself.

pub mod cases;
mod compare;
mod guard;
pub mod layer;
pub mod lockstep;
pub mod presets;
pub mod resume;

use std::fmt;

use serde::Serialize;

use crate::device::Device;
use crate::error::Result;
use crate::kernels::registry;
use crate::plan::Program;
use crate::twin::Twinned;
pub use cases::Case;
pub use compare::DispatchRow;
pub use lockstep::Loaded;

/// What all checks of a kernel found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct KernelSummary {
    /// The kernel.
    pub kernel: &'static str,
    /// Dispatches that were checked.
    pub dispatches: u64,
    /// Words that were compared.
    pub values: u64,
    /// The error that is largest in proportion to its bound.
    pub error: f64,
    /// The bound at that place.
    pub bound: f64,
    /// Their ratio: at most 1 where all is well.
    pub ratio: f64,
    /// The case that it comes from, and the sizes of the dispatch.
    pub worst_case: String,
    /// `passed`, `failed`, or `unused`: not a kernel for this device.
    pub verdict: &'static str,
}

/// What a selftest found.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The device.
    pub device: String,
    /// Every kernel of the registry, and those that the caller brought.
    pub kernels: Vec<KernelSummary>,
    /// What is wrong: one line for each case that failed, naming the kernel, the place and both
    /// values.
    pub failures: Vec<String>,
}

impl Summary {
    /// Whether everything was right.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }

    fn new(device: String, twins: &'static [Twinned]) -> Self {
        let empty = |twinned: &Twinned| KernelSummary {
            kernel: twinned.kernel.name,
            verdict: "unused",
            ..KernelSummary::default()
        };
        Summary { device, kernels: registry().chain(twins).map(empty).collect(), failures: Vec::new() }
    }

    fn add(&mut self, row: &DispatchRow) {
        let Some(kernel) = self.kernels.iter_mut().find(|kernel| kernel.kernel == row.kernel) else { return };
        kernel.dispatches += 1;
        kernel.values += row.values;
        if row.ratio >= kernel.ratio {
            (kernel.error, kernel.bound, kernel.ratio) = (row.error, row.bound, row.ratio);
            kernel.worst_case = format!("{}: {}", row.case, row.constants);
        }
        match &row.failure {
            Some(failure) => {
                kernel.verdict = "failed";
                self.failures.push(format!("{}: {failure}", row.case));
            }
            None if kernel.verdict == "unused" => kernel.verdict = "passed",
            None => {}
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<27} {:>10} {:>11} {:>9} {:>9} {:>7}  {:<8} worst at",
            "kernel", "dispatches", "values", "error", "bound", "ratio", "verdict"
        )?;
        for kernel in &self.kernels {
            let KernelSummary { kernel, dispatches, values, error, bound, ratio, verdict, worst_case } = kernel;
            writeln!(
                f,
                "{kernel:<27} {dispatches:>10} {values:>11} {error:>9.1e} {bound:>9.1e} {ratio:>7.3}  {verdict:<8} {worst_case}"
            )?;
        }
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        let verdict = if self.passed() { "computes what it should" } else { "computes wrong results" };
        write!(f, "{} {verdict}", self.device)
    }
}

/// Checks every kernel and every preset on a device; `report` is told of each dispatch.
///
/// Wrong results are in the summary. On [`Device::Host`] the f32 twins are compared with the f64
/// ones.
///
/// # Errors
/// When the device fails.
pub fn run(device: &Device, report: impl FnMut(&DispatchRow)) -> Result<Summary> {
    let profile = device.profile();
    let mut cases = cases::all(&profile)?;
    cases.extend(presets::all(&profile)?);
    check(device, &cases, &[], report)
}

/// Checks these cases on a device, as [`run`] does; `twins` are those of kernels that are not of
/// this crate.
///
/// # Errors
/// When the device fails.
pub fn check(
    device: &Device,
    cases: &[Case],
    twins: &'static [Twinned],
    report: impl FnMut(&DispatchRow),
) -> Result<Summary> {
    let run = |program: &Program, row: &mut dyn FnMut(DispatchRow)| lockstep::run_program(device, program, twins, row);
    summarise(Summary::new(device.name(), twins), cases, run, report)
}

/// Checks these cases, as [`run`] does, on an executor that is no [`Device`] and has this name;
/// `load` makes programs with their kernels ready to run.
///
/// # Errors
/// When the executor fails.
pub fn check_on(
    name: &str,
    mut load: impl FnMut(Program) -> Loaded,
    cases: &[Case],
    report: impl FnMut(&DispatchRow),
) -> Result<Summary> {
    let run = |program: &Program, row: &mut dyn FnMut(DispatchRow)| lockstep::run_program_on(&mut load, program, row);
    summarise(Summary::new(name.to_string(), &[]), cases, run, report)
}

fn summarise(
    mut summary: Summary,
    cases: &[Case],
    mut run: impl FnMut(&Program, &mut dyn FnMut(DispatchRow)) -> Result<bool>,
    mut report: impl FnMut(&DispatchRow),
) -> Result<Summary> {
    for case in cases {
        run(&case.program, &mut |mut row| {
            row.case.clone_from(&case.name);
            report(&row);
            summary.add(&row);
        })?;
    }
    Ok(summary)
}
