//! Adapters: what there is to open, and the facts of each that shape plans.

use crate::device::limits::Residence;
use crate::device::{Description, chatter};
use crate::plan::{LinearFamily, MAX_LOOP_TRIPS, Profile};

/// An adapter that could be opened.
#[derive(Debug)]
pub struct Adapter {
    pub(super) adapter: wgpu::Adapter,
    info: wgpu::AdapterInfo,
}

/// An API through which adapters are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Backend {
    Vulkan,
    Metal,
    Dx12,
}

/// All adapters, hardware first, in an order that does not change between calls.
pub fn adapters() -> Vec<Adapter> {
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let found = chatter::without(|| {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        pollster::block_on(instance.enumerate_adapters(backends))
    });
    let mut adapters: Vec<_> = found.into_iter().map(|adapter| Adapter { info: adapter.get_info(), adapter }).collect();
    adapters.sort_by_key(|a| match a.info.device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu | wgpu::DeviceType::Other => 2,
        wgpu::DeviceType::Cpu => 3,
    });
    adapters
}

impl Adapter {
    /// The adapter's name.
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// Name, API and driver.
    pub fn identity(&self) -> String {
        let Description { name, api, driver, .. } = self.describe(0);
        format!("{name}, {api}, {driver}")
    }

    /// Where it is plugged in, as far as the driver tells: what sets two of the same identity
    /// apart.
    pub fn address(&self) -> &str {
        &self.info.device_pci_bus_id
    }

    /// Whether it is hardware, not software Vulkan or WARP.
    pub fn is_hardware(&self) -> bool {
        self.info.device_type != wgpu::DeviceType::Cpu
    }

    /// Whether it shares the processor's memory.
    pub fn is_integrated(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::IntegratedGpu
    }

    /// Where its tensors are kept.
    pub(super) fn residence(&self) -> Residence {
        match (self.is_hardware(), self.is_integrated()) {
            (false, _) => Residence::Software,
            (true, true) => Residence::Machine,
            (true, false) => Residence::Own,
        }
    }

    /// The API that it is used through.
    pub fn backend(&self) -> Option<Backend> {
        match self.info.backend {
            wgpu::Backend::Vulkan => Some(Backend::Vulkan),
            wgpu::Backend::Metal => Some(Backend::Metal),
            wgpu::Backend::Dx12 => Some(Backend::Dx12),
            wgpu::Backend::Noop | wgpu::Backend::Gl | wgpu::Backend::BrowserWebGpu => None,
        }
    }

    /// What `devices` prints.
    pub fn describe(&self, index: usize) -> Description {
        Description {
            choose: index.to_string(),
            name: self.info.name.clone(),
            kind: match self.info.device_type {
                wgpu::DeviceType::DiscreteGpu => "discrete GPU",
                wgpu::DeviceType::IntegratedGpu => "integrated GPU",
                wgpu::DeviceType::VirtualGpu | wgpu::DeviceType::Other => "virtual GPU",
                wgpu::DeviceType::Cpu => "software",
            },
            api: format!("{:?}", self.info.backend),
            driver: format!("{} {}", self.info.driver, self.info.driver_info).trim().to_string(),
            max_binding_bytes: self.adapter.limits().max_storage_buffer_binding_size,
        }
    }

    /// The lane kernels need subgroups of exactly 8, and pay only where a "GPU" is a processor's
    /// vector unit.
    pub(super) fn profile(&self) -> Profile {
        let eight = self.info.subgroup_min_size == 8 && self.info.subgroup_max_size == 8;
        let lanes = eight && !self.is_hardware() && self.adapter.features().contains(wgpu::Features::SUBGROUP);
        Profile {
            family: if lanes { LinearFamily::Lane } else { LinearFamily::Tile },
            workgroups_to_fill: if self.is_hardware() { 256 } else { 16 },
            // Shaders count words and bytes in u32.
            max_binding_bytes: self.adapter.limits().max_storage_buffer_binding_size.min(u32::MAX.into()),
            max_loop_trips: if self.is_hardware() { u32::MAX } else { MAX_LOOP_TRIPS },
        }
    }
}
