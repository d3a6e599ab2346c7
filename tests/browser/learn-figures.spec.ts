// How long it takes to learn real structures in the tab, how good they are then, and how soon the page answers meanwhile: printed, and judged
// by bars that mean something on a machine that does nothing else. The pictures are in no repository: SAM2RAD_US names the folder that has
// them, in the folders of a trainer (`echo_lv`, `hip_real`); without it these tests are left out.

import { readdirSync, readFileSync } from 'node:fs';
import { decodePng, unzipSync } from '../../www/packages-for-tests';
import { expect, test, type Page } from '../../www/playwright';
import { diceOf, labelledSet, loadBase, openLabelledDiscs, openLearning, PLAIN, recorded, start } from './learning';
import { saved, settled } from './support';

const US = process.env.SAM2RAD_US;
test.skip(US === undefined, 'SAM2RAD_US names no folder');
const SECONDS = 1000;

test.use(PLAIN);

interface LabelledFile {
  name: string;
  picture: Buffer;
  label: Buffer;
}

function read(set: string): LabelledFile[] {
  const folder = `${US}/${set}/Train`;
  const file = (name: string) => ({ name, picture: readFileSync(`${folder}/imgs/${name}`), label: readFileSync(`${folder}/gts/${name}`) });
  return readdirSync(`${folder}/gts`).sort().map(file);
}

/** Learns the labelled files with the shipped hip model as base; seconds from the press until the learnt model is loaded. */
async function learn(page: Page, structures: string[], files: readonly LabelledFile[]): Promise<number> {
  await start(page, null);
  await loadBase(page);
  await openLearning(page);
  const colors = [[0, 158, 115], [204, 121, 167]];
  await page.locator('#labels-file').setInputFiles(labelledSet(structures.map((name, i) => ({ name, color: colors[i]! })), files));
  await expect(page.locator('#label-place')).toContainText(`${structures[0]}: ${files.length} frames labelled`);
  await settled(page);
  const pressed = performance.now();
  await page.locator('#learn').click();
  await expect(page.locator('#learnt-models li')).toHaveCount(1, { timeout: 1500 * SECONDS });
  await expect(page.locator('#model-status')).toContainText(`is ready: ${structures.join(', ')}`);
  const seconds = (performance.now() - pressed) / 1000;
  const { steps, seconds: each, memory, validations } = await recorded(page);
  const sorted = [...each].sort((a, b) => a - b);
  console.log(`${files.length} files, ${structures.join(', ')}: ${seconds.toFixed(0)} s for ${steps.length} steps, of which the steps ${each.reduce((a, b) => a + b, 0).toFixed(0)} s (median ${sorted[sorted.length >> 1]!.toFixed(2)}, longest ${sorted.at(-1)!.toFixed(2)})`);
  const quarters = [0, 1, 2, 3, 4].map((quarter) => memory[Math.round((quarter / 4) * (memory.length - 1))]!);
  console.log(`memory after the first step and after each quarter: ${quarters.map((bytes) => (bytes / 2 ** 20).toFixed(0)).join(', ')} MiB`);
  console.log(`held back: ${validations.map(({ step, dice, mean_dice }) => `step ${step} ${mean_dice.toFixed(4)} (${dice.map((one) => one?.toFixed(4)).join(', ')})`).join('; ')}`);
  return seconds;
}

/** The Dice of each structure on each of the files, of the model that is loaded. */
async function judge(page: Page, files: readonly LabelledFile[], structures: number): Promise<number[][]> {
  await page.locator('#files').setInputFiles(files.map(({ name, picture }) => ({ name, mimeType: 'image/png', buffer: picture })));
  await settled(page);
  await page.locator('#segment-all').click();
  await expect(page.locator('#answered')).toHaveText(`${files.length} of ${files.length} segmented`);
  const masks = Object.values(unzipSync((await saved(page, '#export-masks')).bytes)).map((png) => decodePng(png).data);
  return files.map(({ label }, i) => {
    const truth = decodePng(label).data;
    return Array.from({ length: structures }, (_, structure) => diceOf(masks[i]!, truth, structure + 1));
  });
}

test('four frames of a left ventricle, found on the four others', async ({ page }) => {
  test.setTimeout(1800 * SECONDS);
  const files = read('echo_lv');
  const seconds = await learn(page, ['left ventricle'], files.filter((_, i) => i % 2 === 0));
  const found = (await judge(page, files.filter((_, i) => i % 2 === 1), 1)).map(([dice]) => dice!);
  const mean = found.reduce((a, b) => a + b, 0) / found.length;
  console.log(`Dice on the others: ${mean.toFixed(4)} (${found.map((dice) => dice.toFixed(3)).join(', ')})`);
  expect(mean).toBeGreaterThanOrEqual(0.85);
  expect(seconds).toBeLessThanOrEqual(180);
});

test('ten hips, two structures, within 0.02 of the command line', async ({ page }) => {
  test.setTimeout(1800 * SECONDS);
  const seconds = await learn(page, ['ilium', 'femoral head'], read('hip_real').slice(0, 10));
  const { validations } = await recorded(page);
  // SAM2RAD_NATIVE_DICE: the best held-back Dice of `sam2rad train` with the same pictures, steps and seed.
  const native = Number(process.env.SAM2RAD_NATIVE_DICE ?? NaN);
  const best = Math.max(...validations.map(({ mean_dice }) => mean_dice));
  console.log(`best held-back Dice ${best.toFixed(4)}, of the command line ${native}`);
  if (!Number.isNaN(native)) expect(Math.abs(best - native)).toBeLessThanOrEqual(0.02);
  expect(seconds).toBeLessThanOrEqual(480);
});

test('the page answers while it learns', async ({ page }) => {
  test.setTimeout(600 * SECONDS);
  await start(page, 4000);
  await openLabelledDiscs(page, [1, 6, 11, 16]);
  await page.locator('#learn').click();
  await expect(page.locator('#learn-status')).toContainText('Step', { timeout: 120 * SECONDS });
  await page.evaluate(() => {
    const found = new Map<number, { waited: number; whole: number }>();
    Object.assign(window, { found });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEventTiming & { interactionId: number })[]) {
        if (entry.interactionId === 0) continue;
        const before = found.get(entry.interactionId);
        found.set(entry.interactionId, {
          waited: Math.max(before?.waited ?? 0, entry.processingEnd - entry.startTime),
          whole: Math.max(before?.whole ?? 0, entry.duration),
        });
      }
    }).observe({ type: 'event', durationThreshold: 16 } as PerformanceObserverInit);
  });
  // What a person does meanwhile: other frames, tools, sliders, a name.
  let inputs = 0;
  const box = (await page.locator('#canvas').boundingBox())!;
  for (let round = 0; round < 25; round++) {
    await page.locator('#canvas').focus();
    for (const key of ['ArrowRight', 'v', 'i', 'h', 'h']) {
      await page.keyboard.press(key);
      await page.waitForTimeout(60);
    }
    await page.mouse.click(box.x + box.width * (0.3 + 0.015 * round), box.y + box.height / 2);
    await page.locator('#opacity').focus();
    await page.keyboard.press('ArrowLeft');
    await page.locator('#own-name').pressSequentially('a');
    inputs += 8;
    await page.waitForTimeout(100);
  }
  const { found, steps } = await page.evaluate(() => {
    const { found, learnt } = window as unknown as { found: Map<number, { waited: number; whole: number }>; learnt: { steps: unknown[] } };
    return { found: [...found.values()], steps: learnt.steps.length };
  });
  // What took less than 16 ms is not reported.
  const p95 = (of: 'waited' | 'whole') => [...found.map((one) => one[of]), ...Array<number>(Math.max(0, inputs - found.length)).fill(16)].sort((a, b) => a - b)[Math.floor(0.95 * inputs)]!;
  console.log(`${inputs} inputs during ${steps} steps, ${found.length} of them 16 ms or longer: answered by the page after p95 ${p95('waited').toFixed(0)} ms, on the screen after p95 ${p95('whole').toFixed(0)} ms`);
  expect(steps).toBeGreaterThan(2);
  expect(p95('waited')).toBeLessThanOrEqual(50);
});
