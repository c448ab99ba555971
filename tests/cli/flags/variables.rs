//! Values that the environment gives.

use super::refuse;
use crate::desk::Desk;

#[test]
fn variables_of_the_environment() {
    let desk = Desk::new();
    let rows = [
        (
            "DCGAN_GPU_EPOCHS",
            "x",
            "train",
            "for '--epochs <N>': invalid digit found in string (given by the environment: DCGAN_GPU_EPOCHS)",
        ),
        ("DCGAN_GPU_EPOCHS", "", "train", "(given by the environment: DCGAN_GPU_EPOCHS)"),
        ("DCGAN_GPU_LR", "nan", "train", "adam.lr = NaN is outside 0 to 10 (environment DCGAN_GPU_LR)"),
        ("DCGAN_GPU_LR", "-1", "config show", "adam.lr = -1 is outside 0 to 10 (environment DCGAN_GPU_LR)"),
        ("DCGAN_GPU_ORDER", "both", "train", "DCGAN_GPU_ORDER: `training.order`: unknown variant `both`"),
        ("DCGAN_GPU_PRESET", "quik", "train", "did you mean `quick`?"),
        ("DCGAN_GPU_CONFIG", "no.toml", "train", "there is no configuration file no.toml"),
        ("DCGAN_GPU_SAMPLE_EVERY", "often", "train", "(given by the environment: DCGAN_GPU_SAMPLE_EVERY)"),
        ("DCGAN_GPU_SEED", "-1", "config show", "(given by the environment: DCGAN_GPU_SEED)"),
        ("DCGAN_GPU_BATCH_SIZE", "0", "bench", "training.batch_size = 0 is outside 1 to 16384"),
        ("DCGAN_GPU_KEEP", "1e3", "train --resume run", "(given by the environment: DCGAN_GPU_KEEP)"),
    ];
    let rows = rows.map(|(name, value, line, fragment)| {
        let mut command = desk.command(line);
        command.env(name, value);
        (format!("{name}={value} {line}"), command, 2, fragment.to_string())
    });
    refuse(&desk, rows.into_iter().collect());
}
