//! From the command line and the environment to arguments; mistakes in either become one line.

use std::any::TypeId;

use crate::error::{Error, Kind, Result};
use crate::model::sources::nearest;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::{Arguments, Verb, announce, bench, config, settings, version};

/// Whether the environment's value for an argument does not count, given the flags on the command line.
type Overruled = fn(&str, &dyn Fn(&str) -> bool) -> bool;

/// A verb, and the rule of its flags.
type Rule = (&'static [&'static str], Overruled);

/// The verbs whose flags overrule the variables of other flags.
const RULES: [Rule; 3] =
    [(&["train"], settings::overruled), (&["bench"], bench::overruled), (&["config", "show"], settings::overruled)];

/// Variables that stand for no flag.
const OTHER_VARIABLES: [&str; 3] = ["DCGAN_GPU_CACHE", "DCGAN_GPU_OFFLINE", "DCGAN_GPU_TESTS"];

/// Reads the command line, then the environment as far as no flag overrules it. `None` when help or the version was asked
/// for, and has been printed.
///
/// # Errors
/// A usage error for what cannot be understood.
pub fn parse() -> Result<Option<Arguments>> {
    let flags = match without_variables(&|_, _| true).try_get_matches() {
        Err(mistake) if mistake.use_stderr() => return explain(&mistake, &[]).map(|()| None),
        flags => flags.ok(),
    };
    let given = |verb: &[&str], id: &str| {
        let flags = verb.iter().try_fold(flags.as_ref()?, |flags, name| flags.subcommand_matches(name))?;
        Some(flags.value_source(id)? == ValueSource::CommandLine)
    };
    let mut command = without_variables(&|(verb, overruled), id| overruled(id, &|id| given(verb, id).unwrap_or(false)));
    let matches = match command.try_get_matches_from_mut(std::env::args_os()) {
        Ok(matches) => matches,
        Err(mistake) => return explain(&mistake, &variables(&command)).map(|()| None),
    };
    let internal = |e: clap::Error| Error::new(Kind::Other, e.to_string());
    let mut arguments = Arguments::from_arg_matches(&matches).map_err(internal)?;
    warn_of_unknown_variables(&command, &mut announce(arguments.quiet));
    let given = settings_of(&mut arguments.verb);
    if let (Some(settings), (command, matches)) = (given, innermost(&command, &matches)) {
        settings.note_variables(command, matches);
    }
    Ok(Some(arguments))
}

/// The whole command line. A number below zero is a value, so that what it is given for can say what is possible.
pub fn command() -> Command {
    fn take_negative_numbers(command: Command) -> Command {
        // The parser knows no -1e-4.
        let change = |arg: Arg| match arg.get_value_parser().type_id() == TypeId::of::<f64>() {
            true => arg.allow_hyphen_values(true),
            false => arg.allow_negative_numbers(true),
        };
        command.mut_args(change).mut_subcommands(take_negative_numbers)
    }
    take_negative_numbers(Arguments::command()).long_version(version::long())
}

/// The command, deaf to the variables that are overruled.
fn without_variables(overruled: &dyn Fn(&Rule, &str) -> bool) -> Command {
    fn change(command: Command, path: &[&str], silenced: &dyn Fn(&str) -> bool) -> Command {
        match path.split_first() {
            Some((&name, rest)) => command.mut_subcommand(name, |command| change(command, rest, silenced)),
            None => command.mut_args(|arg| if silenced(arg.get_id().as_str()) { arg.env(None) } else { arg }),
        }
    }
    RULES.iter().fold(command(), |command, rule| change(command, rule.0, &|id| overruled(rule, id)))
}

/// The flags of the verb, where it takes those that shape a configuration.
fn settings_of(verb: &mut Verb) -> Option<&mut settings::Settings> {
    match verb {
        Verb::Train(train) => Some(&mut train.settings),
        Verb::Config(config::Arguments { verb: config::Verb::Show(show) }) => Some(&mut show.settings),
        _ => None,
    }
}

/// The verb that was given, down to the verb of a verb.
fn innermost<'a>(mut command: &'a Command, mut matches: &'a ArgMatches) -> (&'a Command, &'a ArgMatches) {
    while let Some((name, inner)) = matches.subcommand() {
        let Some(verb) = command.find_subcommand(name) else { break };
        (command, matches) = (verb, inner);
    }
    (command, matches)
}

/// The verb on the command line, as far as it can be told from a line with a mistake, and how to call it.
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

fn warn_of_unknown_variables(command: &Command, announce: &mut dyn FnMut(&str)) {
    fn gather(command: &Command, known: &mut Vec<String>) {
        known.extend(command.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_string_lossy().into_owned())));
        command.get_subcommands().for_each(|command| gather(command, known));
    }
    let mut known: Vec<_> = OTHER_VARIABLES.map(String::from).to_vec();
    // Those that are overruled are known too.
    gather(&self::command(), &mut known);
    gather(command, &mut known);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("DCGAN_GPU_") && !known.iter().any(|known| *known == name) {
            let near = nearest(&name, known.iter().map(String::as_str));
            let hint = near
                .map_or_else(|| "`--help` of each verb names those there are".into(), |n| format!("did you mean {n}?"));
            announce(
                &format!("warning: the environment variable {name} means nothing here; {hint}")
                    .replace(char::is_control, " "),
            );
        }
    }
}

/// Help and version go to stdout; a mistake becomes one line, with the variables of `set` that it is about.
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
            let guilty: Vec<_> =
                set.iter().filter(|(arg, _)| message.contains(arg)).map(|(_, name)| name.as_str()).collect();
            let guilty = if guilty.is_empty() {
                String::new()
            } else {
                format!(" (given by the environment: {})", guilty.join(", "))
            };
            Err(Error::usage(format!("{message}{guilty}; see `{call} --help`")))
        }
    }
}
