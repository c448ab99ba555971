//! Training goes on when nobody reads what it says.

use crate::common::program::through;
use crate::desk::{Desk, end};
use crate::record::Record;

/// Runs the usual training with its streams as the shell words `streams` say, to the folder `run`.
fn train(desk: &Desk, run: &str, streams: &str) {
    let program = desk.command(&format!("train --config tiny.toml --device cpu --out {run} -v"));
    let ended = end(through(&["sh", "-c", &format!("\"$0\" \"$@\" {streams}")], &program));
    assert!(!ended.stderr.contains("panicked"), "{streams}: {ended:#?}");
}

#[test]
fn closed_streams_stop_nothing() {
    let desk = Desk::with_run();
    let whole = Record::of(desk.path("run"));
    let gone = "(exec <&-; sleep 0.01)";
    for (number, streams) in [
        // A reader that is gone, of either stream and of both.
        format!("| {gone}"),
        format!("2>&1 >/dev/null | {gone}"),
        format!("2>&1 | {gone}"),
        // Streams that were never open.
        ">&-".to_string(),
        "2>&-".to_string(),
        "<&- >&- 2>&-".to_string(),
    ]
    .iter()
    .enumerate()
    {
        let run = format!("run-{number}");
        train(&desk, &run, streams);
        Record::of(desk.path(&run)).assert_is(&whole, streams);
    }
}

/// A full disk behind a redirected stdout or stderr is not the run's disk.
#[cfg(target_os = "linux")]
#[test]
fn streams_that_are_full_stop_nothing() {
    let desk = Desk::with_run();
    let whole = Record::of(desk.path("run"));
    for (number, streams) in [">/dev/full", "2>/dev/full", ">/dev/full 2>&1"].iter().enumerate() {
        let run = format!("run-{number}");
        train(&desk, &run, streams);
        Record::of(desk.path(&run)).assert_is(&whole, streams);
    }
}
