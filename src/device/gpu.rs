//! The GPU executor: the only file that calls wgpu, with its children `adapter` and `timing`.
//!
//! Everything is made when a program is loaded; [`Session::run`] replays a plan as one compute pass in one submission.

mod adapter;
mod timing;

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::kernel::ENTRY_POINT;
use super::plan::{Dispatch, Program, View, allocated_bytes};
use super::{Description, LinearFamily, OpenOptions, Profile, Timing, limits};
use crate::error::{Error, Kind, Result};
use crate::kernels;
pub use adapter::{Adapter, adapters};

/// Steps that may be under way on the device before the host waits.
const IN_FLIGHT: usize = 3;

/// How long the host waits for a submission before it calls the device hung.
const PATIENCE: Duration = Duration::from_secs(300);

/// Workgroup memory that every WebGPU implementation has; wgpu does not check it.
const MAX_WORKGROUP_BYTES: u32 = 16_384;

/// What went wrong outside a call that could return it: the message of the first device error or loss.
type Failure = Arc<Mutex<Option<String>>>;

/// An open device.
#[derive(Debug)]
pub struct Gpu {
    name: String,
    identity: String,
    profile: Profile,
    is_hardware: bool,
    timing: Timing,
    device: wgpu::Device,
    queue: wgpu::Queue,
    failure: Failure,
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
        // A driver that runs out of memory here can panic.
        let opened = catch_unwind(AssertUnwindSafe(|| pollster::block_on(adapter.adapter.request_device(&descriptor))))
            .map_err(|_| refused("the driver panicked".to_string()))?;
        let (device, queue) = opened.map_err(|e| refused(e.to_string()))?;
        let failure = Failure::default();
        let record = |failure: &Failure, message: String| {
            failure.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert(message);
        };
        let from_errors = failure.clone();
        device.on_uncaptured_error(Arc::new(move |error| record(&from_errors, error.to_string())));
        let from_loss = failure.clone();
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                record(&from_loss, format!("device lost: {message}"));
            }
        });
        let Description { name, api, driver, .. } = adapter.describe(0);
        let (identity, is_hardware) = (format!("{name}, {api}, {driver}"), adapter.is_hardware());
        Ok(Gpu { name, identity, profile, is_hardware, timing, device, queue, failure })
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

    /// Makes the buffers, pipelines and bind groups of a program.
    ///
    /// # Errors
    /// [`Kind::Device`] when memory does not suffice or the driver refuses a kernel.
    pub fn load(&self, program: Program) -> Result<Session> {
        limits::check(&program, &self.name, self.profile.max_binding_bytes, !self.is_hardware)?;
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffers: Vec<_> = program.tensors.iter().map(|spec| self.buffer(spec)).collect();
        if pollster::block_on(memory.pop()).is_some() {
            return Err(Error::device(format!(
                "{} has too little memory for {} MiB; {}",
                self.name,
                limits::total(&program) >> 20,
                limits::remedy(&program)
            )));
        }
        let start = Instant::now();
        let pipelines = self.pipelines(&program);
        let compile_time = start.elapsed();
        let prepare = |dispatch| self.prepare(dispatch, &buffers, &pipelines);
        let plans = program.plans.iter().map(|plan| plan.dispatches.iter().map(prepare).collect()).collect();
        let session = Session {
            name: self.name.clone(),
            device: self.device.clone(),
            queue: self.queue.clone(),
            failure: self.failure.clone(),
            timing: self.timing,
            compile_time,
            program,
            buffers,
            plans,
            in_flight: VecDeque::new(),
        };
        session.check()?;
        Ok(session)
    }

    fn buffer(&self, spec: &super::plan::TensorSpec) -> wgpu::Buffer {
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
        let distinct: HashMap<String, &Dispatch> = dispatches
            .map(|dispatch| (kernels::find(dispatch.kernel).specialise(&dispatch.constants), dispatch))
            .collect();
        let compile = |(text, dispatch): (String, &Dispatch)| {
            let pipeline = self.pipeline(dispatch, &text);
            (text, pipeline)
        };
        distinct.into_par_iter().map(compile).collect()
    }

    fn prepare(&self, dispatch: &Dispatch, buffers: &[wgpu::Buffer], pipelines: &Pipelines) -> Prepared {
        let kernel = kernels::find(dispatch.kernel);
        let reflection = kernel.reflection(&dispatch.constants);
        let pipeline = pipelines[&kernel.specialise(&dispatch.constants)].clone();
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

    #[expect(unsafe_code, reason = "naga's index clamps and loop counters would slow the inner loops")]
    fn pipeline(&self, dispatch: &Dispatch, text: &str) -> wgpu::ComputePipeline {
        let name = dispatch.kernel;
        let reflection = kernels::find(name).reflection(&dispatch.constants);
        assert!(
            reflection.workgroup_bytes <= MAX_WORKGROUP_BYTES,
            "{name} uses {} bytes of workgroup memory; portable are {MAX_WORKGROUP_BYTES}",
            reflection.workgroup_bytes
        );
        let descriptor =
            wgpu::ShaderModuleDescriptor { label: Some(name), source: wgpu::ShaderSource::Wgsl(text.into()) };
        // SAFETY: only this crate's own shaders come here. Their indices stay inside their bindings and their loops end:
        // the registry's test cases run every kernel between guard bands at sizes that are not multiples of its tiles,
        // and `Recorder::dispatch` and `variants::of` bound the loop trips.
        let module =
            unsafe { self.device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) };
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

type Pipelines = HashMap<String, wgpu::ComputePipeline>;

#[derive(Debug)]
struct Prepared {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    workgroups: [u32; 3],
}

impl Prepared {
    fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        let [x, y, z] = self.workgroups;
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.dispatch_workgroups(x, y, z);
    }
}

/// A program loaded on an adapter.
#[derive(Debug)]
pub struct Session {
    name: String,
    device: wgpu::Device,
    queue: wgpu::Queue,
    failure: Failure,
    timing: Timing,
    compile_time: Duration,
    program: Program,
    buffers: Vec<wgpu::Buffer>,
    plans: Vec<Vec<Prepared>>,
    in_flight: VecDeque<wgpu::SubmissionIndex>,
}

impl Session {
    /// The loaded program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Queues a write of a view's words; it happens before everything that is submitted afterwards.
    pub fn write(&self, view: View, bytes: &[u8]) {
        self.queue.write_buffer(&self.buffers[view.tensor.0 as usize], u64::from(view.offset) * 4, bytes);
    }

    /// How long it took to compile the pipelines.
    pub fn compile_time(&self) -> Duration {
        self.compile_time
    }

    /// Submits a whole plan as one compute pass; waits only when too many submissions are under way.
    ///
    /// # Errors
    /// [`Kind::Device`] when the device is lost, hangs or reports an error.
    pub fn run(&mut self, plan: usize) -> Result<()> {
        let count = self.plans[plan].len();
        self.submit(plan, 0..count)?;
        while self.in_flight.len() > IN_FLIGHT {
            let oldest = self.in_flight.pop_front();
            self.wait(oldest)?;
        }
        Ok(())
    }

    /// Submits one dispatch of a plan.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run_dispatch(&mut self, plan: usize, index: usize) -> Result<()> {
        self.submit(plan, index..index + 1)
    }

    fn submit(&mut self, plan: usize, dispatches: impl Iterator<Item = usize>) -> Result<()> {
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("plan") });
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            dispatches.for_each(|index| self.plans[plan][index].encode(&mut pass));
        }
        self.in_flight.push_back(self.queue.submit([encoder.finish()]));
        self.check()
    }

    /// The words of a view, after everything that was submitted.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn read(&mut self, view: View) -> Result<Vec<u32>> {
        let encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let source = self.buffers[view.tensor.0 as usize].clone();
        self.read_after(encoder, &source, u64::from(view.offset) * 4, u64::from(view.len) * 4)
    }

    /// Submits an encoder's commands, waits, and gives `bytes` of a buffer from `offset` on.
    fn read_after(
        &mut self,
        mut encoder: wgpu::CommandEncoder,
        source: &wgpu::Buffer,
        offset: u64,
        bytes: u64,
    ) -> Result<Vec<u32>> {
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read back"),
            size: bytes,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        encoder.copy_buffer_to_buffer(source, offset, &staging, 0, bytes);
        let submission = self.queue.submit([encoder.finish()]);
        let outcome = Arc::new(Mutex::new(None));
        let from_map = outcome.clone();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            *from_map.lock().unwrap_or_else(|e| e.into_inner()) = Some(result);
        });
        self.in_flight.clear();
        self.wait(Some(submission))?;
        let mapped = matches!(*outcome.lock().unwrap_or_else(|e| e.into_inner()), Some(Ok(())));
        let range = staging.get_mapped_range(..).ok().filter(|_| mapped);
        let range = range.ok_or_else(|| self.failed("results could not be read back".to_string()))?;
        Ok(bytemuck::pod_collect_to_vec(&range))
    }

    fn wait(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        let poll = wgpu::PollType::Wait { submission_index: submission, timeout: Some(PATIENCE) };
        // `poll` panics on device loss even with every handler set.
        match catch_unwind(AssertUnwindSafe(|| self.device.poll(poll))) {
            Ok(Ok(_)) => self.check(),
            Ok(Err(error)) => Err(self.abandon(error.to_string())),
            Err(_) => Err(self.abandon("the device was lost".to_string())),
        }
    }

    /// A failure after which dropping the queue could wait for ever: keeps it alive, so that the process can end.
    fn abandon(&self, cause: String) -> Error {
        std::mem::forget((self.device.clone(), self.queue.clone()));
        self.failed(cause)
    }

    fn check(&self) -> Result<()> {
        match self.failure.lock().unwrap_or_else(|e| e.into_inner()).as_ref() {
            Some(message) => Err(self.failed(message.replace('\n', " "))),
            None => Ok(()),
        }
    }

    fn failed(&self, cause: String) -> Error {
        Error::device(format!("{} failed: {cause}; try again, a smaller --batch-size, or --device cpu", self.name))
    }
}
