//! The GPU executor: the only code that calls wgpu.
//!
//! Everything is made when a program is loaded; running replays plans as one compute pass in one
//! submission.

mod adapter;
mod session;
mod timing;
mod unchecked;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use super::faults::{self, At, What};
use super::health::{self, DeviceHealth};
use super::limits::Residence;
use super::{OpenOptions, chatter, limits};
use crate::error::{DeviceFailure, Error, Kind, Result};
use crate::plan::{Dispatch, ENTRY_POINT, LinearFamily, Profile, Program, TensorSpec, allocated_bytes};
pub use adapter::{Adapter, Backend, adapters};
pub use session::GpuSession;
use session::Prepared;

/// Workgroup memory that every WebGPU implementation has; wgpu does not check it.
const MAX_WORKGROUP_BYTES: u32 = 16_384;

type Pipelines = HashMap<String, wgpu::ComputePipeline>;

/// An open device.
#[derive(Debug)]
pub struct Gpu {
    name: String,
    identity: String,
    profile: Profile,
    residence: Residence,
    /// As asked for, to open it again.
    options: OpenOptions,
    /// With the method of timing that it offers.
    used: OpenOptions,
    /// Where it is plugged in.
    address: String,
    device: wgpu::Device,
    queue: wgpu::Queue,
    health: DeviceHealth,
}

impl Gpu {
    /// Opens an adapter with its own limits.
    ///
    /// # Errors
    /// [`Kind::NoDevice`] when the driver refuses.
    pub fn open(adapter: &Adapter, options: OpenOptions) -> Result<Gpu> {
        let profile = adapter.profile();
        let mut features = match profile.family {
            LinearFamily::Lane => wgpu::Features::SUBGROUP,
            LinearFamily::Tile => wgpu::Features::empty(),
        };
        let (timing, for_timing) = timing::best(adapter.adapter.features(), options);
        features |= for_timing;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("dcgan-gpu"),
            required_features: features,
            required_limits: adapter.adapter.limits(),
            ..Default::default()
        };
        let refused = |cause: String| {
            Error::new(Kind::NoDevice, format!("cannot open {}: {cause}; choose another with --device", adapter.name()))
        };
        if let Some(cause) = faults::refuse_to_open() {
            return Err(refused(cause));
        }
        // A driver that runs out of memory here can panic.
        let request = || chatter::without(|| pollster::block_on(adapter.adapter.request_device(&descriptor)));
        let opened = catch_unwind(AssertUnwindSafe(request)).map_err(|_| refused("the driver panicked".to_string()))?;
        let (device, queue) = opened.map_err(|e| refused(e.to_string()))?;
        let health = DeviceHealth::default();
        let from_errors = health.clone();
        device.on_uncaptured_error(Arc::new(move |error| {
            let memory = matches!(error, wgpu::Error::OutOfMemory { .. });
            from_errors.note(memory.then_some(DeviceFailure::OutOfMemory), error.to_string());
        }));
        let from_loss = health.clone();
        device.set_device_lost_callback(move |_, message| {
            // wgpu gives a device up when a submission finds no memory, and says so only here.
            let memory = message.to_lowercase().contains("memory");
            let failure = if memory { DeviceFailure::OutOfMemory } else { DeviceFailure::Lost };
            from_loss.note(Some(failure), message);
        });
        Ok(Gpu {
            identity: adapter.identity(),
            name: adapter.name().to_string(),
            profile,
            residence: adapter.residence(),
            options,
            used: OpenOptions { timing, ..options },
            address: adapter.address().to_string(),
            device,
            queue,
            health,
        })
    }

    /// Opens the adapter of the same identity, at the same address, once more.
    ///
    /// # Errors
    /// [`Kind::NoDevice`] when it is gone or the driver refuses.
    pub fn reopen(&self) -> Result<Gpu> {
        let same = |adapter: &Adapter| adapter.identity() == self.identity && adapter.address() == self.address;
        match adapters().into_iter().find(same) {
            Some(adapter) => Gpu::open(&adapter, self.options),
            None => Err(Error::new(Kind::NoDevice, format!("the system does not list {} any more", self.identity))),
        }
    }

    /// The adapter's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The adapter, its API and its driver: what measured times are good for.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// What shapes plans for it.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Refuses a program that does not fit, as far as that is known beforehand.
    ///
    /// # Errors
    /// [`Kind::Device`].
    pub fn check(&self, program: &Program) -> Result<()> {
        limits::check(program, &self.name, self.profile.max_binding_bytes, self.residence)
    }

    /// Makes the buffers, pipelines and bind groups of a program.
    ///
    /// # Errors
    /// [`Kind::Device`] when memory does not suffice or the driver refuses a kernel.
    pub fn load(&self, program: Program) -> Result<GpuSession> {
        self.check(&program)?;
        let buffers = self.buffers(&program)?;
        let start = Instant::now();
        let pipelines = self.pipelines(&program);
        let compile_time = start.elapsed();
        let prepare = |dispatch| self.prepare(dispatch, &buffers, &pipelines);
        let plans = program.plans.iter().map(|plan| plan.dispatches.iter().map(prepare).collect()).collect();
        GpuSession::new(self, compile_time, program, buffers, plans)
    }

    /// The buffers of all tensors, one by one, so that the first that does not fit is known.
    fn buffers(&self, program: &Program) -> Result<Vec<wgpu::Buffer>> {
        let mut struck = faults::strike(At::Allocate);
        match struck {
            Some(What::Lost) => self.device.destroy(),
            Some(What::TimedOut) => self.health.hang(),
            _ => {}
        }
        let last = program.tensors.len().saturating_sub(1);
        let mut buffers = Vec::with_capacity(program.tensors.len());
        for (index, spec) in program.tensors.iter().enumerate() {
            let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
            buffers.push(self.buffer(spec));
            let full = pollster::block_on(scope.pop()).is_some();
            if full || index == last && struck.take() == Some(What::OutOfMemory) {
                return Err(health::does_not_fit(&self.name, program, index));
            }
        }
        Ok(buffers)
    }

    fn buffer(&self, spec: &TensorSpec) -> wgpu::Buffer {
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(&spec.label),
            size: allocated_bytes(spec.words),
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        if let Some(contents) = &spec.contents {
            self.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(contents));
        }
        buffer
    }

    /// The pipelines of all plans by their WGSL text, compiled on all cores.
    fn pipelines(&self, program: &Program) -> Pipelines {
        let dispatches = program.plans.iter().flat_map(|plan| &plan.dispatches);
        let distinct: HashMap<String, &Dispatch> =
            dispatches.map(|dispatch| (dispatch.kernel.specialise(&dispatch.constants), dispatch)).collect();
        let compile = |(text, dispatch): (String, &Dispatch)| {
            let pipeline = self.pipeline(dispatch);
            (text, pipeline)
        };
        distinct.into_par_iter().map(compile).collect()
    }

    fn prepare(&self, dispatch: &Dispatch, buffers: &[wgpu::Buffer], pipelines: &Pipelines) -> Prepared {
        let reflection = dispatch.kernel.reflection(&dispatch.constants);
        let pipeline = pipelines[&dispatch.kernel.specialise(&dispatch.constants)].clone();
        let entries: Vec<_> = reflection
            .bindings
            .iter()
            .map(|binding| {
                let view = dispatch.bindings[binding.name.as_str()];
                let size = allocated_bytes(view.len);
                wgpu::BindGroupEntry {
                    binding: binding.index,
                    resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer: &buffers[view.tensor.0 as usize],
                        offset: u64::from(view.offset) * 4,
                        size: wgpu::BufferSize::new(size),
                    }),
                }
            })
            .collect();
        let bind_group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&dispatch.scope),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        Prepared { pipeline, bind_group, workgroups: dispatch.workgroups }
    }

    fn pipeline(&self, dispatch: &Dispatch) -> wgpu::ComputePipeline {
        let name = dispatch.kernel.name;
        let reflection = dispatch.kernel.reflection(&dispatch.constants);
        assert!(
            reflection.workgroup_bytes <= MAX_WORKGROUP_BYTES,
            "{name} uses {} bytes of workgroup memory; portable are {MAX_WORKGROUP_BYTES}",
            reflection.workgroup_bytes
        );
        let module = unchecked::shader_module(&self.device, dispatch);
        self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(name),
            layout: None,
            module: &module,
            entry_point: Some(ENTRY_POINT),
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        })
    }
}
