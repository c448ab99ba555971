//! The unsafe calls of these tests: wgpu is given SPIR-V that it does not look at.
#![expect(unsafe_code, reason = "what another compiler made of a kernel can only be run as it is")]

use std::borrow::Cow;

/// Leave to use what wgpu calls experimental, as SPIR-V that it has not made itself.
pub fn experimental_features() -> wgpu::ExperimentalFeatures {
    // SAFETY: a mistake of wgpu's can only spoil this test process, whose results are compared.
    unsafe { wgpu::ExperimentalFeatures::enabled() }
}

/// A module of SPIR-V with these entry points, taken as it is.
pub fn shader_module(device: &wgpu::Device, spirv: &[u32], entry_points: &[String]) -> wgpu::ShaderModule {
    let entry_point = |name: &String| wgpu::PassthroughShaderEntryPoint {
        name: Cow::Owned(name.clone()),
        workgroup_size: (0, 0, 0), // which Vulkan finds in the SPIR-V
    };
    let descriptor = wgpu::ShaderModuleDescriptorPassthrough {
        entry_points: entry_points.iter().map(entry_point).collect(),
        spirv: Some(Cow::Borrowed(spirv)),
        ..Default::default()
    };
    // SAFETY: a compiler made it of kernels of this crate, whose indices stay inside their bindings
    // and whose loops end: see `src/device/gpu/unchecked.rs`.
    unsafe { device.create_shader_module_passthrough(descriptor) }
}
