// Counts what the WebGPU bundle asks of a GPU, in Node on Dawn, Chromium's own WebGPU (npm's `webgpu`), and fails where that is over its
// budget: a frame that streams, a prompt, and the pipelines of all modes together. The counts are the same on any GPU.
//
//   node scripts/webgpu-counts.mjs [MODEL.safetensors ...]
//
// It needs a Vulkan driver. Where there is no GPU the one that Debian's chromium brings will do:
//   XDG_RUNTIME_DIR=/tmp VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { counted, HEIGHT, loadModel, picture, startBundle, WIDTH } from './dawn.mjs';

const FRAME = { dispatches: 160, submits: 2, readbacks: 1, buffers: 0, bind_groups: 0, bytes_written: 300_000, pipelines: 0 };
const PROMPT = { dispatches: 60 };
const PIPELINES = 45;

let isOver = false;
function report(what, found, budget) {
  const over = Object.keys(budget).filter((name) => (found[name] ?? 0) > budget[name]);
  isOver ||= over.length > 0;
  console.log(`${what}: ${Object.entries(found).map(([name, count]) => `${name.replaceAll('_', ' ')} ${count}`).join(', ')}`);
  for (const name of over) console.error(`error: ${what}: ${found[name]} ${name.replaceAll('_', ' ')}, the budget is ${budget[name]}`);
}

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const module = await startBundle(path('../../pkg/webgpu/'));

const models = process.argv.slice(2);
for (const file of models.length > 0 ? models : ['hip', 'wrist'].map((name) => path(`../../weights/${name}.safetensors`))) {
  let model;
  const loaded = await counted(async () => {
    model = await loadModel(module, file);
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
