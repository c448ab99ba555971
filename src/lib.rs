//! Train and sample GANs on any GPU: hand-written WGSL compute shaders, driven by wgpu on Vulkan,
//! Metal and DX12, and a twin of every kernel on the host. No CUDA, no Python, no framework.
//!
//! ```
//! use dcgan_gpu::{Batch, DataSet, Device, Engine, Overwrite, grid, preset, save_png};
//!
//! # fn main() -> dcgan_gpu::Result<()> {
//! // Networks, losses and rates, as `dcgan-gpu presets show quick` prints them.
//! let mut config = preset("quick")?;
//! config.training.batch_size = 4;
//! let data = DataSet::open("strokes", None, config.image, config.seed)?; // drawn from a seed
//! let device = Device::open("cpu")?; // or "auto": the first hardware GPU
//! let mut engine = Engine::new(&device, &config, None)?;
//! let mut images = vec![0; 4 * config.image.bytes()];
//! for step in 0..2 {
//!     let indices: Vec<u32> = (4 * step..4 * step + 4).collect();
//!     data.fill(0, &indices, &mut images);
//!     engine.step(step, Batch::Bytes(&images))?; // G and D learn, on the device
//! }
//! println!("{:?}", engine.losses(1, 2)?); // d_loss, g_loss, d_real, d_fake of step 1
//! let folder = tempfile::tempdir().unwrap();
//! save_png(&grid(&engine.sample(16)?, 4, 4), &folder.path().join("grid.png"), Overwrite::Never)?;
//! # Ok(())
//! # }
//! ```
//!
//! A [`Trainer`] does the rest of what `dcgan-gpu train` does: epochs, checkpoints, sample grids,
//! metrics, exact resuming. The folder `examples/` has it, sampling from a checkpoint, a network of
//! your own, and a kernel of your own. [`plan`], [`twin`] and [`device`] are for kernels: record
//! dispatches as data, and run them on a GPU or on the host.
//!
//! With `default-features = false` the crate is this library alone; the feature `cli` adds the
//! program with its downloads, progress and event files.
//!
//! To read the code, start with `src/engine/step.rs`, one training step from top to bottom, and
//! `docs/architecture.md`.

pub mod device;
pub mod plan;
pub mod twin;

// The parts of the program, for it and for its tests. Nothing is promised about them but what is
// named below.
#[doc(hidden)]
pub mod bench;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod data;
#[doc(hidden)]
pub mod disk;
#[doc(hidden)]
pub mod encoding;
#[doc(hidden)]
pub mod engine;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod eval;
#[doc(hidden)]
pub mod kernels;
#[doc(hidden)]
pub mod layers;
#[doc(hidden)]
pub mod lock;
pub mod memory;
#[doc(hidden)]
pub mod model;
#[doc(hidden)]
pub mod objective;
pub mod output;
#[doc(hidden)]
pub mod random;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod run;
#[doc(hidden)]
pub mod selftest;
#[doc(hidden)]
pub mod shape;
#[doc(hidden)]
pub mod shell;
#[doc(hidden)]
pub mod sweep;
pub mod threads;
#[doc(hidden)]
pub mod train;
#[doc(hidden)]
pub mod tuning;

pub use data::DataSet;
pub use device::Device;
pub use engine::{Batch, Choice, Engine, Generator, fixed_latents};
pub use error::{Error, Kind, Result};
pub use model::checkpoint::Checkpoint;
pub use model::columns::Values;
pub use model::config::Config;
pub use model::sources::{Merge, preset};
pub use model::tensors::Tensors;
pub use output::{Images, Overwrite, Picture, grid, save_png};
pub use run::checkpoints;
pub use run::claim::Claim;
pub use shape::Shape;
pub use train::stop::Stop;
pub use train::trainer::{Observer, Outcome, Progress, Trainer, Tune};
