//! The device that a run is on, with the GAN loaded there: loaded once, and again where the device
//! was lost.

use crate::data::DataSet;
use crate::device::Device;
use crate::engine::Engine;
use crate::error::Result;
use crate::model::config::Config;
use crate::tuning::Choices;

/// A device and what is loaded on it.
#[derive(Debug)]
pub(super) struct Machine {
    device: Device,
    choices: Choices,
    keeps_data: bool,
    /// Nothing while a lost device is opened again; where that fails, the run ends.
    engine: Option<Engine>,
}

impl Machine {
    /// Loads the GAN on `device`.
    ///
    /// # Errors
    /// As [`Engine::tuned`].
    pub(super) fn load(device: Device, config: &Config, data: &DataSet, choices: Choices) -> Result<Self> {
        let mut machine = Machine { device, choices, keeps_data: false, engine: None };
        machine.load_engine(config, data)?;
        Ok(machine)
    }

    /// Opens a lost device again, and loads the GAN anew. What the device held goes first: there
    /// may not be room for both.
    ///
    /// # Errors
    /// As [`Device::reopen`] and [`Engine::tuned`]; there is no engine then until another attempt
    /// succeeds.
    pub(super) fn reopen(&mut self, config: &Config, data: &DataSet) -> Result<()> {
        self.engine = None;
        self.device = self.device.reopen()?;
        self.load_engine(config, data)
    }

    fn load_engine(&mut self, config: &Config, data: &DataSet) -> Result<()> {
        let images = resident(data, &self.device);
        self.keeps_data = images.is_some();
        self.engine = Some(Engine::tuned(&self.device, config, images, &self.choices)?);
        Ok(())
    }

    /// The device.
    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// Whether all images are on the device.
    pub(super) fn keeps_data(&self) -> bool {
        self.keeps_data
    }

    /// The loaded GAN.
    pub(super) fn engine(&mut self) -> &mut Engine {
        self.engine.as_mut().expect("a run whose device cannot be opened again has ended")
    }
}

/// The images that stay on the device: all, where they are in memory and fit a binding.
fn resident<'a>(data: &'a DataSet, device: &Device) -> Option<&'a [u8]> {
    data.resident().filter(|bytes| bytes.len() as u64 <= device.profile().max_binding_bytes)
}
