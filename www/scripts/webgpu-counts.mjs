// Counts what the WebGPU bundle asks of a GPU, in Node on Dawn, Chromium's own WebGPU (npm's `webgpu`), and fails where that is over its
// budget: a frame that streams, a prompt, and the pipelines of all modes together. The counts are the same on any GPU.
//
//   node scripts/webgpu-counts.mjs [MODEL.safetensors ...]
//
// It needs a Vulkan driver. Where there is no GPU the one that Debian's chromium brings will do:
//   XDG_RUNTIME_DIR=/tmp VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json
import { create, globals } from 'webgpu';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

const FRAME = { dispatches: 160, submits: 2, readbacks: 1, buffers: 0, bind_groups: 0, bytes_written: 300_000, pipelines: 0 };
const PROMPT = { dispatches: 60 };
const PIPELINES = 45;
const [WIDTH, HEIGHT] = [640, 480];

Object.assign(globalThis, globals);
// wgpu takes a page without a window for a worker.
globalThis.WorkerGlobalScope = class {};
// Whatever the bundle no longer refers to may be taken down: the instance is held here.
const gpu = create([]);
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

async function counted(work) {
  counts = {};
  const started = performance.now();
  await work();
  const found = { ...counts, milliseconds: Math.round(performance.now() - started) };
  counts = {};
  return found;
}

/** Grey noise, another one for each frame. */
function picture(i) {
  const rgba = new Uint8Array(WIDTH * HEIGHT * 4).fill(255);
  for (let at = 0; at < WIDTH * HEIGHT; at++) rgba.fill((at * 2654435761 + i * 97) >>> 24, 4 * at, 4 * at + 3);
  return rgba;
}

let isOver = false;
function report(what, found, budget) {
  const over = Object.keys(budget).filter((name) => (found[name] ?? 0) > budget[name]);
  isOver ||= over.length > 0;
  console.log(`${what}: ${Object.entries(found).map(([name, count]) => `${name.replaceAll('_', ' ')} ${count}`).join(', ')}`);
  for (const name of over) console.error(`error: ${what}: ${found[name]} ${name.replaceAll('_', ' ')}, the budget is ${budget[name]}`);
}

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const bundle = path('../../pkg/webgpu/');
const module = await import(`${bundle}sam2rad.js`);
await module.default({ module_or_path: readFileSync(`${bundle}sam2rad_bg.wasm`) });

const models = process.argv.slice(2);
for (const file of models.length > 0 ? models : ['hip', 'wrist'].map((name) => path(`../../weights/${name}.safetensors`))) {
  let model;
  const loaded = await counted(async () => {
    const reader = new module.ModelReader();
    reader.push(readFileSync(file));
    model = await reader.finish();
  });
  let pipelines = loaded.pipelines ?? 0;
  const name = basename(file);
  const see = async (i) => {
    model.encode(picture(i), WIDTH, HEIGHT);
    await model.segment({});
  };
  const first = await counted(() => see(0));
  pipelines += first.pipelines ?? 0;
  report(`${name}, loaded`, loaded, {});
  report(`${name}, first frame`, first, {});
  await see(1);
  report(`${name}, steady frame`, await counted(() => see(2)), FRAME);
  const points = [{ x: 320, y: 240, inside: true }];
  const prompt = await counted(() => model.segment({ mode: 'semi-autonomous', prompts: [{ structure: 0, points }] }));
  pipelines += prompt.pipelines ?? 0;
  report(`${name}, a prompt`, prompt, PROMPT);
  const all = [{ points }, { bounding_box: [100, 100, 500, 400] }, { strokes: [{ path: [[200, 200], [300, 250]], radius: 12, inside: true }] }];
  const rest = await counted(async () => {
    for (const mode of ['semi-autonomous', 'manual']) {
      for (const prompts of all) await model.segment({ mode, multimask_output: mode === 'manual', prompts: [{ structure: 0, ...prompts }] });
    }
  });
  pipelines += rest.pipelines ?? 0;
  report(`${name}, all modes`, { pipelines }, { pipelines: PIPELINES });
  model.free();
}
process.exit(isOver ? 1 : 0);
