//! Trains a preset's networks in burn, to be timed beside dcgan-gpu: `compare.py` starts it and asks for steps.
//!
//!     burn-step --bundle FILE --device flex|ADAPTER            answers requests on stdin, one JSON object a line
//!     burn-step --bundle FILE --device … --steps N             times N steps and prints one JSON object
//!
//! ADAPTER is a part of a wgpu adapter's name. The requests are those of `worker.py`.

mod bundle;
mod device;
mod gan;
mod network;

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use serde_json::{Value, json};

use bundle::{Bundle, Result};
use gan::Gan;

fn main() {
    if let Err(message) = run() {
        eprintln!("burn-step: {message}");
        std::process::exit(1);
    }
}

fn run() -> Result<()> {
    let options = Options::parse()?;
    let (device, name) = device::open(&options.device)?;
    let mut worker = Worker { bundle: Bundle::read(&options.bundle)?, device, gan: None };
    let identity = json!({ "engine": "burn 0.22.1", "device": name });
    match options.steps {
        Some(steps) => worker.print_times(identity, steps),
        None => worker.serve(&identity),
    }
}

struct Options {
    bundle: PathBuf,
    device: String,
    steps: Option<u64>,
}

impl Options {
    fn parse() -> Result<Self> {
        let (mut bundle, mut device, mut steps) = (None, None, None);
        let mut words = std::env::args().skip(1);
        while let Some(key) = words.next() {
            let value = words.next().ok_or_else(|| format!("{key} needs a value"))?;
            match key.as_str() {
                "--bundle" => bundle = Some(value.into()),
                "--device" => device = Some(value),
                "--steps" => steps = Some(value.parse().map_err(|_| format!("--steps {value}: not a number"))?),
                _ => return Err(format!("unknown option {key}; there are --bundle, --device and --steps")),
            }
        }
        Ok(Self {
            bundle: bundle.ok_or("--bundle FILE is missing")?,
            device: device.ok_or("--device flex|ADAPTER is missing")?,
            steps,
        })
    }
}

struct Worker {
    bundle: Bundle,
    device: Device,
    /// The networks that are being timed: they go on learning from block to block.
    gan: Option<Gan>,
}

impl Worker {
    /// Says who it is, then answers each line of stdin with a line on stdout.
    fn serve(&mut self, identity: &Value) -> Result<()> {
        say(identity)?;
        for line in std::io::stdin().lock().lines() {
            let line = line.map_err(|e| e.to_string())?;
            let request: Value = serde_json::from_str(&line).map_err(|e| format!("request {line}: {e}"))?;
            let count = |key: &str| request[key].as_u64().ok_or_else(|| format!("request without `{key}`: {line}"));
            let answer = match request["do"].as_str() {
                Some("losses") => self.losses(count("steps")? as usize)?,
                Some("time") => json!({
                    "seconds": self.time(count("warmup")?, count("samples")?, count("group")?)?
                }),
                _ => return Err(format!("unknown request {line}")),
            };
            say(&answer)?;
        }
        Ok(())
    }

    /// The losses of the first steps, without dropout, from the bundle's images and latents.
    fn losses(&mut self, steps: usize) -> Result<Value> {
        let mut gan = Gan::new(&self.bundle, false, &self.device)?;
        let real: Tensor<4> = self.bundle.tensor("images", &self.device)?;
        let latents: Tensor<3> = self.bundle.tensor("latents", &self.device)?;
        let [known, batch, size] = latents.dims();
        if steps > known {
            return Err(format!("the bundle has latents for {known} steps, not for {steps}"));
        }
        let mut rows = Vec::new();
        for step in 0..steps {
            let latents = latents.clone().narrow(0, step, 1).reshape([batch, size, 1, 1]);
            let losses = gan.step(real.clone(), latents);
            rows.push(json!({
                "d_loss": losses.d_loss.into_scalar::<f32>(),
                "g_loss": losses.g_loss.into_scalar::<f32>(),
            }));
        }
        Ok(json!({ "losses": rows }))
    }

    /// Seconds of a step with dropout on, for each sample of `group` steps with one wait at its end.
    fn time(&mut self, warmup: u64, samples: u64, group: u64) -> Result<Vec<f64>> {
        let mut gan = match self.gan.take() {
            Some(gan) => gan,
            None => Gan::new(&self.bundle, true, &self.device)?,
        };
        let real: Tensor<4> = self.bundle.tensor("images", &self.device)?;
        let latent = bundle::number(&self.bundle.gan, "latent")? as usize;
        let shape = [real.dims()[0], latent, 1, 1];
        let mut steps = |count: u64| {
            for _ in 0..count {
                gan.step(real.clone(), Tensor::random(shape, Distribution::Normal(0.0, 1.0), &self.device));
            }
            self.device.sync().map_err(|e| format!("{e:?}"))
        };
        steps(warmup)?;
        let mut seconds = Vec::new();
        for _ in 0..samples {
            let start = Instant::now();
            steps(group)?;
            seconds.push(start.elapsed().as_secs_f64() / group as f64);
        }
        self.gan = Some(gan);
        Ok(seconds)
    }

    /// Times steps one by one and prints a summary.
    fn print_times(&mut self, mut result: Value, steps: u64) -> Result<()> {
        let losses = self.losses(1)?;
        let mut seconds = self.time(3, steps.max(1), 1)?;
        seconds.sort_by(f64::total_cmp);
        let median = seconds[seconds.len() / 2];
        let batch = self.bundle.shape("images").map_or(0, |shape| shape[0]);
        result["preset"] = self.bundle.gan["preset"].clone();
        result["batch_size"] = json!(batch);
        result["median_s"] = json!(median);
        result["min_s"] = json!(seconds[0]);
        result["images_per_s"] = json!(batch as f64 / median);
        result["first_losses"] = losses["losses"][0].clone();
        say(&result)
    }
}

fn say(value: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}").and_then(|()| out.flush()).map_err(|e| e.to_string())
}
