//! The program `dcgan-gpu`.

use std::process::ExitCode;

fn main() -> ExitCode {
    dcgan_gpu::cli::main()
}
