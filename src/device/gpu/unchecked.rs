//! The one `unsafe` function of the executor, safe to call with any dispatch.
#![expect(unsafe_code, reason = "fast shaders have no checks of their own")]

use crate::plan::Dispatch;

/// Compiles a dispatch's kernel; one of this crate without the index clamps and loop counters that
/// naga adds, which would slow the inner loops.
pub(super) fn shader_module(device: &wgpu::Device, dispatch: &Dispatch) -> wgpu::ShaderModule {
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(dispatch.kernel.name),
        source: wgpu::ShaderSource::Wgsl(dispatch.kernel.specialise(&dispatch.constants).into()),
    };
    if !dispatch.kernel.trusted {
        return device.create_shader_module(descriptor);
    }
    // SAFETY: only kernels of this crate are trusted. Their indices stay inside their bindings and
    // their loops end: the registry's test cases run each between guard bands at sizes that are not
    // multiples of its tiles, and `Recorder::dispatch` and `variants::of` bound the loop trips.
    // `Engine::step` checks the indices of images, which come from its caller.
    unsafe { device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
}
