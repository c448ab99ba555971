//! The command line: arguments in, calls into the library, one line of error out.

mod bench;
mod checkpoint;
mod devices;
mod dry_run;
mod explore;
mod interpolate;
mod presets;
mod progress;
mod sample;
mod selftest;
mod table;
mod train;

use std::borrow::Cow;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use dcgan_gpu::device::Device;
use dcgan_gpu::error::{Error, Kind, Result};

/// Train and sample DCGANs on any GPU: hand-written WGSL, no CUDA, no Python
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Examples:
  dcgan-gpu train --preset quick --data strokes      digits in about two minutes, no download, no GPU needed
  dcgan-gpu train --epochs 50                        the PyTorch recipe on MNIST
  dcgan-gpu sample --out grid.png                    draw from the newest run
  dcgan-gpu interpolate --out walk.gif               walk through latent space

Exit codes: 0 done, 1 other failure, 2 usage or configuration, 3 no usable device, 4 data invalid,
5 input or output, 6 device failed, 7 diverged, 8 run folder in use, 9 checkpoint unusable")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    /// Say less: no progress, only errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more: warnings and information of the program and its libraries
    #[arg(short, long, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Train(Box<train::Arguments>),
    Sample(sample::Arguments),
    Interpolate(interpolate::Arguments),
    Explore(explore::Arguments),
    Devices(devices::Arguments),
    Selftest(selftest::Arguments),
    Bench(bench::Arguments),
    Presets(presets::Arguments),
}

/// The choice of a device, the same for every verb that computes.
#[derive(Args, Debug)]
struct DeviceChoice {
    /// `auto` (the first hardware GPU, else the processor), `cpu`, an index or a part of a name from `devices`
    #[arg(long, value_name = "DEVICE", default_value = "auto", env = "DCGAN_GPU_DEVICE")]
    device: String,
}

impl DeviceChoice {
    fn open(&self, quiet: bool) -> Result<Device> {
        let device = Device::open(&self.device)?;
        self.remark(matches!(device, Device::Cpu), quiet);
        Ok(device)
    }

    /// Says that `auto` found no hardware, where it did not.
    fn remark(&self, is_host: bool, quiet: bool) {
        if self.device == "auto" && is_host && !quiet {
            tell("no hardware GPU found: computing on the processor (`dcgan-gpu devices` lists what there is)");
        }
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let message = message.unwrap_or("no message");
        Err(Error::new(Kind::Other, format!("internal error, please report it: {message}")))
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A value that the message quotes may hold line breaks.
            tell(&shortened(&format!("error: {error}")).replace(char::is_control, " "));
            ExitCode::from(error.exit_code())
        }
    }
}

/// The text without its middle where it is longer than anyone reads: a value that it quotes may have any length.
fn shortened(text: &str) -> Cow<'_, str> {
    const KEPT: usize = 800;
    let length = text.chars().count();
    if length <= 2 * KEPT {
        return text.into();
    }
    let (start, end) = (text.chars().take(KEPT), text.chars().skip(length - KEPT));
    start.chain(['…']).chain(end).collect()
}

fn run() -> Result<()> {
    let arguments = match parse() {
        Ok(arguments) => arguments,
        Err(error) => return explain(&error),
    };
    let level = match (arguments.quiet, arguments.verbose) {
        (true, _) => "off",
        (_, true) => "info",
        _ => "off,dcgan_gpu=warn",
    };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(level)).format_timestamp(None).init();
    let quiet = arguments.quiet;
    match arguments.verb {
        Verb::Train(verb) => train::run(&verb, quiet),
        Verb::Sample(verb) => sample::run(&verb, quiet),
        Verb::Interpolate(verb) => interpolate::run(&verb, quiet),
        Verb::Explore(verb) => explore::run(&verb, quiet),
        Verb::Devices(verb) => devices::run(&verb),
        Verb::Selftest(verb) => selftest::run(&verb, quiet),
        Verb::Bench(verb) => bench::run(&verb, quiet),
        Verb::Presets(verb) => presets::run(&verb),
    }
}

/// Reads the command line, then the environment as far as no flag overrules it.
fn parse() -> std::result::Result<Arguments, clap::Error> {
    let deaf = |overruled: &dyn Fn(&str, &str) -> bool| -> Command {
        ["train", "bench"].into_iter().fold(Arguments::command(), |command, verb| {
            command.mut_subcommand(verb, |command| {
                command.mut_args(|arg| if overruled(verb, arg.get_id().as_str()) { arg.env(None) } else { arg })
            })
        })
    };
    // A mistake is a mistake with the environment too, and help tells of its variables.
    let Ok(flags) = deaf(&|_, _| true).try_get_matches() else { return Arguments::try_parse() };
    let given = |verb: &str, id: &str| {
        let flags = flags.subcommand_matches(verb);
        flags.is_some_and(|flags| flags.value_source(id) == Some(ValueSource::CommandLine))
    };
    let overruled = |verb: &str, id: &str| match verb {
        "train" => train::overruled(id, |id| given("train", id)),
        _ => bench::overruled(id, |id| given("bench", id)),
    };
    Arguments::from_arg_matches(&deaf(&overruled).try_get_matches()?)
}

/// Help and version go to stdout; a mistake becomes one line.
fn explain(error: &clap::Error) -> Result<()> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            if error.exit_code() == 0 { Ok(()) } else { Err(Error::usage("say what to do, such as `dcgan-gpu train`")) }
        }
        _ => {
            let text = error.render().to_string();
            let lines = text.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
            let words: Vec<_> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
            let message = words.join("; ").replacen("error: ", "", 1).replace(":; ", ": ");
            Err(Error::usage(format!("{message}; see `dcgan-gpu --help`")))
        }
    }
}

/// A line of data on stdout; a closed pipe is no failure.
fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line for people on stderr.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Tells lines on stderr as they come, unless `quiet`.
fn announce(quiet: bool) -> impl FnMut(&str) {
    move |line| {
        if !quiet {
            tell(line);
        }
    }
}

/// A value as one line of JSON on stdout.
fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print(&serde_json::to_string(value).map_err(|e| Error::new(Kind::Other, format!("JSON: {e}")))?);
    Ok(())
}
