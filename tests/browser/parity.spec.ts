// nano_256 in Chromium against the same vectors as the native tests.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test, type Page } from '../../www/playwright';
import { ofBar, placesOf, readGolden } from './golden';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const golden = readGolden(path('../fixtures/golden/nano_256.safetensors'));

/** Runs the formula's model on the formula's picture -> the sampled values of every tensor, by name. */
async function run(page: Page, bundle: 'cpu' | 'webgpu'): Promise<Record<string, number[]>> {
  const serve = (url: string, file: string) => page.route(url, (route) => route.fulfill({ body: readFileSync(path(file)) }));
  await serve('**/test/nano.safetensors', '../../target/browser/nano.safetensors');
  await serve('**/test/picture.grey', '../../target/browser/picture.grey');
  await page.goto('./');
  return page.evaluate(
    async ({ bundle, places }) => {
      const module = await import(new URL(`wasm/${bundle}/sam2rad.js`, document.baseURI).href);
      await module.default();
      const bytes = async (name: string) => new Uint8Array(await (await fetch(`test/${name}`)).arrayBuffer());
      const reader = new module.ModelReader();
      const file = await bytes('nano.safetensors');
      for (let at = 0; at < file.length; at += 1 << 20) reader.push(file.subarray(at, at + (1 << 20)));
      const model = await reader.finish();
      const rgba = new Uint8Array(256 * 256 * 4).fill(255);
      (await bytes('picture.grey')).forEach((grey, i) => rgba.fill(grey, 4 * i, 4 * i + 3));
      model.encode(rgba, 256, 256);
      const tensors: Record<string, Float32Array> = await model.inspect();
      return Object.fromEntries(Object.entries(tensors).map(([name, values]) => [name, places[name]!.map((place) => values[place]!)]));
    },
    { bundle, places: Object.fromEntries(Object.keys(golden.tensors).map((name) => [name, placesOf(golden, name)])) },
  );
}

/** Every tensor within its bar. */
function compare(found: Record<string, number[]>): void {
  const names = Object.keys(found);
  expect(names.length).toBe(16);
  const worst = names.map((name) => ({ name, of: ofBar(golden, name, found[name]!) })).sort((a, b) => b.of - a.of);
  for (const { name, of } of worst) console.log(`${name.padEnd(30)} ${of.toFixed(2)} of its bar`);
  expect(worst.filter(({ of }) => of > 1)).toEqual([]);
}

test('nano_256 is the reference on the CPU bundle', async ({ page }) => {
  compare(await run(page, 'cpu'));
});

test('nano_256 is the reference on the WebGPU bundle', async ({ page }) => {
  // A software adapter takes its time.
  test.setTimeout(20 * 60_000);
  const started = Date.now();
  // What the predictor's layers hand on is computed by the CPU from the GPU's features; all else is the GPU's own.
  compare(await run(page, 'webgpu'));
  console.log(`${((Date.now() - started) / 1000).toFixed(0)} s on the software adapter, compiling included`);
});

test('a golden video is followed forwards and backwards as the reference follows it, on the CPU bundle', async ({ page }) => {
  const video = readGolden(path('../fixtures/golden/video/video_nano_256_sam21_both_ways.safetensors'));
  const serve = (url: string, file: string) => page.route(url, (route) => route.fulfill({ body: readFileSync(path(file)) }));
  await serve('**/test/video.safetensors', '../../target/browser/video.safetensors');
  await serve('**/test/video.grey', '../../target/browser/video.grey');
  await page.goto('./');
  const found = await page.evaluate(async ({ plan }) => {
    const side = 256;
    const module = await import(new URL('wasm/cpu/sam2rad.js', document.baseURI).href);
    await module.default();
    const bytes = async (name: string) => new Uint8Array(await (await fetch(`test/${name}`)).arrayBuffer());
    const [file, picture] = [await bytes('video.safetensors'), await bytes('video.grey')];
    const reader = new module.ModelReader();
    reader.push(file);
    const model = await reader.finish();
    model.start_video(9);
    const masks: number[][] = [];
    for (const { frame, kind, points, labels, reverse } of plan) {
      // Frame t is cut from the picture, of 64 pixels more, 2 t rows down and 3 t columns to the right.
      const rgba = new Uint8Array(side * side * 4).fill(255);
      for (let i = 0; i < side * side; i++) rgba.fill(picture[(Math.floor(i / side) + 2 * frame) * (side + 64) + 3 * frame + (i % side)]!, 4 * i, 4 * i + 3);
      model.encode(rgba, side, side);
      const given = (points ?? []).map(([x, y], i) => ({ x: x * side, y: y * side, label: labels![i]! }));
      const corners = given.filter(({ label }) => label > 1).flatMap(({ x, y }) => [x, y]);
      const clicks = given.filter(({ label }) => label < 2).map(({ x, y, label }) => ({ x, y, inside: label === 1 }));
      const prompt = { structure: 0, points: clicks, ...(corners.length === 4 && { bounding_box: corners }) };
      const { logits } = kind === 'track' ? await model.follow(frame, reverse) : await model.prompt_video(frame, { mode: 'manual', prompts: [prompt] });
      masks.push([...(logits[0] as Float32Array)]);
    }
    return masks;
  }, { plan: video.plan });
  const worst = found.map((mask, i) => {
    const name = `step.${String(i).padStart(2, '0')}.pred_masks`;
    const { stride } = video.tensors[name]!;
    return { name, of: ofBar(video, name, mask.filter((_, at) => at % stride === 0)) };
  });
  for (const { name, of } of worst) console.log(`${name} ${of.toFixed(2)} of its bar`);
  expect(worst).toHaveLength(7);
  expect(worst.filter(({ of }) => of > 1)).toEqual([]);
});
