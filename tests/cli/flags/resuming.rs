//! What cannot change, or be overwritten, where a run is already.

use super::{refuse, refuse_lines};
use crate::desk::Desk;

#[test]
fn a_resumed_run_keeps_what_shapes_it() {
    let desk = Desk::with_run();
    let rows = [
        ("--size 32", "--size"),
        ("--batch-size 16", "--batch-size"),
        ("--latent-dim 5", "--latent-dim"),
        ("--lr 0.1", "--lr"),
        ("--beta1 0.1", "--beta1"),
        ("--beta2 0.1", "--beta2"),
        ("--order simultaneous", "--order"),
        ("--label-real 0.9", "--label-real"),
        ("--label-fake 0.1", "--label-fake"),
        ("--instance-noise 0.1", "--instance-noise"),
        ("--seed 5", "--seed"),
        ("--rows 3", "--rows"),
        ("--cols 3", "--cols"),
        ("--gif b.gif", "--gif"),
        ("--preset quick", "--preset"),
        ("--config tiny.toml", "--config"),
        ("--set seed=5", "--set"),
    ];
    let refused = rows.map(|(flags, flag)| {
        let line = format!("train --resume run --steps 40 {flags}");
        (line.clone(), desk.command(&line), 2, format!("{flag} cannot change on a resumed run; start a new one"))
    });
    refuse(&desk, refused.into_iter().collect());
    refuse_lines(
        &desk,
        &[
            ("train --resume nowhere", 9, "nowhere is no run folder; check --resume"),
            ("train --resume tiny.toml", 9, "tiny.toml is no run folder; check --resume"),
            ("train --resume run/samples", 9, "run/samples holds no run"),
            (
                "train --resume run --keep 0",
                2,
                "output.keep = 0 is outside 2 to 1000000: the newest may be broken when it is needed (flag --keep)",
            ),
            ("train --resume run --steps 0", 2, "training.steps = 0 is outside"),
            ("train --resume run --steps 40 --sample-every 0", 2, "`0` is not a cadence"),
            ("train --config tiny.toml --out run", 2, "run already holds a run"),
            ("train --config tiny.toml --out tiny.toml", 2, "tiny.toml"),
        ],
    );
}
