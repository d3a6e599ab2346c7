//! The GPU: adapters, a device, and the one layout that all kernels share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::GpuError;

/// Storage buffers that a kernel reads, bindings 1 to 6; a uniform buffer is binding 0.
pub(super) const INPUTS: usize = 6;
/// Storage buffers that a kernel writes, bindings 7 and 8.
pub(super) const OUTPUTS: usize = 2;

/// A device with its queue.
#[derive(Clone)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) layout: wgpu::BindGroupLayout,
    pub(super) pipeline_layout: wgpu::PipelineLayout,
    adapter: String,
    trouble: Arc<Trouble>,
    /// Held for as long as the device: a browser's engine may take down what nothing refers to.
    _origin: Arc<(wgpu::Instance, wgpu::Adapter)>,
}

/// What went wrong on the device since it was opened.
#[derive(Default)]
struct Trouble {
    happened: AtomicBool,
    message: Mutex<String>,
}

impl Trouble {
    fn note(&self, message: String) {
        if !self.happened.swap(true, Ordering::Relaxed)
            && let Ok(mut kept) = self.message.lock()
        {
            *kept = message;
        }
    }
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gpu({})", self.adapter)
    }
}

/// The adapters of this machine, in words.
pub async fn adapters() -> Vec<String> {
    let adapters = instance().enumerate_adapters(wgpu::Backends::all()).await;
    adapters.iter().map(|adapter| describe(&adapter.get_info())).collect()
}

fn instance() -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::PRIMARY;
    wgpu::Instance::new(descriptor)
}

fn describe(info: &wgpu::AdapterInfo) -> String {
    let kind = match info.device_type {
        wgpu::DeviceType::Cpu => ", software",
        wgpu::DeviceType::IntegratedGpu => ", integrated",
        _ => "",
    };
    format!("{} ({}{kind})", if info.name.is_empty() { "unnamed" } else { &info.name }, info.backend)
}

impl Gpu {
    /// The adapter that the system takes for the most powerful one.
    ///
    /// # Errors
    /// [`GpuError::NoAdapter`], [`GpuError::Device`].
    pub async fn open() -> Result<Self, GpuError> {
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let instance = instance();
        let adapter =
            instance.request_adapter(&options).await.map_err(|error| GpuError::NoAdapter(error.to_string()))?;
        // The defaults hold everywhere; large models need what the adapter has.
        let found = adapter.limits();
        let limits = wgpu::Limits {
            max_buffer_size: found.max_buffer_size,
            max_storage_buffer_binding_size: found.max_storage_buffer_binding_size,
            ..wgpu::Limits::default()
        };
        let descriptor = wgpu::DeviceDescriptor { required_limits: limits, ..Default::default() };
        let (device, queue) =
            adapter.request_device(&descriptor).await.map_err(|error| GpuError::Device(error.to_string()))?;
        let trouble = Arc::new(Trouble::default());
        let lost = trouble.clone();
        device.set_device_lost_callback(move |reason, message| lost.note(format!("{reason:?}: {message}")));
        let wrong = trouble.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| wrong.note(error.to_string())));
        let layout = layout(&device);
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            bind_group_layouts: &[Some(&layout)],
            ..Default::default()
        });
        let name = describe(&adapter.get_info());
        let origin = Arc::new((instance, adapter));
        Ok(Self { device, queue, layout, pipeline_layout, adapter: name, trouble, _origin: origin })
    }

    /// The adapter, in words.
    pub fn adapter(&self) -> &str {
        &self.adapter
    }

    /// Whether the device still works.
    ///
    /// # Errors
    /// [`GpuError::Device`] once it was lost or refused something.
    pub fn check(&self) -> Result<(), GpuError> {
        if !self.trouble.happened.load(Ordering::Relaxed) {
            return Ok(());
        }
        let message = self.trouble.message.lock().map(|message| message.clone()).unwrap_or_default();
        Err(GpuError::Device(message))
    }

    /// A buffer of `bytes`, rounded up to whole vec4s.
    pub(super) fn buffer(&self, bytes: usize, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        let size = bytes.next_multiple_of(16).max(16) as u64;
        self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false })
    }

    /// A buffer for kernels to read, with `values` in it.
    pub(super) fn upload(&self, values: &[f32]) -> wgpu::Buffer {
        let buffer = self.buffer(size_of_val(values), wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST);
        self.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(values));
        buffer
    }

    /// The values of a buffer that was made to be mapped, or copied from one.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub(super) async fn read_mapped(&self, buffer: &wgpu::Buffer, values: usize) -> Result<Vec<f32>, GpuError> {
        let slice = buffer.slice(..(values * 4) as u64);
        let mapped = Mapped::default();
        let done = mapped.clone();
        slice.map_async(wgpu::MapMode::Read, move |result| done.finish(result.map_err(|error| error.to_string())));
        // In the browser the device is polled by the event loop.
        #[cfg(not(target_arch = "wasm32"))]
        self.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| GpuError::Device(error.to_string()))?;
        mapped.await.map_err(GpuError::Device)?;
        let view = slice.get_mapped_range().map_err(|error| GpuError::Device(error.to_string()))?;
        let found = bytemuck::pod_collect_to_vec(&view);
        drop(view);
        buffer.unmap();
        self.check()?;
        Ok(found)
    }

    /// The first `values` of any buffer that can be copied from.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub(super) async fn read(&self, buffer: &wgpu::Buffer, values: usize) -> Result<Vec<f32>, GpuError> {
        let size = (values * 4) as u64;
        let staging = self.buffer(values * 4, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, size);
        self.queue.submit([encoder.finish()]);
        self.read_mapped(&staging, values).await
    }
}

fn layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let entry = |binding: usize, ty| wgpu::BindGroupLayoutEntry {
        binding: binding as u32,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    };
    let storage = |read_only| wgpu::BufferBindingType::Storage { read_only };
    let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform)];
    entries.extend((1..=INPUTS).map(|binding| entry(binding, storage(true))));
    entries.extend((1..=OUTPUTS).map(|binding| entry(INPUTS + binding, storage(false))));
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries })
}

/// A buffer's mapping that is waited for.
#[derive(Clone, Default)]
struct Mapped(Arc<Mutex<MapState>>);

#[derive(Default)]
struct MapState {
    result: Option<Result<(), String>>,
    waker: Option<std::task::Waker>,
}

impl Mapped {
    fn finish(&self, result: Result<(), String>) {
        let Ok(mut state) = self.0.lock() else { return };
        state.result = Some(result);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

impl Future for Mapped {
    type Output = Result<(), String>;

    fn poll(self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        let Ok(mut state) = self.0.lock() else { return std::task::Poll::Ready(Err("a callback failed".into())) };
        match state.result.take() {
            Some(result) => std::task::Poll::Ready(result),
            None => {
                state.waker = Some(context.waker().clone());
                std::task::Poll::Pending
            }
        }
    }
}
