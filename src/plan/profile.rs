//! What plans are shaped by: the facts of a device, and the limits that all devices have.

/// Loop trips that one invocation may take on software Vulkan; lavapipe silently stops a shader's
/// loops after 65,535 in total.
pub const MAX_LOOP_TRIPS: u32 = 32_768;

/// Workgroups that one dimension of a dispatch may have (WebGPU's core limit).
pub const MAX_WORKGROUPS: u32 = 65_535;

/// Which implementation of the linear kernel suits a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinearFamily {
    /// Tiles in workgroup memory: GPUs.
    Tile,
    /// One subgroup of 8 invocations without barriers: software Vulkan.
    Lane,
}

/// The facts of a device that shape a plan.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// The linear kernel's implementation.
    pub family: LinearFamily,
    /// Workgroups that keep the device busy.
    pub workgroups_to_fill: u32,
    /// Largest buffer that a kernel can bind, in bytes.
    pub max_binding_bytes: u64,
    /// Loop trips that one invocation may take: software Vulkan stops loops in silence, hardware
    /// does not.
    pub max_loop_trips: u32,
}

impl Profile {
    /// What every WebGPU implementation runs: the core limits, no subgroups.
    pub const PORTABLE: Profile = Profile {
        family: LinearFamily::Tile,
        workgroups_to_fill: 256,
        max_binding_bytes: 128 << 20,
        max_loop_trips: MAX_LOOP_TRIPS,
    };

    /// The host: plans for it are read by twins, which need no more workgroups than one.
    pub const HOST: Profile = Profile {
        family: LinearFamily::Tile,
        workgroups_to_fill: 1,
        max_binding_bytes: u32::MAX as u64,
        max_loop_trips: u32::MAX,
    };
}
