// Where the page computes, by a stub of the model whose bundles take a given time: on the CPU until the graphics adapter was tried on a first
// answer; the faster goes on, and that is remembered for the adapter and the model.

import { expect, test, type Page } from '../../www/playwright';
import { FRAMES, makeCine } from './media';
import { modelFile, stubModel, type StubAdapter } from './stub-model';
import { picture } from './support';

/** Far longer than a busy machine holds up a stub. */
const SLOW_MS = 1500;
const FAST: StubAdapter = { name: 'Fast card', gpu_ms: 5, cpu_ms: SLOW_MS };

interface Asked {
  type: string;
  on: string;
}

async function open(page: Page, adapter: StubAdapter): Promise<void> {
  await stubModel(page, adapter);
  await page.goto('./');
  await segment(page);
}

async function segment(page: Page, files: string | string[] = picture): Promise<void> {
  await page.locator('#model').setInputFiles(modelFile('stub.safetensors', ['ilium'], { can_follow: true }));
  await expect(page.locator('#model-status')).toContainText('is ready');
  await page.locator('#files').setInputFiles(files);
  await expect(page.locator('#structures')).toContainText('ilium');
}

/** At a second visit, where the masks of the first one's picture are kept. */
async function visitAgain(page: Page): Promise<void> {
  await page.reload();
  await segment(page, makeCine());
}

const choose = (page: Page, place: string) => page.getByRole('radiogroup', { name: 'Compute on' }).getByText(place, { exact: true }).click();
const line = (page: Page) => page.locator('#backend');
const asked = (page: Page) => page.evaluate(() => (window as unknown as { asked: Asked[] }).asked.map(({ type, on }) => ({ type, on })));
const triedOnGpu = async (page: Page) => (await asked(page)).some(({ on }) => on === 'webgpu');

test('the faster of two bundles goes on, and computes from the start at the next visit', async ({ page }) => {
  await open(page, FAST);
  await expect(line(page)).toContainText(/WebGPU: GPU [\d.]+ ms, CPU \d+ ms a frame/);
  // Nothing of it came before the first masks.
  const first = (await asked(page)).filter(({ type }) => type === 'segment' || type === 'load-model');
  expect(first.slice(0, 3)).toEqual([{ type: 'load-model', on: 'cpu' }, { type: 'segment', on: 'cpu' }, { type: 'load-model', on: 'webgpu' }]);
  await visitAgain(page);
  await expect(line(page)).toContainText(/WebGPU: GPU [\d.]+ ms, CPU \d+ ms a frame/);
  const again = async () => (await asked(page)).filter(({ type }) => type === 'segment' || type === 'load-model').map(({ on }) => on);
  await expect.poll(again).toEqual(['webgpu', 'webgpu']);
  // Of another model nothing is known: it begins on the CPU.
  await page.locator('#model').setInputFiles(modelFile('other.safetensors', ['ilium']));
  await expect(page.locator('#model-status')).toContainText('other.safetensors is ready');
  await expect(line(page)).toContainText('the CPU, one thread: the graphics adapter (Fast card) is tried with the first picture');
  await expect(line(page)).toContainText(/WebGPU: GPU [\d.]+ ms/);
});

test('a graphics adapter that is slower leaves the page on the CPU', async ({ page }) => {
  await open(page, { name: 'Slow card', gpu_ms: SLOW_MS, cpu_ms: 5 });
  await expect(line(page)).toContainText(/the CPU, one thread: GPU \d+ ms, CPU [\d.]+ ms a frame/);
});

test('a graphics adapter that draws other masks is not used, however fast', async ({ page }) => {
  await open(page, { ...FAST, name: 'Wrong card', wrong: 'masks' });
  await expect(line(page)).toContainText('the CPU, one thread: on this machine the GPU answers otherwise than the CPU');
});

test('a graphics adapter that fails while it is tried holds nobody', async ({ page }) => {
  await open(page, { ...FAST, name: 'Bad card', wrong: 'lost' });
  await expect(line(page)).toContainText('the CPU, one thread: the GPU was tried in vain (The graphics device was lost: a test)');
  await expect(page.locator('#failure')).toBeEmpty();
  // At the second visit it is tried once more; then it is left alone.
  await visitAgain(page);
  await expect(line(page)).toContainText('the GPU was tried in vain');
  await page.reload();
  await segment(page);
  await expect(line(page)).toContainText('the graphics adapter (Bad card) failed with this model');
});

test('a graphics adapter that is lost in use gives way to the CPU, and is tried again before it is used again', async ({ page }) => {
  await open(page, { ...FAST, cpu_ms: 200, wrong: 'lost later' });
  await expect(line(page)).toContainText('WebGPU: GPU');
  await page.locator('#canvas').focus();
  await page.keyboard.press('p');
  await page.locator('#canvas').click();
  await expect(page.locator('#notice')).toContainText('WebGPU failed (The graphics device was lost: a test). The page goes on with the CPU; nothing is lost.');
  await expect(page.locator('#prompts li')).toHaveCount(1);
  await expect(page.locator('#structures')).toContainText('ilium');
  await visitAgain(page);
  await expect.poll(async () => (await asked(page)).find(({ type }) => type === 'segment')).toEqual({ type: 'segment', on: 'cpu' });
});

test('a person chooses where to compute, and the page keeps to it', async ({ page }) => {
  await open(page, FAST);
  await expect(line(page)).toContainText('WebGPU: GPU');
  await choose(page, 'CPU');
  await expect(line(page)).toContainText('the CPU, one thread: you chose it');
  await page.reload();
  await segment(page);
  await expect(line(page)).toContainText('the CPU, one thread: you chose it');
  await choose(page, 'Fastest');
  await expect(line(page)).toContainText('WebGPU: GPU');
});

test('while every frame is segmented the worker stays', async ({ page }) => {
  await stubModel(page, { ...FAST, cpu_ms: 100, held: true });
  await page.goto('./');
  await segment(page, makeCine());
  await expect.poll(() => triedOnGpu(page)).toBe(true);
  await page.locator('#segment-all').click();
  await expect(page.locator('#cancel')).toBeVisible();
  await page.evaluate(() => Object.assign(window, { gpuMayLoad: true }));
  await expect(page.locator('#answered')).toHaveText(`${FRAMES} of ${FRAMES} segmented`, { timeout: 180_000 });
  await expect(line(page)).toContainText('WebGPU: GPU');
  // Its first look at a frame, which is not timed, holds nobody; the others come after.
  const segmented = (await asked(page)).filter(({ type }) => type === 'segment').map(({ on }) => on);
  const [, second] = segmented.flatMap((on, at) => (on === 'webgpu' ? [at] : []));
  expect(segmented.slice(0, second).filter((on) => on === 'cpu').length).toBeGreaterThanOrEqual(FRAMES);
});

test('a worker that follows a video stays: the trial ends', async ({ page }) => {
  await stubModel(page, { ...FAST, cpu_ms: 100, held: true });
  await page.goto('./');
  await segment(page, makeCine());
  await expect.poll(() => triedOnGpu(page)).toBe(true);
  await page.locator('#follow').click();
  await expect(page.locator('#place')).toHaveText(`${FRAMES} / ${FRAMES}`, { timeout: 180_000 });
  const found = await asked(page);
  expect(found.filter(({ type }) => type === 'follow').map(({ on }) => on)).toEqual(Array<string>(FRAMES).fill('cpu'));
  expect(found.filter(({ type }) => type === 'terminate')).toEqual([{ type: 'terminate', on: 'webgpu' }]);
  await expect(line(page)).toContainText('Computes on the CPU');
});

test('nothing is fetched for a trial while bytes may cost money', async ({ page }) => {
  await page.addInitScript(() => Object.defineProperty(navigator, 'connection', { value: { type: 'cellular', addEventListener: () => undefined } }));
  await open(page, FAST);
  await page.waitForTimeout(3000);
  expect(await triedOnGpu(page)).toBe(false);
});

test('a cine that streams is not held by the trial, and goes on with the GPU', async ({ page }) => {
  await stubModel(page, { ...FAST, cpu_ms: 100 });
  await page.goto('./');
  await segment(page, makeCine());
  await page.locator('#play').click();
  await expect(line(page)).toContainText('WebGPU: GPU');
});
