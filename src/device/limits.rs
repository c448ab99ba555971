//! What a device can hold, checked before anything is allocated: a message instead of a crash, with
//! the flag that helps.

use crate::error::{Error, Result};
use crate::plan::{Program, Role, TensorSpec, allocated_bytes};

/// Refuses a program with a tensor beyond `max_binding_bytes`, and one that takes more than the
/// machine's memory where the device lives in it (`in_host_memory`).
///
/// # Errors
/// [`crate::error::Kind::Device`], with the tensor, both sizes and the remedy.
pub(super) fn check(program: &Program, device: &str, max_binding_bytes: u64, in_host_memory: bool) -> Result<()> {
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
    match free_memory().filter(|free| in_host_memory && total(program) > *free) {
        Some(free) => Err(Error::device(format!(
            "{device} needs {} MiB for this network, but this machine has {} MiB to spare; {}",
            total(program) >> 20,
            free >> 20,
            remedy(program)
        ))),
        None => Ok(()),
    }
}

/// Bytes of all tensors.
pub(super) fn total(program: &Program) -> u64 {
    program.memory().values().sum()
}

/// What makes the largest tensor smaller.
pub(super) fn remedy(program: &Program) -> &'static str {
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

/// Bytes that this process can still allocate without swapping, where the system says so (Linux).
pub(crate) fn free_memory() -> Option<u64> {
    proc_bytes("/proc/meminfo", "MemAvailable:")
}

/// The bytes behind `key` in a file of Linux's `/proc`.
pub(crate) fn proc_bytes(file: &str, key: &str) -> Option<u64> {
    // Elsewhere such a file would be anybody's.
    let text = if cfg!(target_os = "linux") { std::fs::read_to_string(file).ok()? } else { return None };
    bytes_behind(&text, key)
}

/// The bytes behind `key` in a text that counts in kB.
fn bytes_behind(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tensor_that_is_too_large_is_named_with_what_helps() {
        let mut program = Program::default();
        program.floats("generator.1/y", Role::Activations, 1 << 20);
        program.floats("generator/parameters", Role::Parameters, 1 << 19);
        let refused = |max| check(&program, "card", max, false).unwrap_err().to_string();
        assert_eq!(
            refused(1 << 21),
            "tensor `generator.1/y` needs 4 MiB, but card binds at most 2 MiB; use a smaller --batch-size"
        );
        program.tensors.remove(0);
        let message = check(&program, "card", 1 << 20, false).unwrap_err().to_string();
        assert!(message.ends_with("use fewer channels or smaller images (--config)"), "{message}");
        assert!(check(&program, "card", 1 << 21, false).is_ok());
    }

    #[test]
    fn memory_beyond_the_machine_is_refused_before_it_is_touched() {
        let mut program = Program::default();
        // 16 TiB in all.
        for i in 0..1024 {
            program.floats(format!("y{i}"), Role::Activations, u32::MAX.into());
        }
        if free_memory().is_some() {
            let message = check(&program, "cpu", u64::MAX, true).unwrap_err().to_string();
            assert!(
                message.starts_with("cpu needs 16777") && message.ends_with("use a smaller --batch-size"),
                "{message}"
            );
        }
        assert!(check(&program, "card", u64::MAX, false).is_ok(), "a card has memory of its own");
    }

    #[test]
    fn free_memory_is_read_in_bytes() {
        let text = "MemTotal:       24617044 kB\nMemFree:         18 kB\nMemAvailable:   21536372 kB\n";
        assert_eq!(bytes_behind(text, "MemAvailable:"), Some(21_536_372 << 10));
        assert_eq!(bytes_behind("MemTotal: 1 kB\n", "MemAvailable:"), None);
    }
}
