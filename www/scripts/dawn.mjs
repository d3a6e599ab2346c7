// The WebGPU bundle in Node on Dawn, Chromium's own WebGPU (npm's `webgpu`), with what it asks of the GPU counted. It needs a Vulkan driver.
import { create, globals } from 'webgpu';
import { readFileSync } from 'node:fs';

export const [WIDTH, HEIGHT] = [640, 480];

Object.assign(globalThis, globals);
// wgpu takes a page without a window for a worker.
globalThis.WorkerGlobalScope = class {};
// Whatever the bundle no longer refers to may be taken down: the instance is held here. Timestamps are as exact as the GPU gives them.
export const gpu = create(['disable-dawn-features=timestamp_quantization']);
Object.defineProperty((globalThis.navigator ??= {}), 'gpu', { value: gpu, configurable: true });

let counts = {};
function counting(type, method, name, amount = () => 1) {
  const original = type.prototype[method];
  type.prototype[method] = function (...args) {
    counts[name] = (counts[name] ?? 0) + amount(...args);
    return original.apply(this, args);
  };
}
counting(GPUComputePassEncoder, 'dispatchWorkgroups', 'dispatches');
counting(GPUQueue, 'submit', 'submits');
counting(GPUQueue, 'writeBuffer', 'bytes_written', (_buffer, _offset, data, _from, size) => size ?? data.byteLength);
counting(GPUBuffer, 'mapAsync', 'readbacks');
counting(GPUDevice, 'createBuffer', 'buffers');
counting(GPUDevice, 'createBindGroup', 'bind_groups');
counting(GPUDevice, 'createComputePipeline', 'pipelines');

/** What a piece of work asks of the GPU, and how long it takes. */
export async function counted(work) {
  counts = {};
  const started = performance.now();
  await work();
  const found = { ...counts, milliseconds: Math.round(performance.now() - started) };
  counts = {};
  return found;
}

/** Grey noise, another one for each frame. */
export function picture(i) {
  const rgba = new Uint8Array(WIDTH * HEIGHT * 4).fill(255);
  for (let at = 0; at < WIDTH * HEIGHT; at++) rgba.fill((at * 2654435761 + i * 97) >>> 24, 4 * at, 4 * at + 3);
  return rgba;
}

/** The bundle that lies in `folder`, which ends with a slash. */
export async function startBundle(folder) {
  const module = await import(`${folder}sam2rad.js`);
  await module.default({ module_or_path: readFileSync(`${folder}sam2rad_bg.wasm`) });
  return module;
}

export function loadModel(module, file) {
  const reader = new module.ModelReader();
  reader.push(readFileSync(file));
  return reader.finish();
}
