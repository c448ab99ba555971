//! `completions`: scripts that let a shell complete verbs, flags and presets.

use crate::error::Result;
use crate::model::sources::PRESETS;
use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::print;

/// Print a script that completes verbs, flags, presets and paths in a shell
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples (then start a new shell):
  dcgan-gpu completions bash > ~/.local/share/bash-completion/completions/dcgan-gpu
  dcgan-gpu completions zsh > ~/.zfunc/_dcgan-gpu
  dcgan-gpu completions fish > ~/.config/fish/completions/dcgan-gpu.fish
  dcgan-gpu completions powershell >> $PROFILE
  dcgan-gpu completions elvish >> ~/.config/elvish/rc.elv

zsh looks in ~/.zfunc when .zshrc says: fpath+=~/.zfunc; autoload -Uz compinit; compinit")]
pub struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let mut command = with_presets(super::Arguments::command());
    let name = command.get_name().to_string();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    // For a program with a hyphen in its name clap_complete 4.6 leads bash to `dcgan__gpu__…`,
    // where nothing is.
    let script = String::from_utf8_lossy(&script).replace("dcgan__subcmd__gpu__", "dcgan__gpu__");
    print(script.trim_end());
    Ok(())
}

/// The command with the presets' names as the values of the arguments that take one. The program
/// itself takes any name and says better than the parser which ones there are.
fn with_presets(command: Command) -> Command {
    let names = PRESETS.map(|(name, _)| name);
    let command = command.mut_args(|arg| match arg.get_value_names() {
        Some([name]) if name == "PRESET" => arg.value_parser(PossibleValuesParser::new(names)),
        _ => arg,
    });
    command.mut_subcommands(with_presets)
}
