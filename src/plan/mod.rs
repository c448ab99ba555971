//! A recorded computation as plain data: no wgpu, no closures, nothing that computes.
//!
//! A [`Program`] is executed by a GPU ([`crate::device::gpu`]) or by the kernels' twins on the host
//! ([`crate::device::host`]), and can be written out for any other executor.

mod bundle;
mod kernel;
mod ports;
mod profile;
mod program;
mod recorder;
mod view;

pub use bundle::{BUNDLE_VERSION, bundle};
pub use kernel::{Binding, Bound, Constant, Constants, ENTRY_POINT, Element, Kernel, Reflection};
pub use ports::{Begins, Fall, Fill, OutputPort, Port, Recorded, Ring, Stored};
pub use profile::{LinearFamily, MAX_LOOP_TRIPS, MAX_WORKGROUPS, Profile};
pub use program::{Dispatch, Plan, Program, Role, TensorSpec, allocated_bytes};
pub use recorder::{Launch, Recorder, flat_workgroups};
pub use view::{ALIGNMENT, TensorId, View};
