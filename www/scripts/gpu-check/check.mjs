// The check that gpu-check.mjs packs: parity with the golden vectors, then the time of a frame of the hip's model, on every kernel if the
// adapter tells GPU time. Beside them the CPU bundle, on one thread.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ofBar, placesOf, readGolden } from '../../../tests/browser/golden.ts';
import { counted, gpu, HEIGHT, loadModel, picture, startBundle, WIDTH } from '../dawn.mjs';
import { kernelTimes, timeKernels } from './kernel-times.mjs';

/** Steady frames that are timed: so many, or as many as begin in this time. */
const FRAMES = 50;
const FRAMES_MS = 20_000;

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const milliseconds = (value) => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} ms`;
const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);

const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
if (adapter === null) throw new Error('Dawn finds no Vulkan driver that it takes. Is that of the graphics card installed? Of the software ones SwiftShader is taken (Chromium has it), Mesa’s is not.');
const { vendor, architecture, device, description } = adapter.info;
console.log(`${[description, device, vendor, architecture].filter(Boolean).join(', ')}; ${cpus()[0]?.model}, Node ${process.version}\n`);
row('what', 'GPU', 'CPU, one thread');
row('---', '---', '---');

timeKernels();
const onGpu = await startBundle(path('./webgpu/'));
const gpuTimes = await timesOf(onGpu);
const kernels = await kernelTimes(() => gpuTimes.see(1000));
// Its threads would listen here.
globalThis.self = Object.assign(globalThis, { addEventListener() {} });
const cpuTimes = await timesOf(await startBundle(path('./cpu/')));
const { of, name, seconds } = await parity(onGpu);

row('hip, first frame (loads and compiles)', milliseconds(gpuTimes.first), milliseconds(cpuTimes.first));
row('hip, a frame, median', milliseconds(gpuTimes.frame), milliseconds(cpuTimes.frame));
row('hip, pipelines', gpuTimes.pipelines, '');
for (const { kernel, count, ms } of kernels) row(`${kernel}, ${count} of a frame`, milliseconds(ms), '');
row(`nano_256, worst of the golden tensors (${name}), in ${seconds.toFixed(0)} s`, `${of.toFixed(2)} of its bar`, '');
process.exit(of <= 1 ? 0 : 1);

/** A model's first frame and its median frame; `see` looks at one. */
async function timesOf(module) {
  const started = performance.now();
  let model;
  const see = async (i) => {
    model.encode(picture(i), WIDTH, HEIGHT);
    await model.segment({});
  };
  const { pipelines = 0 } = await counted(async () => {
    model = await loadModel(module, path('./hip.safetensors'));
    await see(0);
  });
  const first = performance.now() - started;
  const times = [];
  for (const until = performance.now() + FRAMES_MS; times.length < FRAMES && performance.now() < until; ) {
    const before = performance.now();
    await see(times.length + 1);
    times.push(performance.now() - before);
  }
  times.sort((a, b) => a - b);
  return { first, frame: times[Math.floor(times.length / 2)], pipelines, see };
}

/** The tensor of nano_256 that is furthest from the golden one. */
async function parity(module) {
  const started = performance.now();
  const golden = readGolden(path('./golden.safetensors'));
  const model = await loadModel(module, path('./nano.safetensors'));
  const rgba = new Uint8Array(256 * 256 * 4).fill(255);
  readFileSync(path('./picture.grey')).forEach((grey, i) => rgba.fill(grey, 4 * i, 4 * i + 3));
  model.encode(rgba, 256, 256);
  const tensors = Object.entries(await model.inspect());
  const found = tensors.map(([name, values]) => ({ name, of: ofBar(golden, name, placesOf(golden, name).map((place) => values[place])) }));
  return { ...found.sort((a, b) => b.of - a.of)[0], seconds: (performance.now() - started) / 1000 };
}
