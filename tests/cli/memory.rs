//! Work that does not fit into memory is refused before it begins, in one line that says what keeps
//! the process from more.

use crate::common::program::through;
use crate::desk::{Desk, Ended, end};

/// Runs a line with a limit of its address space, in kibibytes.
fn limited(desk: &Desk, kibibytes: u32, variables: &[(&str, &str)], line: &str) -> Ended {
    let mut command = desk.command(line);
    command.envs(variables.iter().copied());
    let script = format!("ulimit -v {kibibytes}; exec \"$0\" \"$@\"");
    end(through(&["sh", "-c", &script], &command))
}

/// 8192 images of `quick` take 1.6 GB.
#[test]
fn a_batch_beyond_ulimit_is_refused_before_the_first_step() {
    let desk = Desk::new();
    let line = "train -q --preset quick --device cpu --out run --steps 1 --batch-size";
    let refused = limited(&desk, 1_000_000, &[], &format!("{line} 8192"));
    let said = refused.stderr.clone();
    refused.refused(6, "MiB for this network, but `ulimit -v` leaves ");
    assert!(
        said.starts_with("error: cpu needs ")
            && said.contains("; use a smaller --batch-size, or fewer threads (RAYON_NUM_THREADS)\n"),
        "{said}"
    );
    assert!(!desk.path("run/metrics.jsonl").exists() && !desk.path("run/checkpoints").exists(), "it began");
    limited(&desk, 1_000_000, &[], &format!("{line} 64 --force")).done();
}

/// Whatever the limit, a run goes through or is refused in one line. An allocator sets address
/// space aside for each thread when that begins to work: what was free before may be gone then.
#[test]
fn no_limit_of_the_address_space_makes_a_run_crash() {
    let desk = Desk::new();
    let (mut done, mut refused) = (0, 0);
    for threads in ["2", "24"] {
        for kibibytes in (90_000..1_000_000).step_by(65_000) {
            let variables = [("RAYON_NUM_THREADS", threads)];
            let line = "train -q --preset quick --device cpu --out run --steps 2 --batch-size 16 --force";
            let ended = limited(&desk, kibibytes, &variables, line);
            if ended.code == Some(0) {
                done += 1;
                continue;
            }
            refused += 1;
            let needs = ended.problem(6, "`ulimit -v` leaves ");
            let threadless = ended.problem(1, " threads to compute on: ");
            assert!(needs.is_none() || threadless.is_none(), "{threads} threads, {kibibytes} kB: {ended:?}");
        }
    }
    assert!(done > 3 && refused > 3, "{done} runs, {refused} refusals");
}

#[test]
fn threads_that_do_not_start_are_no_crash() {
    let desk = Desk::with_run();
    for line in ["train -q --config tiny.toml --device cpu", "sample -q --out a.png --checkpoint run --device cpu"] {
        let ended = limited(&desk, 600_000, &[("RAYON_NUM_THREADS", "500")], line);
        ended.refused(1, "cannot start 500 threads to compute on: `ulimit -v` leaves ");
    }
}
