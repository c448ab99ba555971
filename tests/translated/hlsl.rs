//! HLSL, compiled to SPIR-V by Slang and executed by a Vulkan driver.
//!
//! No compiler of Microsoft's takes part. Slang reads HLSL with a parser and a checker of its own,
//! so what is shown is that naga's text means what the WGSL means.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use dcgan_gpu::error::{Error, Result};
use dcgan_gpu::plan::ENTRY_POINT;
use naga::ShaderStage;
use naga::back::hlsl;
use rayon::prelude::*;

use crate::vulkan::{Kernel, Vulkan};
use crate::work::{Language, Specialised};

/// The language, with its compiler and the driver.
pub struct Hlsl {
    slangc: String,
    vulkan: Arc<Vulkan>,
}

impl Hlsl {
    /// Finds the compiler and the driver.
    ///
    /// # Errors
    /// When one is missing.
    pub fn open() -> Result<Hlsl> {
        let slangc = std::env::var("SLANGC").unwrap_or_else(|_| "slangc".to_string());
        let found = Command::new(&slangc).arg("-version").output();
        found.map_err(|e| {
            Error::device(format!("cannot run {slangc}: {e}; use tests/translated/run, or name it in SLANGC"))
        })?;
        Ok(Hlsl { slangc, vulkan: Arc::new(Vulkan::open()?) })
    }

    /// Whether kernels for subgroups of 8 can be executed.
    pub fn has_lanes(&self) -> bool {
        self.vulkan.has_lanes()
    }

    /// SPIR-V with an entry point for each kernel, all of which have as many bindings to read.
    fn spirv(&self, folder: &Path, kernels: &[Numbered<'_>]) -> Result<Vec<u32>> {
        let mut command = Command::new(&self.slangc);
        // Vulkan has one row of bindings where HLSL has two rows of registers: what is written
        // comes behind what is read. Slang's own optimisation is left out (-O0): it is in a library
        // that its package does not have. It warns of kernels of one module that have the same
        // registers, and of `?:` on vectors, which wgpu has DXC read as HLSL 2018 does.
        let read = kernels.first().map_or(0, |(_, (kernel, _))| reads(kernel)).to_string();
        command.args(["-target", "spirv", "-O0", "-fvk-use-entrypoint-name", "-Wno-39001", "-Wno-30056"]);
        command.args(["-fvk-t-shift", "0", "0", "-fvk-u-shift", &read, "0"]);
        for (number, (_, text)) in kernels {
            let source = folder.join(format!("{number}.hlsl"));
            let name = entry_point(*number);
            let text = text.replacen(&format!("void {ENTRY_POINT}("), &format!("void {name}("), 1);
            std::fs::write(&source, text).map_err(|e| Error::io("write", &source, &e))?;
            command.arg(source).args(["-entry", &name, "-stage", "compute"]);
        }
        let target = folder.join(format!("{}.spv", kernels.first().map_or(0, |(number, _)| *number)));
        let output = command.arg("-o").arg(&target).output();
        let output = output.map_err(|e| Error::device(format!("cannot run {}: {e}", self.slangc)))?;
        if !output.status.success() {
            let names: Vec<_> = kernels.iter().map(|(_, (kernel, _))| kernel.name).collect();
            let report = String::from_utf8_lossy(&output.stderr);
            return Err(Error::device(format!("{names:?}: {} refuses their HLSL: {report}", self.slangc)));
        }
        let bytes = std::fs::read(&target).map_err(|e| Error::io("read", &target, &e))?;
        Ok(bytemuck::pod_collect_to_vec(&bytes))
    }

    fn batch(&self, folder: &Path, kernels: &[Numbered<'_>]) -> Result<Vec<(usize, Kernel)>> {
        let spirv = self.spirv(folder, kernels)?;
        let names: Vec<_> = kernels.iter().map(|(number, _)| entry_point(*number)).collect();
        let module = self.vulkan.module(&spirv, &names);
        let kernel = |((number, (kernel, _)), name): (&Numbered<'_>, &String)| {
            // Stable: within both rows the order stays.
            let mut slots: Vec<_> = kernel.storage.iter().map(|&(_, writable)| writable).enumerate().collect();
            slots.sort_by_key(|&(_, writable)| writable);
            (*number, self.vulkan.kernel(kernel.name, &module, name, slots))
        };
        Ok(kernels.iter().zip(&names).map(kernel).collect())
    }
}

/// A kernel with its text, and its number among all.
type Numbered<'a> = (usize, &'a (Specialised, String));

/// Kernels that are compiled by one process, since Slang takes longer to start than to compile.
const BATCH: usize = 24;

/// The name of a kernel's entry point among others.
fn entry_point(number: usize) -> String {
    format!("{ENTRY_POINT}_{number}")
}

fn reads(kernel: &Specialised) -> usize {
    kernel.storage.iter().filter(|(_, writable)| !writable).count()
}

impl Language for Hlsl {
    type Compiled = Kernel;

    fn name(&self) -> String {
        format!("HLSL by Slang on {}", self.vulkan.name())
    }

    /// As wgpu's DX12 back end does it: shader model 5.1, or 6.0 where subgroups need it; registers
    /// counted in the order of the bindings, those of what is read and those of what is written.
    fn translate(&self, kernel: &Specialised) -> String {
        let mut registers = [0, 0];
        let target = |&(binding, writable): &(naga::ResourceBinding, bool)| {
            let next = &mut registers[usize::from(writable)];
            let target = hlsl::BindTarget { register: *next, ..Default::default() };
            *next += 1;
            (binding, target)
        };
        let options = hlsl::Options {
            shader_model: if kernel.subgroups { hlsl::ShaderModel::V6_0 } else { hlsl::ShaderModel::V5_1 },
            binding_map: kernel.storage.iter().map(target).collect(),
            fake_missing_bindings: false,
            zero_initialize_workgroup_memory: false,
            restrict_indexing: false,
            force_loop_bounding: false,
            ..Default::default()
        };
        let pipeline = hlsl::PipelineOptions { entry_point: Some((ShaderStage::Compute, ENTRY_POINT.to_string())) };
        let mut text = String::new();
        let written = hlsl::Writer::new(&mut text, &options, &pipeline).write(&kernel.module, &kernel.info, None);
        let reflection = written.unwrap_or_else(|error| panic!("{}: HLSL: {error}", kernel.name));
        for name in reflection.entry_point_names {
            assert_eq!(name.unwrap_or_else(|error| panic!("{}: HLSL: {error}", kernel.name)), ENTRY_POINT);
        }
        text
    }

    fn compile(&self, kernels: &[(Specialised, String)]) -> Result<Vec<Kernel>> {
        let folder = tempfile::tempdir().map_err(|e| Error::device(format!("no temporary folder: {e}")))?;
        let mut numbered: Vec<Numbered<'_>> = kernels.iter().enumerate().collect();
        numbered.sort_by_key(|(_, (kernel, _))| reads(kernel));
        let alike = numbered.chunk_by(|(_, (a, _)), (_, (b, _))| reads(a) == reads(b));
        let batches: Vec<_> = alike.flat_map(|alike| alike.chunks(BATCH)).collect();
        let compiled = batches.into_par_iter().map(|batch| self.batch(folder.path(), batch));
        let mut compiled = compiled.collect::<Result<Vec<_>>>()?.concat();
        compiled.sort_by_key(|&(number, _)| number);
        Ok(compiled.into_iter().map(|(_, kernel)| kernel).collect())
    }
}
