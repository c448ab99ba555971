//! How long each dispatch takes on an adapter: by its own clock where it has one, else by the
//! host's around blocks.

use std::time::Instant;

use super::GpuSession;
use crate::device::{OpenOptions, Timing};
use crate::error::Result;

/// Seconds that a block of repeated dispatches should take, so that submitting and waiting do not
/// count.
const BLOCK_SECONDS: f64 = 0.02;
/// Most repetitions of a block.
const MOST_REPETITIONS: u32 = 1 << 12;

/// The method that is wanted, or the next one that the adapter offers, with the features that it
/// needs.
pub(super) fn best(offered: wgpu::Features, options: OpenOptions) -> (Timing, wgpu::Features) {
    let inside = wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::TIMESTAMP_QUERY_INSIDE_PASSES;
    match options.timing {
        Timing::Timestamps if offered.contains(inside) => (Timing::Timestamps, inside),
        Timing::Timestamps | Timing::PassTimestamps if offered.contains(wgpu::Features::TIMESTAMP_QUERY) => {
            (Timing::PassTimestamps, wgpu::Features::TIMESTAMP_QUERY)
        }
        _ => (Timing::Blocks, wgpu::Features::empty()),
    }
}

impl GpuSession {
    /// How the dispatches of a plan are timed: a query set has at most 4096 timestamps.
    pub(super) fn method(&self, plan: usize) -> Timing {
        let (count, most) = (self.plans[plan].len(), wgpu::QUERY_SET_MAX_QUERIES as usize);
        match self.options.timing {
            Timing::Timestamps if count < most => Timing::Timestamps,
            Timing::PassTimestamps if 2 * count <= most => Timing::PassTimestamps,
            _ => Timing::Blocks,
        }
    }

    /// One pass, as in training, with a timestamp before it and one after every dispatch.
    pub(super) fn by_timestamps(&mut self, plan: usize) -> Result<Vec<f64>> {
        let count = self.plans[plan].len() as u32;
        let queries = self.queries(count + 1);
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("timed") });
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.write_timestamp(&queries, 0);
            for (index, dispatch) in (1..).zip(&self.plans[plan]) {
                dispatch.encode(&mut pass);
                pass.write_timestamp(&queries, index);
            }
        }
        let ticks = self.resolve(encoder, &queries, count + 1)?;
        Ok(ticks.windows(2).map(|pair| self.seconds(pair[0], pair[1])).collect())
    }

    /// A pass for each dispatch, with timestamps at its beginning and end.
    pub(super) fn by_passes(&mut self, plan: usize) -> Result<Vec<f64>> {
        let count = self.plans[plan].len() as u32;
        let queries = self.queries(2 * count);
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("timed") });
        for (index, dispatch) in (0..).zip(&self.plans[plan]) {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: None,
                timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                    query_set: &queries,
                    beginning_of_pass_write_index: Some(2 * index),
                    end_of_pass_write_index: Some(2 * index + 1),
                }),
            });
            dispatch.encode(&mut pass);
        }
        let ticks = self.resolve(encoder, &queries, 2 * count)?;
        Ok(ticks.chunks_exact(2).map(|pair| self.seconds(pair[0], pair[1])).collect())
    }

    fn queries(&self, count: u32) -> wgpu::QuerySet {
        let (label, ty) = (Some("dispatch times"), wgpu::QueryType::Timestamp);
        self.device.create_query_set(&wgpu::QuerySetDescriptor { label, ty, count })
    }

    /// Submits, waits, and gives the ticks of the first `count` timestamps.
    fn resolve(&mut self, mut encoder: wgpu::CommandEncoder, queries: &wgpu::QuerySet, count: u32) -> Result<Vec<u64>> {
        let size = u64::from(count) * 8;
        let resolved = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("timestamps"),
            size,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        encoder.resolve_query_set(queries, 0..count, &resolved, 0);
        let words = self.read_after(encoder, &resolved, 0, size)?;
        Ok(words.chunks_exact(2).map(|pair| u64::from(pair[1]) << 32 | u64::from(pair[0])).collect())
    }

    /// Clocks of some drivers step back; that is no time.
    fn seconds(&self, from: u64, to: u64) -> f64 {
        to.saturating_sub(from) as f64 * f64::from(self.queue.get_timestamp_period()) * 1e-9
    }

    /// The seconds of one dispatch, from a block of repetitions that is doubled until it is long
    /// enough. What a dispatch changes in place it changes again and again: the numbers mean
    /// nothing afterwards.
    pub(super) fn by_block(&mut self, plan: usize, index: usize) -> Result<f64> {
        let mut repetitions = 1;
        loop {
            let start = Instant::now();
            self.submit(std::iter::repeat_n((plan, index), repetitions as usize))?;
            let last = self.in_flight.pop_back();
            self.in_flight.clear();
            self.wait(last)?;
            let seconds = start.elapsed().as_secs_f64();
            if seconds >= BLOCK_SECONDS || repetitions >= MOST_REPETITIONS {
                return Ok(seconds / f64::from(repetitions));
            }
            repetitions *= 2;
        }
    }
}
