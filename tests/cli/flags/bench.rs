//! The flags of `bench`.

use super::refuse_lines;
use crate::desk::Desk;

#[test]
fn flags_of_bench() {
    let desk = Desk::new();
    desk.write("old/sweep.json", "");
    refuse_lines(
        &desk,
        &[
            ("bench quick", 2, "unexpected argument 'quick'"),
            ("bench --preset quik", 2, "did you mean `quick`?"),
            ("bench --preset quick --config tiny.toml", 2, "'--preset <PRESET>' cannot be used with '--config <FILE>'"),
            ("bench --config no.toml", 2, "there is no configuration file no.toml"),
            ("bench --steps 0", 2, "0 is not in 1..=1000000"),
            ("bench --steps -1", 2, "-1 is not in 1..=1000000"),
            ("bench --warmup 1000001", 2, "1000001 is not in 0..=1000000"),
            ("bench --batch-size 0", 2, "training.batch_size = 0 is outside 1 to 16384 (flag --batch-size)"),
            ("bench --batch-size x", 2, "invalid value 'x' for '--batch-size <N>'"),
            ("bench --set latent.dm=5", 2, "unknown key `latent.dm`; did you mean `dim`?"),
            ("bench --floor --sweep", 2, "'--floor' cannot be used with '--sweep'"),
            ("bench --floor --steps 5", 2, "'--floor' cannot be used with '--steps <N>'"),
            ("bench --floor --no-tune", 2, "'--floor' cannot be used with '--no-tune'"),
            ("bench --steps-only --detail", 2, "'--steps-only' cannot be used with '--detail'"),
            ("bench --sweep --detail", 2, "'--sweep' cannot be used with '--detail'"),
            ("bench --sweep --warmup 5", 2, "'--sweep' cannot be used with '--warmup <N>'"),
            ("bench --out there", 2, "required arguments were not provided: --sweep"),
            ("bench --force", 2, "required arguments were not provided: --sweep"),
            ("bench --batches 1,2", 2, "required arguments were not provided: --sweep"),
            ("bench --sweep --batches 1,x", 2, "invalid value 'x' for '--batches <N,N,…>'"),
            ("bench --sweep --batches 0", 2, "--batches takes sizes from 1 to 16384"),
            ("bench --sweep --batches 16385", 2, "--batches takes sizes from 1 to 16384"),
            ("bench --sweep --sizes 0", 2, "--sizes takes "),
            ("bench --sweep --sizes 5000", 2, "--sizes takes "),
            ("bench --sweep --widths 0", 2, "--widths takes factors from 0.01 to 100"),
            ("bench --sweep --widths nan", 2, "--widths takes factors from 0.01 to 100"),
            ("bench --sweep --widths=", 2, "invalid value '' for '--widths <X,X,…>'"),
            ("bench --sweep --sweep-seconds -1", 2, "--sweep-seconds takes 0 to 1000000 seconds"),
            ("bench --sweep --sweep-seconds nan", 2, "--sweep-seconds takes 0 to 1000000 seconds"),
            ("bench --sweep --out tiny.toml", 5, "cannot create tiny.toml: "),
            ("bench --sweep --out old", 2, "old/sweep.json already exists"),
        ],
    );
}
