//! What a device can hold, checked before anything is allocated: a message instead of a crash, with
//! the flag that helps.

use std::hint::black_box;

use crate::error::{DeviceFailure, Error, Result};
use crate::memory::{self, Bound, Spare};
use crate::plan::{Program, Role, TensorSpec, allocated_bytes};
use crate::threads;

/// Memory for packed matrices, results, pictures and threads.
const WORKING_SPACE: u64 = 32 << 20;
/// Memory for a driver that compiles kernels for the processor.
const COMPILER: u64 = 128 << 20;

/// Where a device keeps its tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Residence {
    /// In the memory of this process: the host.
    Process,
    /// There, too, beside a driver that compiles: software adapters.
    Software,
    /// In the machine's memory, which is not counted as this process's: integrated GPUs.
    Machine,
    /// In memory of its own, of which nobody tells how much there is.
    Own,
}

/// Refuses a program with a tensor beyond `max_binding_bytes`, and one that takes more than there
/// is memory for.
///
/// # Errors
/// [`crate::error::Kind::Device`], with the tensor, both sizes and the remedy.
pub(super) fn check(program: &Program, device: &str, max_binding_bytes: u64, residence: Residence) -> Result<()> {
    for tensor in &program.tensors {
        let bytes = allocated_bytes(tensor.words);
        if bytes > max_binding_bytes {
            return Err(Error::device(format!(
                "tensor `{}` needs {} MiB, but {device} binds at most {} MiB; {}",
                tensor.label,
                bytes >> 20,
                max_binding_bytes >> 20,
                remedy_for(tensor.role)
            )));
        }
    }
    let driver = if residence == Residence::Software { COMPILER } else { 0 };
    let needed = total(program).saturating_add(working_space(program)).saturating_add(driver);
    let Some(spare) = exceeded(memory::bounds(), residence, needed, survives_threads) else { return Ok(()) };
    let (mebibytes, remedy) = (needed >> 20, remedy(program));
    let threads = if spare.bound == Bound::AddressSpace { ", or fewer threads (RAYON_NUM_THREADS)" } else { "" };
    let message = format!("{device} needs {mebibytes} MiB for this network, but {spare}; {remedy}{threads}");
    Err(Error::device_failed(DeviceFailure::OutOfMemory, message))
}

/// The bound that so many bytes in `residence` exceed: the tightest one, or the address space where
/// they do not survive the threads.
fn exceeded(
    mut bounds: Vec<Spare>,
    residence: Residence,
    needed: u64,
    survives_threads: impl FnOnce(u64) -> bool,
) -> Option<Spare> {
    bounds.retain(|spare| match residence {
        Residence::Process | Residence::Software => true,
        Residence::Machine => spare.bound == Bound::Machine,
        Residence::Own => false,
    });
    let tightest = memory::tightest(bounds.iter().copied()).filter(|spare| spare.bytes < needed);
    let address_space = || bounds.into_iter().find(|spare| spare.bound == Bound::AddressSpace);
    tightest.or_else(|| address_space().filter(|_| !survives_threads(needed)))
}

/// Memory that work takes beyond the tensors: a checkpoint, which is read back and then written,
/// and the rest.
fn working_space(program: &Program) -> u64 {
    let kept = [Role::Parameters, Role::AdamMoments, Role::RunningStatistics];
    let memory = program.memory();
    let kept = kept.iter().filter_map(|role| memory.get(role)).fold(0, |sum: u64, &bytes| sum.saturating_add(bytes));
    kept.saturating_mul(2).saturating_add(WORKING_SPACE)
}

/// Whether so many bytes of address space are there, and stay when each thread has got its share
/// of it from the allocator.
fn survives_threads(needed: u64) -> bool {
    let mut held: Vec<u8> = Vec::new();
    let is_there = usize::try_from(needed).is_ok_and(|needed| held.try_reserve_exact(needed).is_ok());
    if is_there {
        threads::settle();
    }
    // Or the compiler leaves out room that nobody uses.
    black_box(&held);
    is_there
}

/// Bytes of all tensors.
pub(super) fn total(program: &Program) -> u64 {
    program.memory().values().sum()
}

/// What makes the largest tensor of a step smaller, or what else helps.
pub(super) fn remedy(program: &Program) -> &'static str {
    if program.step.is_empty() {
        // It draws, or checks a kernel, and has no batch that anybody could choose.
        return "free some of it, or use another --device";
    }
    let bytes = |tensor: &&TensorSpec| tensor.words;
    remedy_for(program.tensors.iter().max_by_key(bytes).map_or(Role::Activations, |tensor| tensor.role))
}

fn remedy_for(role: Role) -> &'static str {
    match role {
        Role::Activations | Role::ActivationGradients | Role::StepInputs => "use a smaller --batch-size",
        Role::DataSet => "use fewer images, or --data strokes",
        Role::Parameters
        | Role::Gradients
        | Role::AdamMoments
        | Role::RunningStatistics
        | Role::Scratch
        | Role::TapLists
        | Role::LossRing => "use fewer channels or smaller images (--config)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tensor_that_is_too_large_is_named_with_what_helps() {
        let mut program = Program::default();
        program.floats("generator.1/y", Role::Activations, 1 << 20);
        program.floats("generator/parameters", Role::Parameters, 1 << 19);
        let refused = |max| check(&program, "card", max, Residence::Own).unwrap_err().to_string();
        assert_eq!(
            refused(1 << 21),
            "tensor `generator.1/y` needs 4 MiB, but card binds at most 2 MiB; use a smaller --batch-size"
        );
        program.tensors.remove(0);
        let message = check(&program, "card", 1 << 20, Residence::Own).unwrap_err().to_string();
        assert!(message.ends_with("use fewer channels or smaller images (--config)"), "{message}");
        assert!(check(&program, "card", 1 << 21, Residence::Own).is_ok());
    }

    #[test]
    fn a_checkpoint_is_read_back_and_written() {
        let mut program = Program::default();
        program.floats("y", Role::Activations, 1 << 20);
        assert_eq!(working_space(&program), WORKING_SPACE);
        program.floats("parameters", Role::Parameters, 1 << 20);
        program.floats("moments", Role::AdamMoments, 1 << 21);
        assert_eq!(working_space(&program), WORKING_SPACE + 2 * (12 << 20));
    }

    #[test]
    fn every_bound_that_applies_is_held_against_what_is_needed() {
        let spare = |bound, bytes| Spare { bound, bytes };
        let bounds = [
            spare(Bound::Machine, 100),
            spare(Bound::Cgroup, 60),
            spare(Bound::AddressSpace, 70),
            spare(Bound::Data, 80),
        ];
        let exceeded = |residence, needed, survives: bool| {
            exceeded(bounds.to_vec(), residence, needed, |_| survives).map(|spare| spare.bound)
        };
        for residence in [Residence::Process, Residence::Software] {
            assert_eq!(exceeded(residence, 60, true), None);
            assert_eq!(exceeded(residence, 61, true), Some(Bound::Cgroup));
            assert_eq!(exceeded(residence, 60, false), Some(Bound::AddressSpace), "threads take address space");
        }
        assert_eq!(exceeded(Residence::Machine, 100, false), None);
        assert_eq!(exceeded(Residence::Machine, 101, true), Some(Bound::Machine));
        assert_eq!(exceeded(Residence::Own, 101, false), None);
        assert_eq!(super::exceeded(Vec::new(), Residence::Process, 1, |_| false), None);
    }

    #[test]
    fn memory_beyond_the_machine_is_refused_before_it_is_touched() {
        let mut program = Program { step: vec![0], ..Program::default() };
        // 16 TiB in all.
        for i in 0..1024 {
            program.floats(format!("y{i}"), Role::Activations, u32::MAX.into());
        }
        let bounds = memory::bounds();
        if !bounds.is_empty() {
            let shares = check(&program, "chip", u64::MAX, Residence::Machine);
            let is_known = bounds.iter().any(|spare| spare.bound == Bound::Machine);
            assert_eq!(shares.is_err(), is_known, "{bounds:?}");
            let message = check(&program, "cpu", u64::MAX, Residence::Process).unwrap_err().to_string();
            assert!(
                message.starts_with("cpu needs 16777") && message.ends_with("use a smaller --batch-size"),
                "{message}"
            );
        }
        assert!(check(&program, "card", u64::MAX, Residence::Own).is_ok(), "a card has memory of its own");
        program.step.clear();
        assert!(remedy(&program).ends_with("use another --device"), "what draws has no batch");
    }
}
