//! A program loaded on an adapter: submitting, waiting, reading back, and every way in which that
//! can fail.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Gpu;
use crate::device::faults::{self, At, What};
use crate::device::health::{self, DeviceHealth};
use crate::device::{OpenOptions, Timing};
use crate::error::{DeviceFailure, Error, Result};
use crate::plan::{Program, View};

/// Steps that may be under way on the device before the host waits.
const IN_FLIGHT: usize = 3;

/// A word that is copied behind everything that is read back: without it, zeros would be mistaken
/// for results.
const READ_MARK: u32 = 0x600d_c0de;

/// A dispatch with everything that it needs.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) bind_group: wgpu::BindGroup,
    pub(super) workgroups: [u32; 3],
}

impl Prepared {
    pub(super) fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        let [x, y, z] = self.workgroups;
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.dispatch_workgroups(x, y, z);
    }
}

/// A program loaded on an adapter.
#[derive(Debug)]
pub struct GpuSession {
    name: String,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    health: DeviceHealth,
    pub(super) options: OpenOptions,
    compile_time: Duration,
    program: Program,
    buffers: Vec<wgpu::Buffer>,
    /// Holds [`READ_MARK`].
    mark: wgpu::Buffer,
    pub(super) plans: Vec<Vec<Prepared>>,
    pub(super) in_flight: VecDeque<wgpu::SubmissionIndex>,
}

impl GpuSession {
    pub(super) fn new(
        gpu: &Gpu,
        compile_time: Duration,
        program: Program,
        buffers: Vec<wgpu::Buffer>,
        plans: Vec<Vec<Prepared>>,
    ) -> Result<GpuSession> {
        let mark = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read mark"),
            size: 4,
            usage: wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        gpu.queue.write_buffer(&mark, 0, bytemuck::bytes_of(&READ_MARK));
        let session = GpuSession {
            name: gpu.name.clone(),
            device: gpu.device.clone(),
            queue: gpu.queue.clone(),
            health: gpu.health.clone(),
            options: gpu.used,
            compile_time,
            program,
            buffers,
            mark,
            plans,
            in_flight: VecDeque::new(),
        };
        session.check()?;
        Ok(session)
    }

    /// Submits dispatches, each given by its plan and its index there, as one compute pass.
    pub(super) fn submit(&mut self, dispatches: impl Iterator<Item = (usize, usize)>) -> Result<()> {
        if self.strike(At::Submit) {
            return Ok(());
        }
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("plans") });
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            dispatches.for_each(|(plan, index)| self.plans[plan][index].encode(&mut pass));
        }
        self.in_flight.push_back(self.queue.submit([encoder.finish()]));
        self.check()
    }

    /// Submits an encoder's commands, waits, and gives `bytes` of a buffer from `offset` on.
    pub(super) fn read_after(
        &mut self,
        mut encoder: wgpu::CommandEncoder,
        source: &wgpu::Buffer,
        offset: u64,
        bytes: u64,
    ) -> Result<Vec<u32>> {
        let dropped = self.strike(At::Read);
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read back"),
            size: bytes + 4,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        if !dropped {
            encoder.copy_buffer_to_buffer(source, offset, &staging, 0, bytes);
            encoder.copy_buffer_to_buffer(&self.mark, 0, &staging, bytes, 4);
        }
        let submission = self.queue.submit([encoder.finish()]);
        let outcome = Arc::new(Mutex::new(None));
        let from_map = outcome.clone();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            *from_map.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        });
        self.in_flight.clear();
        self.wait(Some(submission))?;
        let mapped = matches!(*outcome.lock().unwrap_or_else(PoisonError::into_inner), Some(Ok(())));
        let range = staging.get_mapped_range(..).ok().filter(|_| mapped);
        let range = range.ok_or_else(|| self.failed(DeviceFailure::Lost, "results could not be read back"))?;
        let mut words: Vec<u32> = bytemuck::pod_collect_to_vec(&range);
        match words.pop() {
            Some(READ_MARK) => Ok(words),
            _ => Err(self.failed(DeviceFailure::Lost, "it did not copy its results back")),
        }
    }

    pub(super) fn wait(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        self.strike(At::Wait);
        if self.health.hangs() {
            return Err(self.abandon(DeviceFailure::TimedOut, "injected"));
        }
        let poll = wgpu::PollType::Wait { submission_index: submission, timeout: Some(self.options.patience) };
        // `poll` panics on device loss even with every handler set.
        match catch_unwind(AssertUnwindSafe(|| self.device.poll(poll))) {
            Ok(Ok(_)) => self.check(),
            Ok(Err(wgpu::PollError::Timeout)) => Err(self.abandon(DeviceFailure::TimedOut, "it may hang")),
            Ok(Err(error)) => Err(self.abandon(DeviceFailure::Lost, &error.to_string())),
            Err(_) => Err(self.abandon(DeviceFailure::Lost, "")),
        }
    }

    /// Does to the device what a test wants at a point that is passed; `true` where work is to be
    /// left out.
    fn strike(&self, at: At) -> bool {
        match faults::strike(at) {
            None => return false,
            Some(What::SilentlyDropped) => return true,
            Some(What::TimedOut) => self.health.hang(),
            Some(What::OutOfMemory) => {
                self.health.note(Some(DeviceFailure::OutOfMemory), "injected");
                self.device.destroy();
            }
            Some(What::Lost) => self.device.destroy(),
        }
        false
    }

    /// A failure after which dropping the queue could wait for ever: keeps it alive, so that the
    /// process can end.
    fn abandon(&self, failure: DeviceFailure, cause: &str) -> Error {
        std::mem::forget((self.device.clone(), self.queue.clone()));
        // What the driver said of it, if anything, says more.
        self.health.note(Some(failure), cause);
        self.check().err().unwrap_or_else(|| self.failed(failure, cause))
    }

    fn check(&self) -> Result<()> {
        if self.health.is_unexplained() {
            // If the device is lost, wgpu may say so only now.
            let polled = catch_unwind(AssertUnwindSafe(|| self.device.poll(wgpu::PollType::Poll)));
            if polled.is_err() {
                self.health.note(Some(DeviceFailure::Lost), "");
            }
        }
        self.health.check(&self.name, &self.program, self.options.patience)
    }

    fn failed(&self, failure: DeviceFailure, cause: &str) -> Error {
        health::failed(Some(failure), &self.name, cause, &self.program, self.options.patience)
    }
}

impl crate::device::Session for GpuSession {
    fn program(&self) -> &Program {
        &self.program
    }

    fn write(&mut self, view: View, words: &[u32]) {
        assert_eq!(view.len as usize, words.len(), "words for {}", self.program.spec(view.tensor).label);
        let buffer = &self.buffers[view.tensor.0 as usize];
        self.queue.write_buffer(buffer, u64::from(view.offset) * 4, bytemuck::cast_slice(words));
    }

    fn read(&mut self, view: View) -> Result<Vec<u32>> {
        let encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let source = self.buffers[view.tensor.0 as usize].clone();
        self.read_after(encoder, &source, u64::from(view.offset) * 4, u64::from(view.len) * 4)
    }

    /// Waits only when too many submissions are under way.
    fn run(&mut self, plans: &[usize]) -> Result<()> {
        let counts: Vec<_> = plans.iter().map(|&plan| (plan, self.plans[plan].len())).collect();
        self.submit(counts.into_iter().flat_map(|(plan, count)| (0..count).map(move |index| (plan, index))))?;
        while self.in_flight.len() > IN_FLIGHT {
            let oldest = self.in_flight.pop_front();
            self.wait(oldest)?;
        }
        Ok(())
    }

    fn run_dispatch(&mut self, plan: usize, index: usize) -> Result<()> {
        self.submit(std::iter::once((plan, index)))
    }

    fn compile_time(&self) -> Duration {
        self.compile_time
    }

    fn timing(&self, plan: usize) -> Timing {
        self.method(plan)
    }

    fn time_dispatches(&mut self, plan: usize) -> Result<Vec<f64>> {
        match self.method(plan) {
            Timing::Timestamps => self.by_timestamps(plan),
            Timing::PassTimestamps => self.by_passes(plan),
            _ => (0..self.plans[plan].len()).map(|index| self.by_block(plan, index)).collect(),
        }
    }

    fn time_dispatch(&mut self, plan: usize, index: usize) -> Result<f64> {
        self.by_block(plan, index)
    }
}
