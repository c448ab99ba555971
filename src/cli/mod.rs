//! The command line: arguments in, calls into the library, one line of error out.

mod bench;
mod checkpoint;
mod classes;
mod compare;
mod completions;
mod config;
mod data;
mod devices;
mod dry_run;
mod eval;
mod explore;
mod export;
mod features;
mod interpolate;
mod man;
mod parse;
mod presets;
mod preview;
mod progress;
mod repeat;
mod report;
mod sample;
mod selftest;
mod settings;
mod show;
mod signals;
mod sweep;
mod table;
mod train;
mod verify_resume;
mod version;

use std::ffi::OsString;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Duration;

use crate::device::{Device, OpenOptions, PATIENCE_SECONDS, chatter, narrowing_variables};
use crate::error::{Error, Kind, Result};
use clap::builder::NonEmptyStringValueParser;
use clap::{ArgAction, Args, Parser, Subcommand};

/// Train and sample DCGANs on any GPU: hand-written WGSL, no CUDA, no Python
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Examples:
  dcgan-gpu train --preset quick          digits in about two minutes; needs no download and no GPU
  dcgan-gpu train --epochs 50             the PyTorch recipe on MNIST
  dcgan-gpu sample --out grid.png         draw from the newest run
  dcgan-gpu interpolate --out walk.gif    walk through latent space
  dcgan-gpu help train                    all about a verb

Exit codes:
  0 done                      5 a file cannot be read or written
  1 any other failure         6 the device failed, or computes wrong results
  2 usage or configuration    7 training diverged
  3 no usable device          8 the run folder is in use
  4 data missing or invalid   9 checkpoint missing, foreign or broken
  130 stopped by Ctrl-C, 143 by SIGTERM or SIGHUP, 128 + n by SIGUSR1, SIGUSR2, SIGXCPU or SIGALRM,
      n its number: a run that had done a step was saved; go on with train --resume
  131 ended by SIGQUIT as process 1; nothing is saved")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    /// Say less: no progress and no remarks, only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose", display_order = 1000)]
    quiet: bool,
    /// Say more: every file that is written; twice (-vv) also what the GPU's libraries and drivers
    /// say
    #[arg(short, long, global = true, action = ArgAction::Count, display_order = 1001)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Train(Box<train::Arguments>),
    Sweep(sweep::Arguments),
    Sample(sample::Arguments),
    Interpolate(interpolate::Arguments),
    Eval(Box<eval::Arguments>),
    Explore(explore::Arguments),
    Export(export::Arguments),
    Data(data::Arguments),
    Report(report::Arguments),
    Compare(compare::Arguments),
    Show(show::Arguments),
    Devices(devices::Arguments),
    Selftest(selftest::Arguments),
    VerifyResume(verify_resume::Arguments),
    Bench(bench::Arguments),
    Presets(presets::Arguments),
    Config(config::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// What chooses a device where no flag does.
const DEVICE_VARIABLE: &str = "DCGAN_GPU_DEVICE";

/// The choice of a device, the same for every verb that computes.
#[derive(Args, Debug)]
struct DeviceChoice {
    /// `auto` (the first hardware GPU, else the processor), `cpu`, an index or a part of a name
    /// from `devices`
    #[arg(long, value_name = "DEVICE", default_value = "auto", env = DEVICE_VARIABLE,
        value_parser = NonEmptyStringValueParser::new())]
    device: String,
    /// Seconds that a GPU may take for a few steps before it counts as hung; slow ones need more
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE_SECONDS, env = "DCGAN_GPU_DEVICE_TIMEOUT",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    device_timeout: u64,
}

impl DeviceChoice {
    /// How long a device is waited for.
    fn patience(&self) -> Duration {
        Duration::from_secs(self.device_timeout)
    }

    fn open(&self, quiet: bool) -> Result<Device> {
        let options = OpenOptions { patience: self.patience(), ..Default::default() };
        let device = Device::open_with(&self.device, options).map_err(|error| self.blame(error))?;
        self.remark(matches!(device, Device::Host), quiet);
        Ok(device)
    }

    /// The same error with the variable that made the choice, where one did.
    fn blame(&self, error: Error) -> Error {
        let is_flag = |word: OsString| word.to_str().is_some_and(|word| word.split('=').next() == Some("--device"));
        let is_given = std::env::args_os().any(is_flag) || std::env::var_os(DEVICE_VARIABLE).is_none();
        if error.kind() != Kind::NoDevice || is_given || self.is_auto() {
            return error;
        }
        let message = format!("{error} (given by the environment: {DEVICE_VARIABLE})");
        error.reworded(message)
    }

    /// Whether the device is to be found.
    fn is_auto(&self) -> bool {
        self.device.eq_ignore_ascii_case("auto")
    }

    /// Says that `auto` found no hardware, where it did not.
    fn remark(&self, is_host: bool, quiet: bool) {
        if self.is_auto() && is_host && !quiet {
            tell(&no_hardware(&narrowing_variables()));
        }
    }
}

/// What there is to say where no hardware GPU was found among those that `variables` leave.
fn no_hardware(variables: &[String]) -> String {
    let among = match variables {
        [] => String::new(),
        _ => format!(" among those that {} leaves", variables.join(" ")),
    };
    format!("no hardware GPU found{among}: computing on the processor (`dcgan-gpu devices` lists what there is)")
}

/// Characters of a message; beyond that its middle is left out.
const LONGEST_MESSAGE: usize = 1000;

/// Runs the program.
pub fn main() -> ExitCode {
    signals::heed_as_first_process();
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let message = message.unwrap_or("no message");
        Err(Error::new(Kind::Other, format!("internal error, please report it: {message}")))
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let stopped = matches!(error.kind(), Kind::Interrupted | Kind::Terminated);
            tell(&one_line(&if stopped { error.to_string() } else { format!("error: {error}") }));
            if error.is_time_out() {
                // What a driver does when a process ends could wait for the device too.
                let _ = std::io::stdout().flush();
                signal_hook::low_level::exit(error.exit_code().into());
            }
            ExitCode::from(error.exit_code())
        }
    }
}

/// `text` without line breaks and of bearable length: a value that a message quotes may have
/// neither end nor manners.
fn one_line(text: &str) -> String {
    let text = text.replace(char::is_control, " ");
    let length = text.chars().count();
    if length <= LONGEST_MESSAGE {
        return text;
    }
    let half = LONGEST_MESSAGE / 2;
    let [start, end] = [0..half, length - half..length].map(|part| text.chars().skip(part.start).take(part.len()));
    start.chain(" … ".chars()).chain(end).collect()
}

fn run() -> Result<()> {
    let Some(arguments) = parse::parse()? else { return Ok(()) };
    let level = match (arguments.quiet, arguments.verbose) {
        (true, _) => "off",
        (_, 0) => "off,dcgan_gpu=warn",
        (_, 1) => "off,dcgan_gpu=info",
        _ => "debug,naga=info",
    };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(level)).format_timestamp(None).init();
    if arguments.verbose < 2 {
        chatter::put_aside();
    }
    let quiet = arguments.quiet;
    match arguments.verb {
        Verb::Train(verb) => train::run(&verb, quiet),
        Verb::Sweep(verb) => sweep::run(&verb, quiet),
        Verb::Sample(verb) => sample::run(&verb, quiet),
        Verb::Interpolate(verb) => interpolate::run(&verb, quiet),
        Verb::Eval(verb) => eval::run(&verb, quiet),
        Verb::Explore(verb) => explore::run(&verb, quiet),
        Verb::Export(verb) => export::run(&verb, quiet),
        Verb::Data(verb) => data::run(&verb, quiet),
        Verb::Report(verb) => report::run(&verb),
        Verb::Compare(verb) => compare::run(&verb),
        Verb::Show(verb) => show::run(&verb, quiet),
        Verb::Devices(verb) => devices::run(&verb),
        Verb::Selftest(verb) => selftest::run(&verb, quiet),
        Verb::VerifyResume(verb) => verify_resume::run(&verb, quiet),
        Verb::Bench(verb) => bench::run(&verb, quiet),
        Verb::Presets(verb) => presets::run(&verb),
        Verb::Config(verb) => config::run(&verb, quiet),
        Verb::Completions(verb) => completions::run(&verb),
        Verb::Man(verb) => man::run(&verb),
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

/// The answer of a verb on stdout: one line of JSON, or what `lines` says for people.
fn answer<T: serde::Serialize>(json: bool, value: T, lines: impl FnOnce(T) -> Vec<String>) -> Result<()> {
    if json {
        return print_json(&value);
    }
    lines(value).iter().for_each(|line| print(line));
    Ok(())
}

/// A value as one line of JSON on stdout.
fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print(&serde_json::to_string(value).map_err(|e| Error::new(Kind::Other, format!("JSON: {e}")))?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::no_hardware;

    #[test]
    fn what_left_no_hardware_is_named() {
        assert!(no_hardware(&[]).starts_with("no hardware GPU found: computing on the processor ("));
        let variables = ["WGPU_BACKEND=vulkan", "WGPU_ADAPTER_NAME=a b"].map(str::to_string);
        let expected = "no hardware GPU found among those that WGPU_BACKEND=vulkan WGPU_ADAPTER_NAME=a b leaves: ";
        assert!(no_hardware(&variables).starts_with(expected));
    }
}
