// The page as a person finds it: what it says, what it refuses, how it fits a screen.

import { readFileSync } from 'node:fs';
import { expect, test } from '../../www/playwright';
import { makeCine } from './media';
import { colouredPixels, complaints, model, openWithModel, path, picture, segmentPicture, serveDemo, withoutIsolation } from './support';

test('a model and a picture give an overlay, figures and the model\'s training data', async ({ page }) => {
  const errors = complaints(page);
  await openWithModel(page);
  await expect(page.locator('#backend')).toContainText('Computes on the CPU');
  await segmentPicture(page);
  await expect(page.locator('#structures')).toContainText('arc');
  // The model's own scores are not calibrated: none stands under a mask like a measurement.
  await expect(page.locator('#structures .figures').first()).toHaveText(/^(found · [\d,]+ px|absent)$/);
  await expect(page.locator('#training-data')).toContainText('these weights segment nothing');
  expect(await colouredPixels(page)).toBeGreaterThan(100);
  expect(errors).toEqual([]);
});

test('one press plays the demo with its masks', async ({ page }) => {
  const errors = complaints(page);
  await serveDemo(page, makeCine());
  await page.goto('./?backend=cpu');
  await page.getByRole('button', { name: 'See it work: simulated disc' }).click();
  await expect(page.locator('#hud-speed')).toContainText('fps');
  await expect(page.locator('#training-data')).toContainText('these weights segment nothing');
  await expect(page.locator('#welcome')).toBeHidden();
  expect(errors).toEqual([]);
});

test('the CPU bundle uses every core, and one where the page is not isolated', async ({ page }) => {
  await page.goto('./?backend=cpu');
  const cores = Math.min(8, await page.evaluate(() => navigator.hardwareConcurrency));
  await expect(page.locator('#backend')).toContainText(`the CPU, ${cores === 1 ? 'one thread' : `${cores} threads`}:`);
  const errors = complaints(page);
  await withoutIsolation(page);
  await openWithModel(page);
  await expect(page.locator('#backend')).toContainText('the CPU, one thread:');
  await segmentPicture(page);
  expect(await colouredPixels(page)).toBeGreaterThan(100);
  expect(errors).toEqual([]);
});

test('where the browser shares no memory between threads, the CPU bundle uses one', async ({ page }) => {
  const errors = complaints(page);
  await page.route('**/assets/*.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `delete globalThis.SharedArrayBuffer;${await response.text()}` });
  });
  await openWithModel(page);
  await expect(page.locator('#backend')).toContainText('the CPU, one thread:');
  await segmentPicture(page);
  expect(await colouredPixels(page)).toBeGreaterThan(100);
  expect(errors).toEqual([]);
});

test('a software adapter is passed over for the CPU, and the page says so', async ({ page }) => {
  await page.goto('./');
  await expect(page.locator('#backend')).toContainText('Computes on the CPU');
  await expect(page.locator('#backend')).toContainText(/software|no WebGPU|no graphics adapter/);
});

test('a damaged model, a picture and a text as a model are each refused with a reason', async ({ page }) => {
  await page.goto('./?backend=cpu');
  const file = readFileSync(model);
  const give = (name: string, buffer: Buffer) =>
    page.locator('#model').setInputFiles({ name, mimeType: 'application/octet-stream', buffer });
  await give('cut.safetensors', file.subarray(0, file.length - 1000));
  await expect(page.locator('#failure')).toContainText('1000 bytes are missing');
  await give('picture.safetensors', readFileSync(picture));
  await expect(page.locator('#failure')).toContainText('not a checkpoint');
  await give('weights.pt', Buffer.from('hello'));
  await expect(page.locator('#failure')).toContainText('not a checkpoint');
});

test('a refused model leaves the one before at work', async ({ page }) => {
  await openWithModel(page);
  await page.locator('#model').setInputFiles({ name: 'bad.safetensors', mimeType: 'application/octet-stream', buffer: Buffer.from('no model at all') });
  await expect(page.locator('#failure')).toContainText('bad.safetensors');
  await expect(page.locator('#model-status')).toContainText('nano at 256 px');
  await segmentPicture(page);
  expect(await colouredPixels(page)).toBeGreaterThan(100);
});

test('a damaged picture is refused and what was open stays', async ({ page }) => {
  await openWithModel(page);
  await segmentPicture(page);
  const buffer = readFileSync(picture).subarray(0, 200);
  await page.locator('#files').setInputFiles({ name: 'bad.png', mimeType: 'image/png', buffer });
  await expect(page.locator('#failure')).toContainText('“bad.png” is not a picture this browser can read, or it is damaged');
  await expect(page.locator('#source-facts')).toContainText('frame.png');
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await expect(page.locator('#failure')).toBeEmpty();
});

test('a crash at a larger image size offers a smaller one, and the picture is segmented there', async ({ page }) => {
  await openWithModel(page);
  await page.locator('#image-size').selectOption('512');
  await expect(page.locator('#model-status')).toContainText('nano at 512 px');
  // What the worker says where its memory does not grow any further.
  await page.evaluate(() => {
    const { postMessage } = Worker.prototype;
    Worker.prototype.postMessage = function (this: Worker, ...data: unknown[]) {
      if ((data[0] as { request: { type: string } }).request.type !== 'encode') return postMessage.apply(this, data as never);
      Worker.prototype.postMessage = postMessage;
      const failure = { kind: 'crash', message: 'The program stopped: unreachable.', advice: 'It has been started again.' };
      this.dispatchEvent(new MessageEvent('message', { data: { type: 'crashed', failure } }));
    };
  });
  await page.locator('#files').setInputFiles(picture);
  await page.getByRole('button', { name: 'Go on at 256 px' }).click();
  await expect(page.locator('#model-status')).toContainText('nano at 256 px');
  await expect(page.locator('#structures')).toContainText(/found|absent/);
  await expect(page.locator('#failure')).toBeEmpty();
});

test('the help lists the keys, and Escape closes it', async ({ page }) => {
  await page.goto('./?backend=cpu');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keys and gestures' })).toContainText('Play or pause');
  await page.keyboard.press('Escape');
  await expect(page.locator('#help')).toBeHidden();
});

for (const [name, width, height] of [['desktop', 1280, 800], ['tablet', 820, 1180], ['phone', 360, 740]] as const) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`the page fits ${name}, ${colorScheme}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height });
      await openWithModel(page);
      const noScrolling = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
      expect(await noScrolling()).toBe(true);
      await segmentPicture(page);
      expect(await noScrolling()).toBe(true);
      await page.screenshot({ path: path(`../../target/browser/${name}-${colorScheme}.png`), fullPage: name !== 'desktop' });
    });
  }
}

test('the bench page measures every stage', async ({ page }) => {
  const errors = complaints(page);
  await page.goto('./bench.html?backend=cpu');
  await page.locator('#model').setInputFiles(model);
  await page.locator('#runs').fill('6');
  await page.locator('#image-size').selectOption('512');
  await expect(page.locator('#model-status')).toContainText('nano at 512 px');
  await page.getByRole('button', { name: 'Measure' }).click();
  await expect(page.locator('#figures')).toContainText('picture to masks');
  await expect(page.locator('#figures')).toContainText(/at 512 px.*weights f32[^]*WASM memory \d+ MB[^]*5 runs after the first/);
  console.log(await page.locator('#figures').textContent());
  expect(errors).toEqual([]);
});

test('a bare checkpoint is converted on the page, and only its image size is asked for', async ({ page }) => {
  await page.goto('./?backend=cpu');
  // The same weights without the entry that describes them.
  const file = readFileSync(model);
  const length = Number(file.readBigUInt64LE(0));
  const { __metadata__: _, ...tensors } = JSON.parse(file.subarray(8, 8 + length).toString()) as Record<string, unknown>;
  const header = Buffer.from(JSON.stringify(tensors));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  const buffer = Buffer.concat([size, header, file.subarray(8 + length)]);
  await page.locator('#model').setInputFiles({ name: 'bare.safetensors', mimeType: 'application/octet-stream', buffer });
  // Nothing but a description says at which size such a network was trained.
  await page.getByRole('button', { name: 'Go on at 256 px' }).click();
  await expect(page.locator('#model-status')).toContainText('is ready');
  await expect(page.locator('#structures')).toContainText('structure 1');
});
