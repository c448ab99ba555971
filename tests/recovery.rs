//! Devices that fail in the middle of a run: it recovers to the bits of an undisturbed one, or ends
//! as it should with a checkpoint to go on from.

mod common;

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

use dcgan_gpu::device::Device;
use dcgan_gpu::device::faults::{self, At, DeviceFault, What};
use dcgan_gpu::error::Result;
use dcgan_gpu::model::checkpoint::{Ancestor, Checkpoint};
use dcgan_gpu::model::sources::Merge;
use dcgan_gpu::run::checkpoints;
use dcgan_gpu::run::claim::Claim;
use dcgan_gpu::run::files::{CHECKPOINTS, METRICS, QUALITY};
use dcgan_gpu::run::records::read_quality;
use dcgan_gpu::train::stop::Stop;
use dcgan_gpu::train::trainer::{self, Observer, Outcome, Progress, Trainer, Tune};

const TINY: &str = r#"
preset = "quick"
data = "strokes"
image = { height = 8, width = 8 }
latent = { dim = 4 }
training = { batch_size = 4, steps = 12 }
output = { sample_every = "4steps", checkpoint_every = "5steps", log_every = 1, rows = 2, cols = 2 }
generator = { layers = [{ type = "dense", shape = [8, 8, 1] }, { type = "tanh" }] }
discriminator = { layers = [{ type = "dropout", rate = 0.2 }, { type = "dense", units = 1 }] }
"#;

/// Hears what a run has to say, and may want it to stop then.
#[derive(Default)]
struct Ear {
    notices: Vec<String>,
    stop: Option<Stop>,
}

impl Observer for Ear {
    fn progress(&mut self, _: &Progress) {}
    fn sample(&mut self, _: &Path) {}
    fn checkpoint(&mut self, _: &Path) {}
    fn notice(&mut self, line: &str) {
        self.notices.push(line.to_string());
        if let Some(stop) = &self.stop {
            stop.flag().store(15, Ordering::Relaxed);
        }
    }
}

/// A new run in `folder`.
fn start(config: &str, device: Device, folder: &Path) -> Trainer {
    let file = folder.join("tiny.toml");
    fs::write(&file, config).unwrap();
    let config = Merge::from_file(&file).unwrap().finish().unwrap();
    let data = trainer::open_data(&config).unwrap();
    let claim = Claim::new_run(&folder.join("run"), false).unwrap();
    let tune = Tune { wanted: false, announce: &mut |_| {} };
    Trainer::start(config, data, device, claim, tune).unwrap()
}

/// The run in `folder`, from its newest checkpoint.
fn resume(device: Device, folder: &Path) -> Trainer {
    let run = folder.join("run");
    let found = checkpoints::newest(&run).unwrap().unwrap();
    let config = found.checkpoint.metadata.config.clone();
    let data = trainer::open_data(&config).unwrap();
    let tune = Tune { wanted: false, announce: &mut |_| {} };
    let claim = Claim::existing(&run).unwrap();
    Trainer::resume(config, data, device, claim, Some(&found.checkpoint), tune).unwrap()
}

/// Trains [`TINY`] in `folder` on a device, with faults that count from its start on.
fn train(device: &Device, folder: &Path, faults: Vec<DeviceFault>) -> (Result<Outcome>, Vec<String>) {
    train_as(TINY, device, folder, faults)
}

/// The same with another configuration.
fn train_as(config: &str, device: &Device, folder: &Path, faults: Vec<DeviceFault>) -> (Result<Outcome>, Vec<String>) {
    let armed = faults::arm(faults);
    let trainer = start(config, device.reopen().unwrap(), folder);
    let mut ear = Ear::default();
    let outcome = trainer.run(&mut ear, &Stop::default());
    drop(armed);
    (outcome, ear.notices)
}

/// What a run left, without what the clock decides.
fn left(folder: &Path) -> (Checkpoint, Vec<String>, Vec<Vec<u8>>) {
    let run = folder.join("run");
    let mut checkpoint = Checkpoint::load(&CHECKPOINTS.path(&run, 12)).unwrap();
    checkpoint.metadata.seconds = 0.0;
    let lines = fs::read_to_string(run.join(METRICS)).unwrap();
    let lines = lines.lines().map(|line| line.split(",\"images_per_second\"").next().unwrap().to_string()).collect();
    let files = ["samples/step-00000004.png", "samples/step-00000008.png", "samples/step-00000012.png", "dcgan.gif"];
    (checkpoint, lines, files.iter().map(|name| fs::read(run.join(name)).unwrap()).collect())
}

/// Trains [`TINY`] in `folder` on the host, with the weights of `source`, and with faults.
fn inherit(source: &Checkpoint, folder: &Path, faults: Vec<DeviceFault>) -> Result<Outcome> {
    let file = folder.join("tiny.toml");
    fs::write(&file, format!("from = \"source\"\n{TINY}")).unwrap();
    let config = Merge::from_file(&file).unwrap().finish().unwrap();
    let data = trainer::open_data(&config).unwrap();
    let claim = Claim::new_run(&folder.join("run"), false).unwrap();
    let tune = Tune { wanted: false, announce: &mut |_| {} };
    let ancestor = Ancestor { step: source.metadata.step, sha256: String::new() };
    let _armed = faults::arm(faults);
    let trainer = Trainer::start_from((source, ancestor), config, data, Device::Host, claim, tune).unwrap();
    trainer.run(&mut Ear::default(), &Stop::default())
}

/// A run that has no checkpoint of its own cadence yet does not begin at random.
#[test]
fn a_lost_device_takes_a_run_back_to_the_weights_that_it_began_with() {
    let [source, whole, lost] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    train(&Device::Host, source.path(), vec![]).0.unwrap();
    let source = left(source.path()).0;
    inherit(&source, whole.path(), vec![]).unwrap();
    inherit(&source, lost.path(), vec![DeviceFault { at: At::Submit, what: What::Lost, nth: 2 }]).unwrap();
    assert!(left(lost.path()) == left(whole.path()));
    assert!(left(whole.path()).0.tensors != source.tensors);
}

/// It decides from the journal, which went back with it.
#[test]
fn a_run_that_lost_its_device_ends_as_early_as_another() {
    let [free, whole, lost] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let text = TINY.replace("steps = 12", "steps = 40");
    train_as(&text, &Device::Host, free.path(), vec![]).0.unwrap();
    let bound = read_quality(&free.path().join("run").join(QUALITY)).unwrap()[4].distance;
    let text = text.replace("steps = 40", &format!("steps = 40, stop_when = \"distance<={bound}\", patience = 5"));
    let (outcome, notices) = train_as(&text, &Device::Host, whole.path(), vec![]);
    let outcome = outcome.unwrap();
    assert!(outcome.ended.is_some() && (12..=20).contains(&outcome.steps), "{outcome:?}");
    assert_eq!(notices.len(), 1, "{notices:?}");
    let journal = |folder: &Path| fs::read(folder.join("run").join(QUALITY)).unwrap();
    // Behind the samples of steps that are trained, sampled and judged again.
    for nth in [7, 9, 11, 14] {
        let fault = DeviceFault { at: At::Submit, what: What::Lost, nth };
        let (again, notices) = train_as(&text, &Device::Host, lost.path(), vec![fault]);
        let again = again.unwrap();
        assert!(notices.len() == 2 && notices[0].contains("opened it again"), "{notices:?}");
        assert_eq!((again.steps, &again.ended, again.quality), (outcome.steps, &outcome.ended, outcome.quality));
        assert!(journal(lost.path()) == journal(whole.path()));
        fs::remove_dir_all(lost.path().join("run")).unwrap();
    }
}

#[test]
fn a_lost_device_is_opened_again_and_the_run_has_the_same_bits() {
    for device in common::devices() {
        let undisturbed = tempfile::tempdir().unwrap();
        let (outcome, notices) = train(&device, undisturbed.path(), vec![]);
        assert_eq!(outcome.unwrap().steps, 12);
        assert_eq!(notices, [""; 0]);
        let expected = left(undisturbed.path());

        // Before the first checkpoint and after it, where work is handed over, waited for and read;
        // and work left out.
        let cases = [
            vec![DeviceFault { at: At::Submit, what: What::Lost, nth: 2 }],
            vec![DeviceFault { at: At::Submit, what: What::Lost, nth: 9 }],
            vec![DeviceFault { at: At::Read, what: What::Lost, nth: 1 }],
            vec![DeviceFault { at: At::Read, what: What::Lost, nth: 12 }],
            vec![DeviceFault { at: At::Submit, what: What::SilentlyDropped, nth: 6 }],
            vec![2, 9, 15].into_iter().map(|nth| DeviceFault { at: At::Submit, what: What::Lost, nth }).collect(),
        ];
        // Lost once more while it is loaded again; it was loaded for the first time after the
        // faults were armed.
        let again = [(At::Submit, 9), (At::Allocate, 2)].map(|(at, nth)| DeviceFault { at, what: What::Lost, nth });
        let cases = cases.into_iter().map(|faults| (faults.len(), faults)).chain([(1, again.to_vec())]);
        for (recoveries, faults) in cases {
            let folder = tempfile::tempdir().unwrap();
            let said = format!("{} with {faults:?}", device.name());
            let losses = faults.len();
            let (outcome, notices) = train(&device, folder.path(), faults);
            assert_eq!(outcome.unwrap_or_else(|e| panic!("{said}: {e}")).steps, 12, "{said}");
            assert_eq!(notices.len(), recoveries, "{said}: {notices:?}");
            assert!(notices[recoveries - 1].contains(&format!("({losses} of 3 times)")), "{said}: {notices:?}");
            assert!(left(folder.path()) == expected, "{said}: the bits differ");
        }
    }
}

#[test]
fn a_device_that_fails_for_good_ends_the_run_with_a_checkpoint_to_go_on_from() {
    for device in common::devices() {
        let lost = |nth| DeviceFault { at: At::Submit, what: What::Lost, nth };
        let cases = [
            ((14..400).map(lost).collect(), 3, "lost"),
            (vec![DeviceFault { at: At::Submit, what: What::TimedOut, nth: 10 }], 0, "time"),
            (vec![DeviceFault { at: At::Submit, what: What::OutOfMemory, nth: 10 }], 0, "memory"),
        ];
        for (faults, recovered, word) in cases {
            let folder = tempfile::tempdir().unwrap();
            let said = format!("{} with {faults:?}", device.name());
            let (outcome, notices) = train(&device, folder.path(), faults);
            let error = outcome.expect_err(&said);
            assert_eq!(error.exit_code(), 6, "{said}: {error}");
            assert!(error.to_string().contains(word), "{said}: {error}");
            assert_eq!(notices.len(), recovered, "{said}: {notices:?}");
            let found = checkpoints::newest(&folder.path().join("run")).unwrap().expect("a checkpoint");
            assert_eq!((found.checkpoint.metadata.step, found.broken.len()), (5, 0), "{said}");
        }
    }
}

#[test]
fn a_run_that_is_stopped_where_it_went_on_keeps_its_checkpoint_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    train(&Device::Host, folder.path(), vec![]).0.unwrap();
    let run = folder.path().join("run");
    fs::remove_file(CHECKPOINTS.path(&run, 12)).unwrap();
    let newest = CHECKPOINTS.path(&run, 10);
    let before = fs::read(&newest).unwrap();

    let _calm = faults::arm([]); // other tests' faults are not for this
    let trainer = resume(Device::Host, folder.path());
    let stop = Stop::default();
    stop.flag().store(15, Ordering::Relaxed);
    let outcome = trainer.run(&mut Ear::default(), &stop).unwrap();
    assert_eq!((outcome.steps, outcome.stopped_by, outcome.checkpoint), (10, Some(15), Some(newest.clone())));
    assert!(fs::read(&newest).unwrap() == before, "it counts as one of the run's cadence, and may be the best");
}

/// A deep linear D grows with the power of its learning rate.
const RUNS_AWAY: [(&str, &str); 2] = [
    (
        "steps = 12 }",
        "steps = 12, on_nan = \"rollback\" }\nadam = { lr = 0.5 }\ninit = { weights = \"glorot_uniform\" }",
    ),
    ("{ type = \"dense\", units = 1 }", "DEEP { type = \"dense\", units = 1 }"),
];

/// The process ends as soon as the run went back: what it would have done then is done by the next
/// one, to the same bits.
#[test]
fn a_run_that_is_killed_after_it_was_rolled_back_goes_on_as_slowly() {
    let _calm = faults::arm([]);
    let config = RUNS_AWAY.iter().fold(TINY.to_string(), |config, (from, to)| config.replace(from, to));
    let config = config.replace("DEEP", &"{ type = \"dense\", units = 16 },".repeat(30));
    let count =
        |notices: &[String]| notices.iter().filter(|line| line.contains("with half the learning rates")).count();
    for every in [5, 1] {
        let config = config.replace("checkpoint_every = \"5steps\"", &format!("checkpoint_every = \"{every}steps\""));
        let [whole, parts] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let mut ear = Ear::default();
        let expected = start(&config, Device::Host, whole.path()).run(&mut ear, &Stop::default());
        let rollbacks = count(&ear.notices);
        assert!(rollbacks > 0, "every {every}: {:?}", ear.notices);

        let (mut notices, mut trainer) = (Vec::new(), start(&config, Device::Host, parts.path()));
        let ended = loop {
            let stop = Stop::default();
            let mut ear = Ear { stop: Some(stop.clone()), ..Ear::default() };
            let ended = trainer.run(&mut ear, &stop);
            notices.extend(ear.notices);
            match ended {
                Ok(Outcome { stopped_by: Some(15), .. }) => trainer = resume(Device::Host, parts.path()),
                ended => break ended,
            }
        };
        assert_eq!(count(&notices), rollbacks, "every {every}: {notices:?}");
        assert_eq!(ended.is_ok(), expected.is_ok(), "every {every}");
        let [a, b] = [&whole, &parts].map(|folder| {
            let mut newest = checkpoints::newest(&folder.path().join("run")).unwrap().unwrap().checkpoint;
            newest.metadata.seconds = 0.0;
            newest
        });
        assert_eq!(
            (a.metadata.rollbacks as usize, a.metadata.config.adam.lr),
            (rollbacks, 0.5_f64.powi(rollbacks as i32 + 1))
        );
        assert!(a == b, "every {every}: the bits differ");
    }
}
