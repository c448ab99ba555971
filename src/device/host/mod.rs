//! The host executor: runs plans on the kernels' twins.

mod interpreter;
mod session;

use crate::kernels;
use crate::plan::Kernel;
use crate::twin::{Twin, Twinned};
pub use interpreter::Interpreter;
pub use session::HostSession;
pub(super) use session::check;

/// The twin of a kernel: that of this crate's registry, or one of `others`.
///
/// # Panics
/// If there is none: a program was loaded without the twins of its own kernels
/// ([`crate::device::Device::load_with`]).
pub fn twin(kernel: &Kernel, others: &'static [Twinned]) -> Twin {
    let found = kernels::registry().chain(others).find(|twinned| twinned.kernel.name == kernel.name);
    found.unwrap_or_else(|| panic!("kernel {} has no twin on the host", kernel.name)).twin
}
