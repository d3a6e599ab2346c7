//! A plan: kernels in their order with everything they need made beforehand, so that running it makes nothing.
//!
//! A [`Recorder`] takes operations on tensors that have no memory yet. When it is finished, tensors that are never
//! needed at the same time share buffers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::device::{Gpu, INPUTS, OUTPUTS};

/// A kernel's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    Assemble,
    Attention,
    BoxPrompt,
    Gather,
    Heads,
    Linear,
    MaskPrompt,
    Masks,
    Norm,
    Preprocess,
    Tokens,
}

impl Kernel {
    fn source(self) -> String {
        const ACTIVATION: &str = include_str!("kernels/activation.wgsl");
        const EXPONENTIAL: &str = include_str!("kernels/exponential.wgsl");
        let (source, shared) = match self {
            Self::Assemble => (include_str!("kernels/assemble.wgsl"), ""),
            Self::Attention => (include_str!("kernels/attention.wgsl"), EXPONENTIAL),
            Self::BoxPrompt => (include_str!("kernels/box_prompt.wgsl"), ""),
            Self::Gather => (include_str!("kernels/gather.wgsl"), EXPONENTIAL),
            Self::Heads => (include_str!("kernels/heads.wgsl"), ""),
            Self::Linear => (include_str!("kernels/linear.wgsl"), ACTIVATION),
            Self::MaskPrompt => (include_str!("kernels/mask_prompt.wgsl"), ACTIVATION),
            Self::Masks => (include_str!("kernels/masks.wgsl"), ""),
            Self::Norm => (include_str!("kernels/norm.wgsl"), ACTIVATION),
            Self::Preprocess => (include_str!("kernels/preprocess.wgsl"), ""),
            Self::Tokens => (include_str!("kernels/tokens.wgsl"), ACTIVATION),
        };
        format!("{source}\n{shared}")
    }
}

/// A kernel with the constants that are compiled into it, as WGSL declarations.
pub(super) type Variant = (Kernel, String);

/// The pipelines of a device, each compiled once.
#[derive(Default)]
pub(super) struct Pipelines(Mutex<HashMap<Variant, wgpu::ComputePipeline>>);

impl Pipelines {
    fn get(&self, gpu: &Gpu, variant: &Variant) -> wgpu::ComputePipeline {
        let mut pipelines = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let compile = || {
            let source = format!("{}\n{}", variant.1, variant.0.source());
            let module = gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: None,
                source: wgpu::ShaderSource::Wgsl(source.into()),
            });
            let label = format!("{:?} {}", variant.0, variant.1);
            gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(&label),
                layout: Some(&gpu.pipeline_layout),
                module: &module,
                entry_point: Some("main"),
                // Workgroup memory is set before it is read: no kernel counts on zeros there.
                compilation_options: wgpu::PipelineCompilationOptions {
                    zero_initialize_workgroup_memory: false,
                    ..Default::default()
                },
                cache: None,
            })
        };
        pipelines.entry(variant.clone()).or_insert_with(compile).clone()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.lock().map_or(0, |pipelines| pipelines.len())
    }
}

/// Rows of channels somewhere on the GPU, or to be.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    /// Pixels or tokens, of the whole batch.
    pub rows: usize,
    /// Channels.
    pub width: usize,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    /// One of the plan's own; its buffer is found when the plan is finished.
    Planned(usize),
    Fixed(wgpu::Buffer),
}

impl Tensor {
    /// All of a buffer that outlives the plan.
    pub fn fixed(buffer: &wgpu::Buffer, rows: usize, width: usize) -> Self {
        Self { rows, width, place: Place::Fixed(buffer.clone()) }
    }

    /// Values.
    pub fn len(&self) -> usize {
        self.rows * self.width
    }

    /// The buffer that outlives the plan.
    pub fn buffer(&self) -> Option<&wgpu::Buffer> {
        match &self.place {
            Place::Fixed(buffer) => Some(buffer),
            Place::Planned(_) => None,
        }
    }
}

struct Operation {
    variant: Variant,
    parameters: Vec<u32>,
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
    groups: [u32; 3],
}

/// Collects the operations of a plan.
#[derive(Default)]
pub(super) struct Recorder {
    operations: Vec<Operation>,
    /// Values of each planned tensor.
    sizes: Vec<usize>,
}

/// Parameters of a kernel, in the order of its `Params`.
pub(super) enum Parameter {
    Count(usize),
    Real(f32),
}

impl From<usize> for Parameter {
    fn from(value: usize) -> Self {
        Self::Count(value)
    }
}

impl From<f32> for Parameter {
    fn from(value: f32) -> Self {
        Self::Real(value)
    }
}

impl From<bool> for Parameter {
    fn from(value: bool) -> Self {
        Self::Count(usize::from(value))
    }
}

/// The parameters of a kernel from values of several types.
macro_rules! parameters {
    ($($value:expr),* $(,)?) => { [$($crate::gpu::plan::Parameter::from($value)),*] };
}
pub(super) use parameters;

impl Recorder {
    /// A tensor of the plan's own.
    pub fn tensor(&mut self, rows: usize, width: usize) -> Tensor {
        self.sizes.push(rows * width);
        Tensor { rows, width, place: Place::Planned(self.sizes.len() - 1) }
    }

    /// Adds a kernel; `groups` are its workgroups.
    pub fn add(
        &mut self,
        variant: Variant,
        parameters: &[Parameter],
        inputs: &[&Tensor],
        outputs: &[&Tensor],
        groups: [usize; 3],
    ) {
        let parameters = parameters.iter().map(|parameter| match parameter {
            Parameter::Count(count) => *count as u32,
            Parameter::Real(real) => real.to_bits(),
        });
        self.operations.push(Operation {
            variant,
            parameters: parameters.collect(),
            inputs: inputs.iter().copied().cloned().collect(),
            outputs: outputs.iter().copied().cloned().collect(),
            groups: groups.map(|count| count as u32),
        });
    }

    /// Finds memory for all tensors and makes everything that running needs.
    pub fn finish(self, gpu: &Gpu, pipelines: &Pipelines) -> Plan {
        let buffers = self.place_tensors(gpu);
        let alignment = gpu.device.limits().min_uniform_buffer_offset_alignment.max(256) as usize;
        let mut words = vec![0u32; self.operations.len() * alignment / 4];
        for (slot, operation) in words.chunks_exact_mut(alignment / 4).zip(&self.operations) {
            slot[..operation.parameters.len()].copy_from_slice(&operation.parameters);
        }
        let uniforms = gpu.buffer(words.len() * 4, wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST);
        gpu.queue.write_buffer(&uniforms, 0, bytemuck::cast_slice(&words));
        // What a kernel does not use is bound to something all the same.
        let nothing = [(); INPUTS + OUTPUTS].map(|()| gpu.buffer(16, wgpu::BufferUsages::STORAGE));
        let steps = self.operations.iter().enumerate().map(|(i, operation)| {
            let find = |tensor: &Tensor| match &tensor.place {
                Place::Planned(index) => buffers[*index].clone(),
                Place::Fixed(buffer) => buffer.clone(),
            };
            let mut bound: Vec<wgpu::Buffer> = nothing.to_vec();
            operation.inputs.iter().enumerate().for_each(|(at, tensor)| bound[at] = find(tensor));
            operation.outputs.iter().enumerate().for_each(|(at, tensor)| bound[INPUTS + at] = find(tensor));
            let uniform = wgpu::BufferBinding {
                buffer: &uniforms,
                offset: (i * alignment) as u64,
                size: std::num::NonZero::new(256),
            };
            let first = wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(uniform) };
            let storage = bound.iter().enumerate().map(|(at, buffer)| wgpu::BindGroupEntry {
                binding: at as u32 + 1,
                resource: buffer.as_entire_binding(),
            });
            let entries: Vec<_> = std::iter::once(first).chain(storage).collect();
            let descriptor = wgpu::BindGroupDescriptor { label: None, layout: &gpu.layout, entries: &entries };
            Step {
                pipeline: pipelines.get(gpu, &operation.variant),
                bindings: gpu.device.create_bind_group(&descriptor),
                groups: operation.groups,
            }
        });
        Plan { steps: steps.collect() }
    }

    /// A buffer for each planned tensor: freed after its last use, taken again by the next tensor that fits.
    fn place_tensors(&self, gpu: &Gpu) -> Vec<wgpu::Buffer> {
        let mut last_use = vec![0; self.sizes.len()];
        for (i, operation) in self.operations.iter().enumerate() {
            for tensor in operation.inputs.iter().chain(&operation.outputs) {
                if let Place::Planned(index) = tensor.place {
                    last_use[index] = i;
                }
            }
        }
        let mut slots: Vec<usize> = Vec::new();
        let mut free: Vec<usize> = Vec::new();
        let mut slot_of: Vec<Option<usize>> = vec![None; self.sizes.len()];
        for (i, operation) in self.operations.iter().enumerate() {
            for tensor in &operation.outputs {
                let Place::Planned(index) = tensor.place else { continue };
                if slot_of[index].is_some() {
                    continue;
                }
                let wanted = self.sizes[index];
                // The smallest that is large enough, else the largest, which grows.
                let fitting = free.iter().position_min_by(|&slot| match slots[slot] {
                    size if size >= wanted => (0, size),
                    size => (1, usize::MAX - size),
                });
                let slot = match fitting {
                    Some(at) => free.swap_remove(at),
                    None => {
                        slots.push(0);
                        slots.len() - 1
                    }
                };
                slots[slot] = slots[slot].max(wanted);
                slot_of[index] = Some(slot);
            }
            for (index, &last) in last_use.iter().enumerate() {
                if last == i
                    && let Some(slot) = slot_of[index]
                    && !free.contains(&slot)
                    && self.uses(operation, index)
                {
                    free.push(slot);
                }
            }
        }
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let slots: Vec<_> = slots.iter().map(|values| gpu.buffer(values * 4, usage)).collect();
        slot_of.iter().map(|slot| slots[slot.expect("every tensor is written before it is read")].clone()).collect()
    }

    fn uses(&self, operation: &Operation, index: usize) -> bool {
        let is_it = |tensor: &Tensor| matches!(tensor.place, Place::Planned(found) if found == index);
        operation.inputs.iter().chain(&operation.outputs).any(is_it)
    }
}

/// The position of the element with the smallest key.
trait PositionMin: Iterator + Sized {
    fn position_min_by<K: Ord>(self, key: impl Fn(Self::Item) -> K) -> Option<usize> {
        self.enumerate().map(|(i, item)| (key(item), i)).min().map(|(_, i)| i)
    }
}

impl<I: Iterator> PositionMin for I {}

struct Step {
    pipeline: wgpu::ComputePipeline,
    bindings: wgpu::BindGroup,
    groups: [u32; 3],
}

/// Kernels ready to run.
#[derive(Clone)]
pub(super) struct Plan {
    steps: Arc<[Step]>,
}

impl Plan {
    /// Adds the kernels to a command encoder.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder) {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for Step { pipeline, bindings, groups } in self.steps.iter() {
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, bindings, &[]);
            pass.dispatch_workgroups(groups[0], groups[1], groups[2]);
        }
    }

    /// How many kernels it runs.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether every kernel's workgroups are within WebGPU's bounds.
    pub fn fits(&self) -> bool {
        self.steps.iter().all(|step| step.groups.iter().all(|&count| count <= 65_535))
    }
}
