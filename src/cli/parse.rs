//! From the command line and the environment to arguments; mistakes in either become one line.

use std::any::TypeId;

use crate::error::{Error, Kind, Result};
use crate::model::nearest::nearest;
use crate::model::settings::{SETTINGS, Setting};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::{Arguments, announce, version};

/// Variables that stand for no flag.
const OTHER_VARIABLES: [&str; 3] = ["DCGAN_GPU_CACHE", "DCGAN_GPU_OFFLINE", "DCGAN_GPU_TESTS"];

/// Flags whose variables are for new runs, although a resumed one takes them where they are typed:
/// it knows its data.
const OF_DATA: [&str; 4] = ["--data", "--data-range", "--background", "--skip-broken"];

/// Reads the command line, then the environment as far as no flag overrules it. `None` when help or
/// the version was asked for, and has been printed.
///
/// # Errors
/// A usage error for what cannot be understood.
pub fn parse() -> Result<Option<Arguments>> {
    let mut command = deaf(command());
    let mut matches = command.try_get_matches_from_mut(std::env::args_os());
    if !matches.as_ref().is_err_and(clap::Error::use_stderr) {
        command =
            matches.map_or_else(|_| self::command(), |flags| without_overruled(self::command(), &command, &flags));
        matches = command.try_get_matches_from_mut(std::env::args_os());
    }
    let matches = match matches {
        Ok(matches) => matches,
        Err(mistake) => return explain(&mistake, &variables(&command)).map(|()| None),
    };
    let internal = |e: clap::Error| Error::new(Kind::Other, e.to_string());
    let arguments = Arguments::from_arg_matches(&matches).map_err(internal)?;
    warn_of_unknown_variables(&mut announce(arguments.quiet));
    Ok(Some(arguments))
}

/// The whole command line. A number below zero is a value, so that what it is given for can say
/// what is possible.
pub fn command() -> Command {
    fn take_negative_numbers(command: Command) -> Command {
        // The parser knows no -1e-4.
        let change = |arg: Arg| match arg.get_value_parser().type_id() == TypeId::of::<f64>() {
            true => arg.allow_hyphen_values(true),
            false if arg.get_action().takes_values() => arg.allow_negative_numbers(true),
            false => arg,
        };
        command.mut_args(change).mut_subcommands(take_negative_numbers)
    }
    take_negative_numbers(Arguments::command()).long_version(version::long())
}

/// The command, deaf to all variables.
fn deaf(command: Command) -> Command {
    command.mut_args(|arg| arg.env(None)).mut_subcommands(deaf)
}

/// The command, deaf to the variables that `flags` overrule, which `parsed` was found to be given.
fn without_overruled(command: Command, parsed: &Command, flags: &ArgMatches) -> Command {
    if let Some((name, flags)) = flags.subcommand() {
        let parsed = parsed.find_subcommand(name).unwrap_or(parsed);
        return command.mut_subcommand(name, |verb| without_overruled(verb, parsed, flags));
    }
    let is_given = |arg: &&Arg| {
        let id = arg.get_id();
        flags.ids().any(|found| found == id) && flags.value_source(id.as_str()) == Some(ValueSource::CommandLine)
    };
    let given: Vec<_> = parsed.get_arguments().filter(is_given).collect();
    let excludes = |a: &Arg, b: &Arg| parsed.get_arg_conflicts_with(a).iter().any(|arg| arg.get_id() == b.get_id());
    // A resumed run keeps what it has.
    let is_its_own = |setting: &Setting| !setting.resumable || OF_DATA.contains(&setting.flag);
    let stays = |arg: &Arg| SETTINGS.iter().any(|setting| arg.get_id() == setting.id() && is_its_own(setting));
    let is_overruled =
        |arg: &Arg, flag: &Arg| excludes(arg, flag) || excludes(flag, arg) || flag.get_id() == "resume" && stays(arg);
    command.mut_args(|arg| if given.iter().any(|flag| is_overruled(&arg, flag)) { arg.env(None) } else { arg })
}

/// The verb on the command line, as far as it can be told from a line with a mistake, and how to
/// call it.
fn verb_in_line(command: &Command) -> (&Command, String) {
    let (mut verb, mut call) = (command, command.get_name().to_string());
    for word in std::env::args_os().skip(1) {
        if let Some(inner) = word.to_str().and_then(|word| verb.find_subcommand(word)) {
            verb = inner;
            call = format!("{call} {}", inner.get_name());
        }
    }
    (verb, call)
}

/// Each argument of the verb whose variable is set, as clap writes it, with that variable.
fn variables(command: &Command) -> Vec<(String, String)> {
    let args = verb_in_line(command).0.get_arguments();
    let set = args.filter_map(|arg| {
        let variable = arg.get_env().filter(|variable| std::env::var_os(variable).is_some())?;
        Some((format!("'{arg}'"), variable.to_string_lossy().into_owned()))
    });
    set.collect()
}

fn warn_of_unknown_variables(announce: &mut dyn FnMut(&str)) {
    fn gather(command: &Command, known: &mut Vec<String>) {
        known.extend(command.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_string_lossy().into_owned())));
        command.get_subcommands().for_each(|command| gather(command, known));
    }
    let mut known: Vec<_> = OTHER_VARIABLES.map(String::from).to_vec();
    gather(&command(), &mut known);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("DCGAN_GPU_") && !known.iter().any(|known| *known == name) {
            let near = nearest(&name, known.iter().map(String::as_str));
            let hint = near.map(|name| format!("did you mean {name}?"));
            let hint = hint.as_deref().unwrap_or("`--help` of each verb names those there are");
            let line = format!("warning: the environment variable {name} means nothing here; {hint}");
            announce(&line.replace(char::is_control, " "));
        }
    }
}

/// Help and version go to stdout; a mistake becomes one line, with the variables of `set` that it
/// is about.
fn explain(error: &clap::Error, set: &[(String, String)]) -> Result<()> {
    let command = command();
    let (_, call) = verb_in_line(&command);
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            Ok(())
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            let example =
                if call == "dcgan-gpu" { ", such as `dcgan-gpu train`" } else { "; its verbs are listed above" };
            Err(Error::usage(format!("say what to do{example}")))
        }
        _ => {
            let text = error.render().to_string();
            let lines = text.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
            let words: Vec<_> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
            let message = words.join("; ").replacen("error: ", "", 1).replace(":; ", ": ");
            let guilty = set.iter().filter(|(arg, _)| message.contains(arg)).map(|(_, name)| name.as_str());
            let guilty = match guilty.collect::<Vec<_>>().join(", ") {
                names if names.is_empty() => names,
                names => format!(" (given by the environment: {names})"),
            };
            Err(Error::usage(format!("{message}{guilty}; see `{call} --help`")))
        }
    }
}
