// The whole way to a model of one's own: a cine is opened, a structure outlined on a few frames by clicks, learnt, found on all the others,
// and taken home.

import { readFileSync } from 'node:fs';
import { decodePng, unzipSync, zipSync } from '../../www/packages-for-tests';
import { expect, test, type Page } from '../../www/playwright';
import { FRAMES, greyFrame, greyPng, makeCine, SIDE } from './media';
import { complaints, onScreen, path, saved, settled, watchWorker } from './support';

const BASE = path('../../weights/hip.safetensors');
const SIZE = { width: SIDE, height: SIDE };
/** Frames of `makeCine` with their disc as label, in a trainer's folders. */
function labelledDiscs(frames: readonly number[]): Buffer {
  const label = (frame: number) => {
    const { x: x0, y: y0 } = middle(frame);
    return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => Number(Math.hypot((i % SIDE) - x0, Math.floor(i / SIDE) - y0) < RADIUS));
  };
  const files = frames.flatMap((frame) => {
    const name = `${String(frame).padStart(2, '0')}.png`;
    return [[`Train/imgs/${name}`, greyPng(greyFrame(frame))], [`Train/gts/${name}`, greyPng(label(frame))]] as const;
  });
  const description = { structures: [{ name: 'disc', color: [0, 158, 115] }] };
  return Buffer.from(zipSync({ ...Object.fromEntries(files), 'dataset.json': Buffer.from(JSON.stringify(description)) }));
}

/** A step takes half a second on a free machine, ten on a busy one. */
const LEARNT = { timeout: 240_000 };

interface Recorded {
  steps: { step: number; total: number }[];
  memory: number;
}

/** Writes down what the worker that learns tells. Call before the page is opened. */
async function watchLearner(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const learnt: Recorded = { steps: [], memory: 0 };
    Object.assign(window, { learnt });
    const Watched = window.Worker;
    window.Worker = class extends Watched {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        if (options?.name !== 'learner') return;
        this.addEventListener('message', ({ data }) => {
          if (data.type !== 'event' || data.event.kind !== 'step') return;
          learnt.steps.push(data.event.step);
          learnt.memory = data.event.memory;
        });
      }
    };
  });
}

function recorded(page: Page): Promise<Recorded> {
  return page.evaluate(() => (window as unknown as { learnt: Recorded }).learnt);
}

async function start(page: Page, steps: number): Promise<void> {
  await watchWorker(page);
  await watchLearner(page);
  await page.goto(`./?backend=cpu&steps=${steps}`);
}

/** Where the disc of `makeCine` is. */
const middle = (frame: number) => ({ x: SIDE / 2 + (SIDE / 4) * Math.sin((frame / FRAMES) * 2 * Math.PI), y: SIDE / 2 });

/** Of the disc, in pixels of the cine. */
const RADIUS = SIDE / 5;

/** Opens the cine and outlines its disc on these frames: with a click whose mask is accepted, or by a line drawn around it. */
async function label(page: Page, frames: readonly number[], how: 'click' | 'draw'): Promise<void> {
  await page.locator('#model').setInputFiles(BASE);
  await expect(page.locator('#model-status')).toContainText('hip.safetensors is ready');
  await page.locator('#files').setInputFiles(makeCine());
  await settled(page);
  await page.locator('#own-name').fill('disc');
  await page.locator('#own-add').click();
  await page.locator(how === 'click' ? '#label-outline' : '#label-draw').click();
  for (const frame of frames) {
    await page.locator('#scrub').fill(String(frame));
    await expect(page.locator('#place')).toHaveText(`${frame + 1} / ${FRAMES}`);
    await settled(page);
    const { x, y } = middle(frame);
    if (how === 'click') {
      const at = await onScreen(page, { x, y }, SIZE);
      await page.mouse.click(at.x, at.y);
    } else {
      for (let i = 0; i <= 24; i++) {
        const turn = (i / 24) * 2 * Math.PI;
        const at = await onScreen(page, { x: x + RADIUS * Math.cos(turn), y: y + RADIUS * Math.sin(turn) }, SIZE);
        await page.mouse.move(at.x, at.y);
        if (i === 0) await page.mouse.down();
      }
      await page.mouse.up();
    }
    await expect(page.locator('#prompts li')).toHaveCount(1);
    await settled(page);
    await page.locator(how === 'click' ? '#label-accept' : '#label-accept-drawing').click();
    await expect(page.locator('#prompts li')).toHaveCount(0);
    await settled(page);
  }
  await expect(page.locator('#label-place')).toContainText(`disc: ${frames.length} frames labelled`);
}

test('a cine, five frames by clicks, learnt, all segmented, masks and model taken home', async ({ page }) => {
  const errors = complaints(page);
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  await start(page, 4);
  await label(page, [1, 6, 11, 16, 21], 'click');
  await expect(page.locator('#learn-notes')).toContainText('one recording');
  expect(requests.filter((url) => url.includes('/wasm/learn/'))).toEqual([]);

  await page.locator('#learn').click();
  await expect(page.locator('#learn-status')).toContainText('of 4');
  await expect(page.locator('#learn-reason')).toContainText('disc is new to the model');
  await expect(page.locator('#learnt-models li')).toHaveCount(1, LEARNT);
  const { steps } = await recorded(page);
  expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 4 }, (_, i) => i + 1));
  expect(steps.every(({ total }) => total > 0 && Number.isFinite(total))).toBe(true);
  await expect(page.locator('#learnt-models')).toContainText('made on this device from 5 frames of test.cine');
  await expect(page.locator('#learnt-models')).toContainText(/Dice [01]\.\d\d on one frame kept apart/);
  await expect(page.locator('#learnt-notes')).toContainText('that is no validation');

  await expect(page.locator('#model-status')).toContainText('Disc.safetensors is ready: disc');
  await page.locator('#segment-all').click();
  await expect(page.locator('#answered')).toHaveText(`${FRAMES} of ${FRAMES} segmented`);
  const masks = await saved(page, '#export-masks');
  expect(Object.keys(unzipSync(masks.bytes))).toHaveLength(FRAMES);

  const model = await saved(page, '#learnt-models button[aria-label="Download Disc"]');
  expect(model.name).toBe('Disc.safetensors');
  const header = JSON.parse(model.bytes.subarray(8, 8 + Number(model.bytes.readBigUInt64LE(0))).toString());
  const card = JSON.parse(header.__metadata__.sam2rad);
  expect(card).toMatchObject({ image_size: 256, dtype: 'f16', structures: [{ name: 'disc' }], architecture: { mask_decoder: 'sam2_lora_mask_decoder' } });
  expect(card.training_data).toContain('made on this device from 5 frames of test.cine');
  expect(card.provenance).toContain('hip.safetensors');

  // Opened like any other file, it answers as before.
  await page.locator('#model').setInputFiles({ name: 'taken-home.safetensors', mimeType: 'application/octet-stream', buffer: model.bytes });
  await expect(page.locator('#model-status')).toContainText('taken-home.safetensors is ready: disc');
  await page.locator('#segment-all').click();
  await expect(page.locator('#answered')).toHaveText(`${FRAMES} of ${FRAMES} segmented`);
  expect(Object.entries(unzipSync((await saved(page, '#export-masks')).bytes)).map(([, png]) => Buffer.from(png).toString('base64'))).toEqual(
    Object.entries(unzipSync(masks.bytes)).map(([, png]) => Buffer.from(png).toString('base64')),
  );
  expect(errors).toEqual([]);
});

test('a labelled set is learnt with the losses of the command line, and a training that the tab is closed on goes on to the same curve', async ({ page, context }) => {
  const expected: number[] = JSON.parse(readFileSync(path('../fixtures/few_shot_losses.json'), 'utf8'));
  await start(page, expected.length);
  await page.locator('#model').setInputFiles(BASE);
  await expect(page.locator('#model-status')).toContainText('hip.safetensors is ready');
  await page.locator('#labels-file').setInputFiles({ name: 'discs.zip', mimeType: 'application/zip', buffer: labelledDiscs([1, 6, 11, 16]) });
  await expect(page.locator('#label-place')).toContainText('disc: 4 frames labelled');
  await page.locator('#keep-files').check();
  await page.locator('#learn').click();
  await expect(page.locator('#learnt-models li')).toHaveCount(1, LEARNT);
  const { steps: whole } = await recorded(page);
  expect(whole).toHaveLength(expected.length);
  whole.forEach(({ total }, i) => expect(Math.abs(total / expected[i]! - 1), `step ${i + 1}: ${total}`).toBeLessThan(1e-3));

  // The same frames, from the same model, once more.
  await page.locator('#model').setInputFiles(BASE);
  await expect(page.locator('#model-status')).toContainText('hip.safetensors is ready');
  await page.locator('#learn').click();
  await expect(page.locator('#learn-progress')).toHaveJSProperty('value', 2, LEARNT);
  await page.locator('#learn-pause').click();
  await expect(page.locator('#learn-status')).toContainText('Paused at step');
  await expect(page.locator('#keep-status')).toContainText('a reload brings it back');
  await page.close();

  const again = await context.newPage();
  await start(again, expected.length);
  await expect(again.locator('#learn-status')).toContainText('Learning Disc on 4 pictures was broken off');
  await expect(again.locator('#own-structures')).toContainText('disc');
  await again.locator('#learn-go-on').click();
  await expect(again.locator('#learnt-models li')).toHaveCount(2, LEARNT);
  const { steps: rest } = await recorded(again);
  expect(rest.length).toBeGreaterThan(0);
  expect(rest.length).toBeLessThan(expected.length);
  expect(rest).toEqual(whole.slice(-rest.length));
});

test('a training is stopped, and what it learnt so far is kept', async ({ page }) => {
  await start(page, 4000);
  await label(page, [1, 6, 11, 16], 'draw');
  await page.locator('#learn').click();
  await expect(page.locator('#learn-status')).toContainText(/Step \d+ of 4000/);
  // The page goes on with the model before.
  await page.locator('#scrub').fill('3');
  await settled(page);
  await page.locator('#learn-stop').click();
  await expect(page.locator('#learnt-models li')).toHaveCount(1, LEARNT);
  await page.locator('#learnt-models button[aria-label="Forget Disc"]').click();
  await page.locator('#ask').getByRole('button', { name: 'Forget it' }).click();
  await expect(page.locator('#learnt-models-panel')).toBeHidden();
});

test('what is drawn around a structure is its label, undone and done again, and leaves and comes back in the folders of a trainer', async ({ page }) => {
  await start(page, 1);
  await label(page, [1, 6], 'draw');
  await expect(page.locator('#label-next')).toContainText('most unlike');
  await page.locator('#canvas').focus();
  await page.keyboard.press('Control+z');
  await expect(page.locator('#label-place')).toContainText('one frame labelled');
  await page.keyboard.press('Control+Shift+z');
  await expect(page.locator('#label-place')).toContainText('2 frames labelled');
  const set = await saved(page, '#labels-save');
  const files = unzipSync(set.bytes);
  expect(JSON.parse(Buffer.from(files['dataset.json']!).toString()).structures).toEqual([{ name: 'disc', color: [0, 158, 115] }]);
  const masks = Object.entries(files).filter(([name]) => name.startsWith('Train/gts/'));
  expect(masks).toHaveLength(2);
  const areas = masks.map(([, png]) => [...decodePng(png).data].filter((id) => id === 1).length);
  // The line runs along the edge, in whole pixels of the screen.
  for (const area of areas) expect(Math.abs(area / (Math.PI * RADIUS ** 2) - 1)).toBeLessThan(0.06);

  await page.locator('#labels-file').setInputFiles({ name: 'labels.zip', mimeType: 'application/zip', buffer: set.bytes });
  await expect(page.locator('#source-facts')).toContainText('2 pictures');
  await expect(page.locator('#label-place')).toContainText('disc: 2 frames labelled');
  const again = unzipSync((await saved(page, '#labels-save')).bytes);
  expect(Object.keys(again).filter((name) => name.startsWith('Train/gts/')).map((name) => [...decodePng(again[name]!).data].filter((id) => id === 1).length)).toEqual(areas);
});
