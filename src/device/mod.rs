//! Devices: the two executors that run plans, side by side.

pub mod chatter;
pub mod faults;
pub mod gpu;
mod health;
pub mod host;
mod limits;
mod preference;

use std::fmt::Debug;
use std::time::Duration;

use crate::error::{DeviceFailure, Error, Kind, Result};
use crate::plan::{Profile, Program, View};
use crate::threads;
use crate::twin::{self, Twinned};
pub use preference::narrowing_variables;
use preference::{Candidate, Preference};

/// What a device is opened for, besides running plans.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// How adapters are to time dispatches. One that cannot do it uses the next method of
    /// [`Timing`]; the default asks for no feature that training does without.
    pub timing: Timing,
    /// How long the host waits for an adapter before it calls it hung; the host itself is waited
    /// for as long as it takes.
    pub patience: Duration,
}

/// Seconds of the default [`OpenOptions::patience`].
pub const PATIENCE_SECONDS: u64 = 300;

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions { timing: Timing::default(), patience: Duration::from_secs(PATIENCE_SECONDS) }
    }
}

/// How [`Session::time_dispatches`] measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// The device's clock after every dispatch, inside one pass: as in training.
    Timestamps,
    /// The device's clock at the ends of passes, each of one dispatch.
    PassTimestamps,
    /// The host's clock around blocks in which one dispatch is repeated.
    #[default]
    Blocks,
    /// The host's clock around each dispatch: on the host itself.
    Host,
}

/// What `devices` prints of a device.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Description {
    /// What `--device` takes to choose it.
    pub choose: String,
    /// Name.
    pub name: String,
    /// "discrete GPU", "integrated GPU", "virtual GPU", "software" or "host".
    pub kind: &'static str,
    /// Vulkan, Metal, DX12 or none.
    pub api: String,
    /// Driver and version.
    pub driver: String,
    /// Largest buffer that a kernel can bind, in bytes.
    pub max_binding_bytes: u64,
}

/// A device that programs can be loaded on.
#[derive(Debug)]
pub enum Device {
    /// The processor, with the kernels' twins.
    Host,
    /// A wgpu adapter.
    Gpu(Box<gpu::Gpu>),
}

impl Device {
    /// Opens `auto`, `cpu`, an index of [`list`], or the first adapter whose name contains
    /// `choice`. `auto` is the first hardware GPU, else the host, and heeds wgpu's variables:
    /// `WGPU_ADAPTER_NAME`, `WGPU_BACKEND` and `WGPU_POWER_PREF`.
    ///
    /// # Errors
    /// [`Kind::NoDevice`] when nothing matches, naming what there is; [`Kind::Usage`] when one of
    /// the variables means nothing.
    pub fn open(choice: &str) -> Result<Device> {
        Device::open_with(choice, OpenOptions::default())
    }

    /// As [`Device::open`], for more than running plans.
    ///
    /// # Errors
    /// As [`Device::open`].
    pub fn open_with(choice: &str, options: OpenOptions) -> Result<Device> {
        threads::start()?;
        if choice.eq_ignore_ascii_case("cpu") {
            return Device::open_host();
        }
        let wanted = choice.to_lowercase();
        let preference = if wanted == "auto" { Some(Preference::of_environment()?) } else { None };
        let adapters = gpu::adapters();
        let found = if let Some(preference) = preference {
            let candidates: Vec<_> = adapters.iter().map(Candidate::from).collect();
            let chosen = preference.choose(&candidates);
            match chosen.map_err(|e| e.clone().reworded(format!("{e}; there are: {}", names(&adapters))))? {
                Some(index) => Some(index),
                None => return Device::open_host(),
            }
        } else if let Some(index) = wanted.parse().ok().filter(|&index| index < adapters.len()) {
            Some(index)
        } else {
            adapters.iter().position(|a| !wanted.is_empty() && a.name().to_lowercase().contains(&wanted))
        };
        match found {
            Some(index) => Ok(Device::Gpu(Box::new(gpu::Gpu::open(&adapters[index], options)?))),
            None => {
                let there = names(&adapters);
                Err(Error::new(Kind::NoDevice, format!("no device matches `{choice}`; there are: {there}")))
            }
        }
    }

    fn open_host() -> Result<Device> {
        match faults::refuse_to_open() {
            None => Ok(Device::Host),
            Some(cause) => Err(Error::new(Kind::NoDevice, format!("cannot open cpu: {cause}"))),
        }
    }

    /// Opens the same device once more, with the same options: after a loss it may work again. What
    /// was loaded on this one stays as it is.
    ///
    /// # Errors
    /// [`Kind::Device`], as one that [is lost](Error::is_lost), when it is not there any more or
    /// cannot be opened.
    pub fn reopen(&self) -> Result<Device> {
        let opened = match self {
            Device::Host => Device::open_host(),
            Device::Gpu(gpu) => gpu.reopen().map(|gpu| Device::Gpu(Box::new(gpu))),
        };
        opened.map_err(|error| {
            let message = format!("{} does not come back after a failure: {error}", self.name());
            Error::device_failed(DeviceFailure::Lost, message)
        })
    }

    /// What the bits of results depend on: an adapter's name, API and driver, or the host's
    /// architecture and vector instructions.
    pub fn identity(&self) -> String {
        match self {
            Device::Host => format!("cpu, {}, {}", std::env::consts::ARCH, twin::vector_instructions()),
            Device::Gpu(gpu) => gpu.identity().to_string(),
        }
    }

    /// The device's name.
    pub fn name(&self) -> String {
        match self {
            Device::Host => "cpu".to_string(),
            Device::Gpu(gpu) => gpu.name().to_string(),
        }
    }

    /// What shapes plans for it.
    pub fn profile(&self) -> Profile {
        match self {
            Device::Host => Profile::HOST,
            Device::Gpu(gpu) => gpu.profile(),
        }
    }

    /// Refuses a program that does not fit, before anything is made for it; [`Device::load`] does
    /// so, too.
    ///
    /// # Errors
    /// [`Kind::Device`] when a tensor or all of them pass a limit of the device, or of memory.
    pub fn check(&self, program: &Program) -> Result<()> {
        match self {
            Device::Host => host::check(program),
            Device::Gpu(gpu) => gpu.check(program),
        }
    }

    /// Makes a program's buffers, pipelines and bind groups.
    ///
    /// # Errors
    /// [`Kind::Device`] when a tensor or all of them pass a limit of the device, memory does not
    /// suffice, or the driver refuses a kernel.
    pub fn load(&self, program: Program) -> Result<Box<dyn Session>> {
        self.load_with(program, &[])
    }

    /// As [`Device::load`], for a program that runs kernels which are not of this crate: the host
    /// finds their twins among `twins`.
    ///
    /// # Errors
    /// As [`Device::load`].
    pub fn load_with(&self, program: Program, twins: &'static [Twinned]) -> Result<Box<dyn Session>> {
        Ok(match self {
            Device::Host => Box::new(host::HostSession::load(program, twins)?),
            Device::Gpu(gpu) => Box::new(gpu.load(program)?),
        })
    }
}

/// What `choice` may be, for messages.
fn names(adapters: &[gpu::Adapter]) -> String {
    let adapters = adapters.iter().enumerate().map(|(index, adapter)| format!("{index} ({})", adapter.name()));
    adapters.chain(["cpu".to_string()]).collect::<Vec<_>>().join(", ")
}

/// All devices: adapters, hardware first, and the host.
pub fn list() -> Vec<Description> {
    let mut devices: Vec<_> = gpu::adapters().iter().enumerate().map(|(i, a)| a.describe(i)).collect();
    devices.push(Description {
        choose: "cpu".to_string(),
        name: format!("{} threads", rayon::current_num_threads()),
        kind: "host",
        api: "none".to_string(),
        driver: "built in".to_string(),
        max_binding_bytes: Profile::HOST.max_binding_bytes,
    });
    devices
}

/// A program loaded on a device.
pub trait Session: Debug {
    /// The loaded program.
    fn program(&self) -> &Program;

    /// Replaces the words of a view; takes effect before everything that is run afterwards. Floats
    /// travel as their bits.
    fn write(&mut self, view: View, words: &[u32]);

    /// The words of a view, after everything that was run.
    ///
    /// # Errors
    /// [`Kind::Device`] when the device fails.
    fn read(&mut self, view: View) -> Result<Vec<u32>>;

    /// Runs plans, one after the other, as one submission, without waiting for its end.
    ///
    /// # Errors
    /// As [`Session::read`].
    fn run(&mut self, plans: &[usize]) -> Result<()>;

    /// Runs dispatch number `index` of plan number `plan` alone.
    ///
    /// # Errors
    /// As [`Session::read`].
    fn run_dispatch(&mut self, plan: usize, index: usize) -> Result<()>;

    /// The time that compiling pipelines took; zero on the host.
    fn compile_time(&self) -> Duration;

    /// How [`Session::time_dispatches`] measures this plan here.
    fn timing(&self, plan: usize) -> Timing;

    /// Runs plan number `plan`, at least once, and gives the seconds of each of its dispatches.
    ///
    /// # Errors
    /// As [`Session::read`].
    fn time_dispatches(&mut self, plan: usize) -> Result<Vec<f64>>;

    /// The seconds that dispatch number `index` of plan number `plan` takes; on adapters the mean
    /// of as many runs as submitting and waiting do not count beside.
    ///
    /// # Errors
    /// As [`Session::read`].
    fn time_dispatch(&mut self, plan: usize, index: usize) -> Result<f64>;
}

impl dyn Session + '_ {
    /// Replaces the floats of a view; takes effect before everything that is run afterwards.
    pub fn write_floats(&mut self, view: View, values: &[f32]) {
        self.write(view, bytemuck::cast_slice(values));
    }

    /// The floats of a view, after everything that was run.
    ///
    /// # Errors
    /// [`Kind::Device`] when the device fails.
    pub fn read_floats(&mut self, view: View) -> Result<Vec<f32>> {
        Ok(bytemuck::cast_vec(self.read(view)?))
    }
}
