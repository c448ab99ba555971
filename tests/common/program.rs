//! The program as tests start it.

use std::process::{Command, Stdio};

/// What of the environment changes what the program does or says, besides its own variables, wgpu's
/// and those of proxies: logging, certificates, and the colours and widths that clap takes from a
/// terminal or grants where `CI` is set.
const HEEDED: [&str; 10] = [
    "RUST_LOG",
    "RUST_LOG_STYLE",
    "RUST_BACKTRACE",
    "SSL_CERT_FILE",
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLORTERM",
    "COLUMNS",
    "CI",
];

/// The program with nothing on its standard input and nothing in its environment, from whoever runs
/// the tests, that it heeds.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dcgan-gpu"));
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy().to_uppercase();
        if name.starts_with("DCGAN_GPU_")
            || name.starts_with("WGPU_")
            || name.ends_with("_PROXY")
            || HEEDED.contains(&&*name)
        {
            command.env_remove(variable);
        }
    }
    // Vulkan drivers complain on stderr without a runtime folder.
    command.env("XDG_RUNTIME_DIR", std::env::temp_dir()).stdin(Stdio::null());
    command
}

/// `command` as `launcher` starts it: the words of `launcher` (`env`, `sh -c SCRIPT`, where the
/// command is `"$0" "$@"`), then the command's own, with its environment and its folder.
pub fn through(launcher: &[&str], command: &Command) -> Command {
    let mut through = Command::new(launcher[0]);
    through.args(&launcher[1..]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => through.env(name, value),
            None => through.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        through.current_dir(folder);
    }
    through.stdin(Stdio::null());
    through
}
