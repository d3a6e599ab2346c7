// Packs a check of a GPU that needs no browser: the WebGPU bundle, Dawn, two models and the golden vectors, in one folder and one archive.
//
//   node scripts/gpu-check.mjs [FOLDER]          (../target/gpu-check without one)
//
// It needs the bundles (./build.sh) and the formula's model (cargo run --release --features dicom --example formula_model -- target/browser). On a
// Linux machine (x86-64) with a Vulkan driver and Node 20 or newer:
//
//   tar xzf gpu-check.tgz && node gpu-check/check.mjs
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const folder = resolve(process.argv[2] ?? path('../../target/gpu-check'));
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const script = await rolldown({ input: path('./gpu-check/check.mjs'), platform: 'node', external: ['webgpu'] });
await script.write({ file: `${folder}/check.mjs`, format: 'esm' });
const copies = {
  '../../pkg/webgpu': 'webgpu',
  '../../pkg/cpu': 'cpu',
  '../../weights/hip.safetensors': 'hip.safetensors',
  '../../target/browser/nano.safetensors': 'nano.safetensors',
  '../../target/browser/picture.grey': 'picture.grey',
  '../../tests/fixtures/golden/nano_256.safetensors': 'golden.safetensors',
  '../node_modules/webgpu/index.js': 'node_modules/webgpu/index.js',
  '../node_modules/webgpu/package.json': 'node_modules/webgpu/package.json',
  '../node_modules/webgpu/LICENSE.md': 'node_modules/webgpu/LICENSE.md',
  '../node_modules/webgpu/dist/linux-x64': 'node_modules/webgpu/dist/linux-x64',
};
for (const [from, to] of Object.entries(copies)) cpSync(path(from), `${folder}/${to}`, { recursive: true });
execFileSync('tar', ['czf', `${folder}.tgz`, '-C', dirname(folder), basename(folder)]);
console.log(`${folder}.tgz, ${(statSync(`${folder}.tgz`).size / 1e6).toFixed(1)} MB`);
