//! What `bench` prints for people.

use crate::bench::floor::StepWork;
use crate::bench::step::{KernelCost, StepProfile, StepReport};
use crate::bench::sweep::{Coordinates, Point, Sweep};
use crate::device::Timing;

use crate::cli::table;

/// A measurement: the step, then where its time goes.
pub fn report(report: &StepReport) -> Vec<String> {
    let StepReport { preset, batch_size, device, load, work, .. } = report;
    let family = report.family.map_or_else(|| format!("{} threads", report.threads), |name| format!("{name} kernels"));
    let times = [load.total_s, load.open_s, load.tune_s, load.prepare_s, load.compile_s, load.first_step_s];
    let [total, open, tune, prepare, compile, step] = times.map(time);
    let mut lines = vec![
        format!("{preset} at batch {batch_size} on {device} ({family})"),
        format!(
            "first step after {total}: open {open}, tune {tune}, prepare {prepare}, compile {compile}, step {step}"
        ),
        format!(
            "a step: median {}, fastest {}, {:.0} images/s ({} steps, waited for every {})",
            time(report.median_s),
            time(report.min_s),
            report.images_per_s,
            report.steps,
            report.steps_per_block
        ),
        format!(
            "        {:.1} GFLOP/s, {:.1} with padding; {:.1} MFLOP an image",
            report.gflops,
            report.nominal_gflops,
            work.flops_per_image as f64 / 1e6
        ),
    ];
    lines.extend(report.host_s.map(|host| format!("        the host starts a step in {}", time(host))));
    if let Some(profile) = &report.profile {
        lines.extend(kernels(profile));
    }
    lines
}

fn kernels(profile: &StepProfile) -> Vec<String> {
    let copies = &profile.ceilings.copies;
    let [largest, nearest] =
        [copies.last(), copies.first()].map(|copy| copy.map_or(0.0, |copy| copy.bytes_per_s / 1e9));
    let gflops = profile.ceilings.flops_per_s / 1e9;
    let timed = match profile.timing {
        Timing::Timestamps => "timestamps in one pass",
        Timing::PassTimestamps => "timestamps of passes",
        Timing::Blocks => "blocks of repeated dispatches",
        Timing::Host => "the host's clock",
    };
    let mut lines = vec![
        format!("ceilings: {gflops:.1} GFLOP/s; {largest:.1} GB/s, {nearest:.1} in caches"),
        format!("floor: {}, of which the median step reaches {:.0} %", time(profile.floor_s), profile.floor_percent),
        format!("by {timed}, all dispatches together {}:", time(profile.device_s)),
    ];
    lines.extend(rows(&profile.kernels, "calls", |row| row.calls.to_string()));
    if !profile.dispatches.is_empty() {
        lines.push("every dispatch:".to_string());
        lines.extend(rows(&profile.dispatches, "where", |row| row.scope.clone().unwrap_or_default()));
    }
    lines
}

fn rows(rows: &[KernelCost], second: &str, value: impl Fn(&KernelCost) -> String) -> Vec<String> {
    let header = ["kernel", second, "time", "share", "GFLOP/s", "padded", "GB/s", "ceiling"];
    let body = rows.iter().map(|row| {
        let (share, ceiling) = (format!("{:.1} %", 100.0 * row.share), format!("{:.0} %", row.ceiling_percent));
        let [gflops, padded, gbytes] = [row.gflops, row.nominal_gflops, row.gbytes_per_s].map(tenths);
        vec![row.kernel.to_string(), value(row), time(row.seconds), share, gflops, padded, gbytes, ceiling]
    });
    table::with_header(&header, body)
}

/// The work of presets.
pub fn floor(works: &[StepWork]) -> Vec<String> {
    let header =
        ["preset", "batch", "dispatches", "MFLOP/image", "padded", "GFLOP/step", "padded", "MB/step", "FLOP/byte"];
    let body = works.iter().map(|work| {
        vec![
            work.preset.clone(),
            work.batch_size.to_string(),
            work.dispatches.to_string(),
            tenths(work.flops_per_image as f64 / 1e6),
            tenths(work.nominal_flops_per_image as f64 / 1e6),
            format!("{:.2}", work.flops_per_step as f64 / 1e9),
            format!("{:.2}", work.nominal_flops_per_step as f64 / 1e9),
            tenths(work.bytes_per_step as f64 / 1e6),
            tenths(work.flops_per_byte),
        ]
    });
    table::with_header(&header, body)
}

/// All points of a sweep, one line each.
pub fn sweep(sweep: &Sweep) -> Vec<String> {
    let header = ["batch", "image", "width", "MFLOP/image", "step", "images/s", "GFLOP/s", "tensors", "process"];
    let body = sweep.points.iter().map(|point| {
        let Coordinates { batch_size, image_size, width } = point.at;
        let mebibytes = |bytes: u64| format!("{} MiB", bytes >> 20);
        let mut row = vec![
            batch_size.to_string(),
            format!("{image_size}×{image_size}"),
            format!("{width}"),
            tenths(point.flops_per_image as f64 / 1e6),
        ];
        if let Some(measured) = point.measured() {
            row.extend([time(measured.median_s), tenths(measured.images_per_s), tenths(measured.gflops)]);
            row.push(mebibytes(point.device_bytes()));
            row.push(measured.peak_host_bytes.map_or_else(String::new, mebibytes));
        }
        row
    });
    // A reason may be as long as it needs; only measured rows make columns.
    let mut lines = table::with_header(&header, body);
    for (line, point) in lines.iter_mut().skip(1).zip(&sweep.points) {
        if let Some((what, reason)) = point.problem() {
            *line += &format!("  {what}: {reason}");
        }
    }
    lines
}

/// A point of a sweep as it becomes known.
pub fn point_in_words(point: &Point) -> String {
    let Coordinates { batch_size, image_size, width } = point.at;
    let measured = point.measured().map(|m| format!("{} a step, {:.1} images/s", time(m.median_s), m.images_per_s));
    let problem = point.problem().map(|(what, reason)| format!("{what}: {reason}"));
    let result = measured.or(problem).unwrap_or_default();
    format!("batch {batch_size}, {image_size}×{image_size}, width {width}: {result}")
}

fn tenths(value: f64) -> String {
    format!("{value:.1}")
}

/// Seconds with a unit that fits.
fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.2} ms", s * 1e3),
        s => format!("{:.1} µs", s * 1e6),
    }
}
