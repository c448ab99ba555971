//! The host's half of a step: it fills the ports that the step's plans read.

use super::Batch;
use crate::device::Session;
use crate::kernels::average;
use crate::kernels::data::pack;
use crate::objective::Optimizer;
use crate::plan::{Fill, Port, Program, View};
use crate::random::{Draws, Source, split};

/// The inputs of a program, tensor by tensor: each is written at once.
#[derive(Debug)]
pub(super) struct Ports(Vec<Input>);

#[derive(Debug)]
struct Input {
    /// The whole tensor.
    view: View,
    words: Vec<u32>,
    ports: Vec<Port>,
}

/// What a step is filled with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filling<'a> {
    pub(super) seed: u64,
    pub(super) step: u32,
    /// Of G and D.
    pub(super) optimizers: &'a [Optimizer; 2],
    pub(super) batch: Batch<'a>,
    /// The classes of the images, where labels are used.
    pub(super) labels: &'a [u32],
}

impl Ports {
    /// Those of a program that the host fills by itself.
    pub(super) fn of(program: &Program) -> Self {
        let filled = program.ports.iter().filter(|port| port.fill != Fill::Given).cloned();
        let inputs = program.by_tensor(filled, |port| port.view).into_iter();
        Ports(inputs.map(|(view, ports)| Input { view, words: vec![0; view.len as usize], ports }).collect())
    }

    /// The data set's place, for images that stay on the device.
    pub(super) fn images(&self) -> Option<View> {
        self.0.iter().find(|input| input.ports.iter().any(|port| port.fill == Fill::Images)).map(|input| input.view)
    }

    /// Fills all ports for a step.
    pub(super) fn fill(&mut self, session: &mut dyn Session, filling: Filling<'_>) {
        for Input { view, words, ports } in &mut self.0 {
            let mut is_new = false;
            for port in ports.iter() {
                let part = &mut words[port.view.offset as usize..][..port.view.len as usize];
                is_new |= fill(&port.fill, filling, part);
            }
            if is_new {
                session.write(*view, words);
            }
        }
    }
}

/// Fills one port; `false` where it keeps what it holds.
fn fill(fill: &Fill, Filling { seed, step, optimizers, batch, labels }: Filling<'_>, words: &mut [u32]) -> bool {
    match (fill, batch) {
        (Fill::Seed, _) => words.copy_from_slice(&split(seed)),
        (Fill::Step, _) => words[0] = step,
        (&Fill::Rate { network, part, updates, .. }, _) => {
            let [g, d] = optimizers;
            let optimizer = if network == "generator" { g } else { d };
            words.copy_from_slice(&optimizer.rates(step, step * updates + part + 1).map(f32::to_bits));
        }
        (&Fill::Normal { stream, part }, _) => {
            let draws = Draws::new(seed, Source { stream, part }, step);
            draws.fill_normal(bytemuck::cast_slice_mut(words));
        }
        (&Fill::Shuffled { part }, batch) => {
            let first = part as usize * words.len();
            for (index, word) in (first..).zip(words) {
                *word = if let Batch::Resident(indices) = batch { indices[index] } else { index as u32 };
            }
        }
        (&Fill::Labels { part }, _) => {
            let len = words.len();
            words.copy_from_slice(&labels[part as usize * len..][..len]);
        }
        (&Fill::Average { batch, half_life_images, ramp }, _) => {
            words[0] = average::rest(batch, half_life_images, ramp, step).to_bits();
        }
        (Fill::Images, Batch::Bytes(bytes)) => words.copy_from_slice(&pack(bytes)),
        (Fill::Images, Batch::Resident(_)) | (Fill::Given, _) => return false,
    }
    true
}
