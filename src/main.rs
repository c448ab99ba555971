//! The program `dcgan-gpu`.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::main()
}
