//! The same bits: from the same seed, after resuming, on any number of threads, and whatever else
//! is in a batch.

mod common;

use dcgan_gpu::device::{self, Device, OpenOptions, Timing};
use dcgan_gpu::engine::{Batch, Choice, Engine, Generator};
use dcgan_gpu::layers::LayerSpec;
use dcgan_gpu::layers::dropout::Dropout;
use dcgan_gpu::model::checkpoint::Tensors;
use dcgan_gpu::model::config::Config;
use dcgan_gpu::model::sources;
use dcgan_gpu::plan::{TensorId, View};
use dcgan_gpu::random::{Draws, stream};
use dcgan_gpu::selftest::presets;

/// Steps before a stop; as many follow.
const STEPS: u32 = 3;

/// The quick preset on few images, with everything random that there is: dropout and instance
/// noise.
fn config() -> Config {
    let mut config = sources::preset("quick").expect("there is such a preset");
    config.seed = 42;
    config.training.batch_size = 6;
    config.training.instance_noise = 0.1;
    config.discriminator.layers.insert(2, LayerSpec::Dropout(Dropout { rate: 0.3 }));
    (config.output.rows, config.output.cols) = (1, 3);
    config
}

fn engine(device: &Device) -> Engine {
    let config = config();
    Engine::new(device, &config, None).expect("it loads")
}

/// Runs steps on images that depend on the step alone; returns the bits of their losses.
fn train(engine: &mut Engine, steps: std::ops::Range<u32>) -> Vec<u32> {
    let mut bits = Vec::new();
    for step in steps {
        let draws = Draws::new(1, stream::STROKES, step);
        let bytes: Vec<u8> = (0..6 * 28 * 28).map(|index| draws.word(index) as u8).collect();
        engine.step(step, Batch::Bytes(&bytes)).expect("the device works");
        let losses = &engine.losses(step, step + 1).expect("the device works")[0];
        assert!(losses.are_finite(), "step {step}: {losses:?}");
        bits.extend(losses.iter().map(|(_, value)| (value as f32).to_bits()));
    }
    bits
}

/// The bits of parameters, moments and running statistics.
fn bits(tensors: &Tensors) -> Vec<u32> {
    tensors.iter().flat_map(|(_, values)| values.iter().map(|value| value.to_bits())).collect()
}

#[track_caller]
fn assert_same(what: &str, a: &[u32], b: &[u32]) {
    assert_eq!(a.len(), b.len(), "{what}");
    let different = a.iter().zip(b).filter(|(a, b)| a != b).count();
    assert!(different == 0, "{what}: {different} of {} words differ", a.len());
}

/// Trains twice, once with a stop in the middle; returns the state at the stop.
fn check_repeats_and_resumes(device: &Device) -> Tensors {
    let name = device.name();
    let mut first = engine(device);
    let early_losses = train(&mut first, 0..STEPS);
    let stop = first.state().expect("the device works");
    let late_losses = train(&mut first, STEPS..2 * STEPS);
    let end = bits(&first.state().expect("the device works"));
    assert_ne!(bits(&stop), end, "{name}: training changes nothing");

    let mut second = engine(device);
    assert_same(&format!("{name}: losses of the same seed"), &train(&mut second, 0..STEPS), &early_losses);
    let again = bits(&second.state().expect("the device works"));
    assert_same(&format!("{name}: state of the same seed"), &again, &bits(&stop));

    let mut resumed = engine(device);
    resumed.restore(&stop).expect("the tensors fit");
    assert_same(&format!("{name}: losses after resuming"), &train(&mut resumed, STEPS..2 * STEPS), &late_losses);
    assert_same(&format!("{name}: state after resuming"), &bits(&resumed.state().expect("the device works")), &end);
    stop
}

#[test]
fn the_host_repeats_and_resumes_on_any_number_of_threads() {
    let on_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
        bits(&pool.install(|| check_repeats_and_resumes(&Device::Host)))
    };
    let one = on_threads(1);
    for threads in [2, 5] {
        assert_same(&format!("{threads} threads beside one"), &on_threads(threads), &one);
    }
}

#[test]
fn adapters_repeat_and_resume() {
    for device in common::adapters() {
        check_repeats_and_resumes(&device);
    }
}

/// Replaying a plan in one submission gives the same bits as one submission for each dispatch,
/// which is what the lockstep tests check: no dispatch starts before those are done whose results
/// it reads.
#[test]
fn one_submission_computes_what_single_dispatches_do() {
    for device in common::adapters() {
        let cases = presets::all(&device.profile()).expect("the presets are valid");
        let program = &cases.iter().find(|case| case.name == "preset quick").expect("there is a quick preset").program;
        let load = || device.load(program.clone()).expect("it loads");
        let (mut together, mut apart) = (load(), load());
        together.run(&program.step).expect("the device works");
        for &phase in &program.step {
            for index in 0..program.plans[phase].dispatches.len() {
                apart.run_dispatch(phase, index).expect("the device works");
            }
        }
        for (number, spec) in (0..).zip(&program.tensors) {
            let view = View { tensor: TensorId(number), offset: 0, len: spec.words };
            let [a, b] = [&mut together, &mut apart].map(|session| session.read(view).expect("the device works"));
            assert_same(&format!("{}: {}", device.name(), spec.label), &a, &b);
        }
    }
}

/// Sampling uses running statistics, so an image depends on its own latent alone.
#[test]
fn an_image_does_not_depend_on_its_batch() {
    for device in common::devices() {
        let mut trained = engine(&device);
        train(&mut trained, 0..STEPS);
        let tensors = trained.state().expect("the device works");
        let config = config();
        let mut generator = Generator::new(&device, &config, &tensors, Choice::Best).expect("it loads");
        let latents: Vec<Vec<f32>> = (0..7)
            .map(|number| {
                let mut latent = vec![0.0; config.latent.dim as usize];
                Draws::new(3, stream::SAMPLES, number).fill_normal(&mut latent);
                latent
            })
            .collect();
        let size = 28 * 28;
        let together = generator.generate(&latents, &[]).expect("the device works").pixels;
        assert_eq!(together.len(), latents.len() * size);
        for (latent, image) in latents.iter().zip(together.chunks(size)) {
            let alone = generator.generate(std::slice::from_ref(latent), &[]).expect("the device works").pixels;
            assert!(alone == image, "{}: an image changes with its batch", device.name());
        }
        assert_ne!(together[..size], together[size..2 * size], "{}: all images are the same", device.name());
    }
}

/// Times the dispatches of a step on a device opened for a method, and compares what they computed
/// with plain replays.
fn timed(choice: &str, timing: Timing) {
    let device = Device::open_with(choice, OpenOptions { timing, ..Default::default() }).expect("it opens");
    let (mut timed, mut plain) = (engine(&device), engine(&device));
    train(&mut timed, 0..1);
    train(&mut plain, 0..1);
    let start = std::time::Instant::now();
    let phases = timed.session().program().step.clone();
    let times = |&phase: &usize| timed.session().time_dispatches(phase).expect("the device works");
    let seconds: Vec<f64> = phases.iter().flat_map(times).collect();
    let elapsed = start.elapsed().as_secs_f64();
    let (sum, used) = (seconds.iter().sum::<f64>(), timed.session().timing(phases[0]));
    let count = timed.session().program().step_dispatches().count();
    let what = format!("{} by {used:?}", device.name());
    assert!(seconds.len() == count && seconds.iter().all(|s| s.is_finite() && *s >= 0.0), "{what}: {seconds:?}");
    assert!(sum > 0.0 && sum <= elapsed, "{what}: {sum} s in dispatches within {elapsed} s");
    if used != Timing::Blocks {
        plain.session().run(&phases).expect("the device works");
        let [a, b] = [timed, plain].map(|mut engine| bits(&engine.state().expect("the device works")));
        assert_same(&what, &a, &b);
    }
}

#[test]
fn timing_a_step_computes_what_the_step_computes() {
    timed("cpu", Timing::Host);
    // Fails without an adapter, unless that is accepted.
    common::adapters();
    for adapter in device::list().into_iter().filter(|device| device.kind != "host") {
        for timing in [Timing::Timestamps, Timing::PassTimestamps, Timing::Blocks] {
            timed(&adapter.choose, timing);
        }
    }
}

/// A checkpoint holds the configuration as decimal digits, with which a resumed run goes on.
#[test]
fn numbers_of_a_configuration_survive_a_checkpoint() {
    let draws = Draws::new(11, 0x7e57, 0);
    for index in 0..10_000 {
        let rate = draws.uniform(index) / 3.0;
        let read: f64 = serde_json::from_str(&serde_json::to_string(&rate).unwrap()).unwrap();
        assert_eq!(read.to_bits(), rate.to_bits(), "{rate:e} is read as {read:e}");
    }
}
