//! Devices that need not be there, as plans see them.

use dcgan_gpu::plan::{LinearFamily, MAX_LOOP_TRIPS, Profile};

/// A GPU.
pub const GPU: Profile = profile(LinearFamily::Tile, 256);
/// Software Vulkan whose subgroups are not of 8.
pub const SOFTWARE: Profile = profile(LinearFamily::Tile, 16);
/// Software Vulkan with subgroups of 8.
pub const LANES: Profile = profile(LinearFamily::Lane, 16);

const fn profile(family: LinearFamily, workgroups_to_fill: u32) -> Profile {
    Profile { family, workgroups_to_fill, max_binding_bytes: 128 << 20, max_loop_trips: MAX_LOOP_TRIPS }
}
