//! The same seed gives the same bits on any number of threads.

use crate::adapter;
use crate::desk::Desk;
use crate::record::Record;

/// Trains on `device` with each number of threads in `variable`, twice with the first.
fn check(device: &str, variable: &str, threads: &[&str]) {
    let desk = Desk::new();
    let train = |run: &str, threads: &str| {
        // Tuning measures, and what is fastest may change with the threads.
        let line = format!("train --config tiny.toml --device {device} --no-tune --out {run} -q");
        desk.run_with(&[(variable, threads)], &line).done();
        Record::of(desk.path(run))
    };
    let whole = train("whole", threads[0]);
    for (number, threads) in threads.iter().enumerate() {
        train(&format!("run-{number}"), threads).assert_is(&whole, &format!("{variable}={threads} on {device}"));
    }
}

#[test]
fn the_host_computes_the_same_bits_on_any_number_of_threads() {
    check("cpu", "RAYON_NUM_THREADS", &["1", "2", "5"]);
}

#[test]
fn an_adapter_computes_the_same_bits_on_any_number_of_threads() {
    if let Some(device) = adapter() {
        check(&device, "LP_NUM_THREADS", &["0", "1", "2"]);
    }
}
