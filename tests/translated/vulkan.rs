//! SPIR-V of another compiler, executed by a Vulkan driver.

use std::sync::Arc;
use std::sync::mpsc;

use dcgan_gpu::error::{Error, Result};

use crate::memory::Execute;
use crate::unchecked;

/// A Vulkan device that takes any SPIR-V.
#[derive(Debug)]
pub struct Vulkan {
    name: String,
    /// Whether its subgroups have exactly 8 invocations.
    lanes: bool,
    device: wgpu::Device,
    queue: wgpu::Queue,
}

/// A kernel that is ready to run there.
#[derive(Clone, Debug)]
pub struct Kernel {
    vulkan: Arc<Vulkan>,
    name: &'static str,
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
    /// For each binding of the SPIR-V: which of the bound words it is, and whether it may be
    /// written.
    slots: Vec<(usize, bool)>,
}

impl Vulkan {
    /// Opens the first adapter.
    ///
    /// # Errors
    /// When there is none, or it does not take SPIR-V as it is.
    pub fn open() -> Result<Vulkan> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: wgpu::Backends::VULKAN,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN));
        let remedy = "install one (Debian, Ubuntu: apt install mesa-vulkan-drivers libvulkan1)";
        let adapter = adapters.into_iter().next();
        let adapter = adapter.ok_or_else(|| Error::device(format!("there is no Vulkan driver; {remedy}")))?;
        let info = adapter.get_info();
        let lanes = info.subgroup_min_size == 8 && info.subgroup_max_size == 8;
        let mut features = wgpu::Features::PASSTHROUGH_SHADERS;
        if lanes {
            features |= wgpu::Features::SUBGROUP;
        }
        let descriptor = wgpu::DeviceDescriptor {
            required_features: features,
            required_limits: adapter.limits(),
            experimental_features: unchecked::experimental_features(),
            ..Default::default()
        };
        let opened = pollster::block_on(adapter.request_device(&descriptor));
        let (device, queue) = opened.map_err(|e| Error::device(format!("cannot open {}: {e}", info.name)))?;
        Ok(Vulkan { name: info.name, lanes, device, queue })
    }

    /// The adapter's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its subgroups have exactly 8 invocations.
    pub fn has_lanes(&self) -> bool {
        self.lanes
    }

    /// SPIR-V with these entry points.
    pub fn module(&self, spirv: &[u32], entry_points: &[String]) -> wgpu::ShaderModule {
        unchecked::shader_module(&self.device, spirv, entry_points)
    }

    /// Makes a kernel of a module ready; `slots` has, for each binding of the SPIR-V, which of the
    /// bound words it is, and whether it may be written.
    pub fn kernel(
        self: &Arc<Self>,
        name: &'static str,
        module: &wgpu::ShaderModule,
        entry_point: &str,
        slots: Vec<(usize, bool)>,
    ) -> Kernel {
        let entry = |(binding, &(_, writable)): (u32, &(usize, bool))| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Storage { read_only: !writable },
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        };
        let entries: Vec<_> = (0..).zip(&slots).map(entry).collect();
        let layout = self
            .device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(name), entries: &entries });
        let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(name),
            bind_group_layouts: &[Some(&layout)],
            ..Default::default()
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(name),
            layout: Some(&pipeline_layout),
            module,
            entry_point: Some(entry_point),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        Kernel { vulkan: self.clone(), name, pipeline, layout, slots }
    }

    fn buffer(&self, words: &[u32], usage: wgpu::BufferUsages) -> wgpu::Buffer {
        let bytes: &[u8] = bytemuck::cast_slice(words);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes.len() as u64,
            usage: usage | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.queue.write_buffer(&buffer, 0, bytes);
        buffer
    }
}

impl Execute for Kernel {
    fn execute(&self, workgroups: [u32; 3], bound: &mut [Vec<u32>]) -> Result<()> {
        let Vulkan { device, queue, .. } = &*self.vulkan;
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let buffers: Vec<_> = self.slots.iter().map(|&(index, _)| self.vulkan.buffer(&bound[index], usage)).collect();
        let resources = buffers.iter().map(wgpu::Buffer::as_entire_binding);
        let entries: Vec<_> =
            (0..).zip(resources).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(self.name),
            layout: &self.layout,
            entries: &entries,
        });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(workgroups[0], workgroups[1], workgroups[2]);
        drop(pass);
        let written = self.slots.iter().zip(&buffers).filter(|((_, writable), _)| *writable);
        let copy = |(&(index, _), buffer): (&(usize, bool), &wgpu::Buffer)| {
            let staging = device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(self.name),
                size: buffer.size(),
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, buffer.size());
            (index, staging)
        };
        let copies: Vec<_> = written.map(copy).collect();
        queue.submit([encoder.finish()]);
        let failed = |cause: String| Error::device(format!("{} failed on {}: {cause}", self.name, self.vulkan.name));
        let (sender, mapped) = mpsc::channel();
        for (_, staging) in &copies {
            let sender = sender.clone();
            staging.map_async(wgpu::MapMode::Read, .., move |outcome| drop(sender.send(outcome)));
        }
        device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| failed(e.to_string()))?;
        drop(sender);
        mapped.iter().collect::<std::result::Result<(), _>>().map_err(|e| failed(e.to_string()))?;
        for (index, staging) in &copies {
            let range = staging.get_mapped_range(..).map_err(|e| failed(e.to_string()))?;
            bound[*index].copy_from_slice(&bytemuck::pod_collect_to_vec::<u8, u32>(&range));
        }
        Ok(())
    }
}
