// The whole way to a model of one's own: a cine is opened, a structure outlined on a few frames by clicks, learnt, found on all the others,
// and taken home.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { decodePng, unzipSync } from '../../www/packages-for-tests';
import { expect, test } from '../../www/playwright';
import { label, LEARNT, openLabelledDiscs, PLAIN, RADIUS, recorded, start } from './learning';
import { FRAME_FOLDER, FRAMES } from './media';
import { complaints, crash, path, SAM2RAD, saved, settled } from './support';

test.use(PLAIN);

const LABELLED = [1, 6, 11, 16];
/** The losses of `sam2rad train` on those frames, by tests/learner.rs. */
const EXPECTED: number[] = JSON.parse(readFileSync(path('../fixtures/few_shot_losses.json'), 'utf8'));

function expectCurve(steps: readonly { step: number; total: number }[]): void {
  for (const { step, total } of steps) expect(Math.abs(total / EXPECTED[step - 1]! - 1), `step ${step}: ${total}`).toBeLessThan(1e-3);
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

  test.skip(!existsSync(SAM2RAD), 'target/release/sam2rad is not built');
  const [file, out] = [test.info().outputPath('Disc.safetensors'), test.info().outputPath('masks')];
  writeFileSync(file, model.bytes);
  expect(execFileSync(SAM2RAD, ['info', file]).toString()).toContain('made on this device from 5 frames of test.cine');
  execFileSync(SAM2RAD, ['segment', '--model', file, '--out', out, FRAME_FOLDER]);
  const ours = Object.values(unzipSync(masks.bytes)).map((png) => decodePng(png).data);
  ours.forEach((ids, frame) => {
    const theirs = decodePng(readFileSync(`${out}/${frame}_mask.png`)).data;
    // The page's frames are the same PNGs; a pixel on an edge may fall on its other side.
    const apart = [...ids].filter((id, i) => id !== theirs[i]).length;
    expect(apart, `frame ${frame}`).toBeLessThan(0.001 * ids.length);
  });
});

test('a labelled set is learnt with the losses of the command line, step by step', async ({ page }) => {
  await start(page, EXPECTED.length);
  await openLabelledDiscs(page, LABELLED);
  await page.locator('#learn').click();
  await expect(page.locator('#learnt-models li')).toHaveCount(1, LEARNT);
  const { steps } = await recorded(page);
  expect(steps).toHaveLength(EXPECTED.length);
  expectCurve(steps);
});

test('a training that is paused and whose tab is closed goes on to the same curve', async ({ page, context }) => {
  await start(page, 4);
  await openLabelledDiscs(page, LABELLED);
  await page.locator('#keep-files').check();
  await page.locator('#learn').click();
  await expect(page.locator('#learn-progress')).toHaveJSProperty('value', 2, LEARNT);
  await page.locator('#learn-pause').click();
  await expect(page.locator('#learn-status')).toContainText('Paused at step');
  await expect(page.locator('#keep-status')).toContainText('a reload brings it back');
  await page.close();

  const again = await context.newPage();
  await start(again, 4);
  await expect(again.locator('#learn-status')).toContainText('Learning Disc on 4 pictures was broken off');
  await expect(again.locator('#own-structures')).toContainText('disc');
  await again.locator('#learn-go-on').click();
  await expect(again.locator('#learnt-models li')).toHaveCount(1, LEARNT);
  const { steps: rest } = await recorded(again);
  expect(rest.at(-1)!.step).toBe(4);
  expect(rest.length).toBeLessThan(4);
  expectCurve(rest);
});

const KILLS = Number(process.env.SAM2RAD_KILLS ?? 1);
test('a tab that is killed at a random step goes on to the same curve', async ({ context }) => {
  test.setTimeout(300_000 + KILLS * 120_000);
  const from: number[] = [];
  for (let kill = 0; kill <= KILLS; kill++) {
    const page = await context.newPage();
    await start(page, EXPECTED.length);
    if (kill === 0) {
      await openLabelledDiscs(page, LABELLED);
      await page.locator('#learn').click();
    } else {
      await page.locator('#learn-go-on').click();
    }
    const told = async () => (await recorded(page)).steps;
    if (kill === KILLS) {
      await expect(page.locator('#learnt-models li')).toHaveCount(1, LEARNT);
      expect((await told()).at(-1)!.step).toBe(EXPECTED.length);
    } else {
      // Somewhere in what is left, but not at its end.
      const [first] = await expect.poll(told, LEARNT).not.toEqual([]).then(told);
      const until = first!.step + Math.floor(Math.random() * (EXPECTED.length - 2 - first!.step));
      await expect.poll(async () => (await told()).at(-1)!.step, LEARNT).toBeGreaterThanOrEqual(until);
    }
    const steps = await told();
    expectCurve(steps);
    from.push(steps[0]!.step);
    if (kill < KILLS) await crash(page);
    await page.close();
  }
  console.log(`${KILLS} kills; the steps it went on at: ${from.slice(1).join(', ')}`);
});

test('a thread of the program that learns ends by an error: it is said, and the training goes on from what was kept', async ({ page }) => {
  // As a panic, or memory that runs out, ends a thread.
  await page.route('**/wasm/learn/**/workerHelpers.no-bundler.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace('pkg.wbg_rayon_start_worker(data.receiver)', "await new Promise((later) => setTimeout(later, 4000)); throw new WebAssembly.RuntimeError('unreachable')") });
  });
  await start(page, 4);
  await openLabelledDiscs(page, LABELLED);
  await page.locator('#learn').click();
  await expect(page.locator('#failure')).toContainText('The learning stopped: RuntimeError: unreachable');
  await expect(page.locator('#learn-status')).toContainText('was broken off');
  await page.unroute('**/wasm/learn/**/workerHelpers.no-bundler.js');
  await page.locator('#learn-go-on').click();
  await expect(page.locator('#learnt-models li')).toHaveCount(1, LEARNT);
  const { steps } = await recorded(page);
  expectCurve(steps);
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
