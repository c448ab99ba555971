//! Devices that fail: every fault at every point ends as documented, on the host and on every
//! adapter, and the device opened again computes the same bits. Work that was silently left out is
//! found.

mod common;

use std::time::{Duration, Instant};

use common::program::{program, through};
use dcgan_gpu::device::faults::{self, At, DeviceFault, FAULTS, POINTS, What};
use dcgan_gpu::device::{self, Device, OpenOptions};
use dcgan_gpu::engine::{Batch, Engine};
use dcgan_gpu::error::{DeviceFailure, Error, Result};
use dcgan_gpu::kernels::loss::RING_ROWS;
use dcgan_gpu::model::checkpoint::Tensors;
use dcgan_gpu::model::config::Config;
use dcgan_gpu::model::sources;
use dcgan_gpu::plan::View;
use dcgan_gpu::random::{Draws, stream};

const STEPS: u32 = 3;
const BATCH: u32 = 4;

/// The smallest networks that have everything: batch norm in G, convolutions of both kinds.
const TINY: &str = r#"
preset = "quick"
image = { height = 8, width = 8 }
latent = { dim = 4 }
training = { batch_size = 4, steps = 20 }
output = { rows = 1, cols = 2 }

[generator]
layers = [
    { type = "dense", shape = [2, 2, 8], bias = false },
    { type = "batch_norm" },
    { type = "relu" },
    { type = "conv_transpose", channels = 1, kernel = 4, stride = 4 },
    { type = "tanh" },
]

[discriminator]
layers = [
    { type = "conv", channels = 4, kernel = 4, stride = 2, padding = 1 },
    { type = "leaky_relu", slope = 0.2 },
    { type = "dense", units = 1 },
]
"#;

fn tiny() -> Config {
    common::config(TINY)
}

fn engine(device: &Device) -> Result<Engine> {
    let config = tiny();
    Engine::new(device, &config, None)
}

fn step(engine: &mut Engine, step: u32) -> Result<()> {
    let draws = Draws::new(1, stream::STROKES, step);
    let bytes: Vec<u8> = (0..BATCH * 8 * 8).map(|index| draws.word(index) as u8).collect();
    engine.step(step, Batch::Bytes(&bytes))
}

/// Trains as the trainer does: steps, their losses, a check, samples, the state.
fn work(engine: &mut Engine) -> Result<(Vec<Vec<u64>>, Vec<u8>, Tensors)> {
    (0..STEPS).try_for_each(|number| step(engine, number))?;
    let losses = engine.losses(0, STEPS)?;
    let checked = engine.check()?;
    assert_eq!(checked.not_finite, None);
    assert!(checked.generator_moment > 0.0 && checked.discriminator_moment > 0.0, "{checked:?}");
    let bits = losses.iter().map(|values| values.iter().map(|(_, value)| value.to_bits()).collect()).collect();
    Ok((bits, engine.sample(2)?.pixels, engine.state()?))
}

/// What `--device` takes for the host and every adapter.
fn choices() -> Vec<String> {
    let _calm = faults::arm([]); // other tests' faults are not for these
    common::adapters(); // fails without one, unless that is accepted
    device::list().into_iter().rev().map(|device| device.choose).collect()
}

/// Passages to strike: all on the host, the first and the last on adapters, which take longer to
/// open.
fn passages(device: &Device, passed: u64) -> Vec<u64> {
    match device {
        Device::Host => (1..=passed).collect(),
        Device::Gpu(_) if passed > 1 => vec![1, passed],
        Device::Gpu(_) => vec![1],
    }
}

#[track_caller]
fn assert_documented(what: &str, fault: DeviceFault, error: &Error) {
    let message = error.to_string();
    assert!(!message.contains('\n') && message.len() < 400, "{what}: {message}");
    let mentions =
        |words: &[&str]| words.iter().for_each(|w| assert!(message.contains(w), "{what}: no {w}: {message}"));
    if fault.at == At::Open {
        assert_eq!(error.exit_code(), 3, "{what}: {message}");
        return mentions(&["cannot open"]);
    }
    assert_eq!(error.exit_code(), 6, "{what}: {message}");
    let (failure, words): (_, &[&str]) = match (fault.what, fault.at) {
        (What::Lost, _) => (DeviceFailure::Lost, &["was lost", "--device"]),
        (What::OutOfMemory, At::Allocate) => (DeviceFailure::OutOfMemory, &["needs", "MiB fitted", "use "]),
        (What::OutOfMemory, _) => (DeviceFailure::OutOfMemory, &["needs", "MiB", "use "]),
        (What::TimedOut, _) => (DeviceFailure::TimedOut, &["300 s", "--device-timeout"]),
        (What::SilentlyDropped, At::Submit) => (DeviceFailure::Lost, &["it did not do the work"]),
        (What::SilentlyDropped, _) => (DeviceFailure::Lost, &["was lost"]),
    };
    assert_eq!(error.device_failure(), Some(failure), "{what}: {message}");
    assert_eq!(
        (error.is_lost(), error.is_time_out()),
        (failure == DeviceFailure::Lost, failure == DeviceFailure::TimedOut)
    );
    mentions(words);
}

#[test]
fn every_fault_at_every_point_ends_as_documented_and_the_device_opens_again() {
    for choice in choices() {
        let count = faults::arm([]);
        let device = Device::open(&choice).expect("it opens");
        let expected = work(&mut engine(&device).expect("it loads")).expect("it works");
        let passed = POINTS.map(|at| count.passed(at));
        assert!(passed.iter().all(|&passed| passed > 0), "{choice}: a point is never passed: {passed:?}");
        drop(count);
        let mut failed = 0;
        for (at, passed) in POINTS.into_iter().zip(passed) {
            for (what, nth) in
                FAULTS.into_iter().flat_map(|what| passages(&device, passed).into_iter().map(move |n| (what, n)))
            {
                let fault = DeviceFault { at, what, nth };
                let name = format!("{fault:?} on {}", device.name());
                let armed = faults::arm([fault]);
                // Everything that the fault touches is dropped before the next is opened, which
                // must not wait either.
                let start = Instant::now();
                let outcome = Device::open(&choice).and_then(|device| work(&mut engine(&device)?));
                assert!(start.elapsed() < Duration::from_secs(60), "{name}: took {:?}", start.elapsed());
                assert!(armed.passed(at) >= nth, "{name}: was not reached");
                let unnoticed = what == What::SilentlyDropped && matches!(at, At::Open | At::Allocate | At::Wait);
                match outcome {
                    Ok(results) => assert!(unnoticed && results == expected, "{name}: ends well"),
                    Err(error) => {
                        assert!(!unnoticed, "{name}: {error}");
                        assert_documented(&name, fault, &error);
                        failed += 1;
                    }
                }
                let again = device.reopen().and_then(|device| work(&mut engine(&device)?));
                assert!(again.unwrap_or_else(|error| panic!("{name}: {error}")) == expected, "{name}: other bits");
            }
        }
        println!("{}: {failed} failures, passages {passed:?}", device.name());
    }
}

#[test]
fn a_device_that_does_not_come_back_is_lost() {
    for choice in choices() {
        let _armed = faults::arm([DeviceFault { at: At::Open, what: What::Lost, nth: 2 }]);
        let device = Device::open(&choice).expect("it opens");
        let error = device.reopen().expect_err("a fault is armed");
        assert!(error.is_lost() && error.exit_code() == 6, "{error}");
        assert!(error.to_string().contains("does not come back"), "{error}");
        assert_eq!(device.reopen().expect("once only").identity(), device.identity());
    }
}

/// After a loss nothing works until the device is opened again: no call returns old results as new
/// ones.
#[test]
fn a_lost_device_stays_lost() {
    for choice in choices() {
        let _armed = faults::arm([DeviceFault { at: At::Submit, what: What::Lost, nth: 2 }]);
        let device = Device::open(&choice).expect("it opens");
        let mut engine = engine(&device).expect("it loads");
        let first = work(&mut engine).expect_err("a fault is armed");
        assert!(first.is_lost(), "{first}");
        for error in [step(&mut engine, 3).err(), engine.losses(0, 1).err(), engine.check().err(), engine.state().err()]
        {
            let error = error.unwrap_or_else(|| panic!("{} works after a loss", device.name()));
            assert!(error.is_lost(), "{error}");
        }
    }
}

/// The ring still holds the row of 64 steps before, whose losses look like any others.
#[test]
fn a_step_that_was_left_out_is_found_behind_an_old_row() {
    let left_out = RING_ROWS + 5;
    for choice in choices() {
        let _armed =
            faults::arm([DeviceFault { at: At::Submit, what: What::SilentlyDropped, nth: u64::from(left_out) + 1 }]);
        let device = Device::open(&choice).expect("it opens");
        let mut engine = engine(&device).expect("it loads");
        for number in 0..left_out + 3 {
            step(&mut engine, number).expect("nothing is noticed");
        }
        assert_eq!(engine.losses(left_out - 5, left_out).expect("these were done").len(), 5);
        let error = engine.losses(left_out - 5, left_out + 3).expect_err("a step is missing");
        let message = "losses of step 5 where step 69 was submitted: it did not do the work";
        assert!(error.is_lost() && error.to_string().contains(message), "{error}");
    }
}

/// Steps that are done again after going back must not be mistaken for those that were done before.
#[test]
fn going_back_forgets_the_losses() {
    for choice in choices() {
        let _calm = faults::arm([]);
        let device = Device::open(&choice).expect("it opens");
        let mut engine = engine(&device).expect("it loads");
        (0..3).try_for_each(|number| step(&mut engine, number)).expect("it works");
        let state = engine.state().expect("it works");
        (3..6).try_for_each(|number| step(&mut engine, number)).expect("it works");
        let before = engine.losses(3, 6).expect("they were done");
        engine.restore(&state).expect("it fits");
        let error = engine.losses(3, 6).expect_err("they are forgotten");
        assert!(error.is_lost() && error.to_string().contains("losses of no step where step 3"), "{error}");
        (3..6).try_for_each(|number| step(&mut engine, number)).expect("it works");
        assert_eq!(engine.losses(3, 6).expect("they were done again"), before);
    }
}

/// A wait that is too short for any step ends in time, with everything that was under way, and the
/// device opens again. Software Vulkan may do all the work while it is submitted; then there is
/// nothing to wait for.
#[test]
fn a_step_that_takes_too_long_ends_the_wait() {
    let _calm = faults::arm([]);
    let mut config = sources::preset("pytorch").expect("there is such a preset");
    config.training.batch_size = 16;
    let bytes = vec![7; 16 * 28 * 28];
    for adapter in device::list().into_iter().filter(|device| device.kind != "host") {
        let train = |device: &Device| {
            let mut engine = Engine::new(device, &config, None)?;
            (0..8).try_for_each(|number| engine.step(number, Batch::Bytes(&bytes)))?;
            engine.losses(0, 8)
        };
        let options = OpenOptions { patience: Duration::from_nanos(1), ..Default::default() };
        let impatient = Device::open_with(&adapter.choose, options).expect("it opens");
        for device in [impatient.reopen().expect("it opens again"), impatient] {
            match train(&device) {
                Err(error) => {
                    assert!(error.is_time_out() && error.to_string().contains("did not finish within 0 s"), "{error}");
                }
                Ok(losses) => {
                    assert_eq!(adapter.kind, "software", "no device is that fast");
                    assert!(losses.iter().all(|losses| losses.are_finite()), "{losses:?}");
                }
            }
        }
        let patient = Device::open(&adapter.choose).expect("it opens");
        assert_eq!(train(&patient).expect("there is time").len(), 8);
    }
}

#[test]
fn a_check_names_the_tensor_that_holds_no_number() {
    for choice in choices() {
        let _calm = faults::arm([]);
        let device = Device::open(&choice).expect("it opens");
        let mut engine = engine(&device).expect("it loads");
        let (.., state) = work(&mut engine).expect("it works");
        let mut named = 0;
        let stored = engine.session().program().stored.clone();
        for (stored, bad) in stored.iter().zip([f32::NAN, f32::INFINITY, f32::NEG_INFINITY].into_iter().cycle()) {
            // The last word of the tensor, which begins anywhere in the flat one.
            let view = View { offset: stored.view.offset + stored.view.len - 1, len: 1, ..stored.view };
            engine.session().write_floats(view, &[bad]);
            let checked = engine.check().expect("it works");
            assert_eq!(checked.not_finite.as_ref(), Some(&stored.name), "{bad} on {}", device.name());
            engine.restore(&state).expect("it fits");
            named += 1;
        }
        assert!(named > 20, "{named} tensors");
        let checked = engine.check().expect("it works");
        let largest = |network: &str| {
            let moments = state.iter().filter(|(name, _)| name.starts_with(&format!("{network}/adam_m/")));
            moments.flat_map(|(_, m)| m).fold(0.0, |largest: f32, m| largest.max(m.abs()))
        };
        assert_eq!(checked.not_finite, None);
        assert_eq!(checked.generator_moment, largest("generator"));
        assert_eq!(checked.discriminator_moment, largest("discriminator"));
    }
}

/// How the program ends, started by `launcher` with the words of `line`, and what it says on
/// stderr.
fn dcgan_gpu(launcher: &[&str], line: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("there is room");
    let mut program = program();
    program.args(line.split(' ')).current_dir(folder.path()).env("XDG_CACHE_HOME", folder.path());
    let ended = if launcher.is_empty() { program.output() } else { through(launcher, &program).output() };
    let ended = ended.expect("it starts");
    (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
}

/// What the system does not let the process have is refused, and no abort.
#[test]
#[cfg(target_os = "linux")]
fn the_host_out_of_memory_says_what_it_needs() {
    // 1.5 GiB of tensors where the process may have 1.
    let train = "train --preset pytorch --data strokes --batch-size 2048 --device cpu --steps 1";
    let (code, stderr) = dcgan_gpu(&["sh", "-c", "ulimit -v 1000000; exec \"$0\" \"$@\""], train);
    let last = stderr.lines().last().unwrap_or_default();
    assert_eq!(code, Some(6), "{stderr}");
    assert!(last.starts_with("error: cpu ") && last.contains(" needs ") && last.contains(" MiB"), "{stderr}");
    assert!(last.contains("; use a smaller --batch-size"), "{stderr}");
}

#[test]
fn the_time_out_has_sensible_bounds() {
    for (flag, code) in [("0", 2), ("86401", 2), ("-1", 2), ("5m", 2), ("1", 0), ("86400", 0)] {
        let (ended, stderr) = dcgan_gpu(&[], &format!("train --dry-run --device-timeout {flag}"));
        assert_eq!(ended, Some(code), "--device-timeout {flag}: {stderr}");
        assert!(code == 0 || stderr.contains("--device-timeout"), "{stderr}");
    }
}

#[test]
fn identities_say_what_bits_depend_on() {
    let _calm = faults::arm([]);
    let host = Device::Host.identity();
    assert!(host.starts_with(&format!("cpu, {}, ", std::env::consts::ARCH)), "{host}");
    assert_eq!(Device::Host.reopen().expect("the host is there").identity(), host);
    for adapter in common::adapters() {
        let description =
            device::list().into_iter().find(|device| device.name == adapter.name()).expect("it is listed");
        assert_eq!(adapter.identity(), format!("{}, {}, {}", description.name, description.api, description.driver));
    }
}
