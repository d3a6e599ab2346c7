// A structure is marked on one frame of a cine and followed through the others.

import { readFileSync } from 'node:fs';
import { expect, test, type Page } from '../../www/playwright';
import { FRAMES, makeCine, SIDE } from './media';
import { modelFile, stubModel } from './stub-model';
import { complaints, onScreen, path, settled, watchWorker } from './support';

const SIZE = { width: SIDE, height: SIDE };
const DRAWN_BOX = [
  [32, 40],
  [96, 90],
] as const;

interface Followed {
  type: string;
  at: number;
  begins: number | null;
  step: string;
}

/** What was asked of the model since the last call. */
async function followed(page: Page): Promise<Followed[]> {
  return page.evaluate(() => {
    const { asked } = window as unknown as { asked: Followed[] };
    return asked.splice(0).filter(({ type }) => type === 'follow');
  });
}

/** Once the following has ended. */
async function marked(page: Page, label: string): Promise<void> {
  await expect(page.locator('#cancel')).toBeHidden({ timeout: 180_000 });
  await expect(page.locator('#marks')).toHaveAttribute('aria-label', label);
}

async function drawBox(page: Page): Promise<void> {
  const [from, to] = await Promise.all(DRAWN_BOX.map(([x, y]) => onScreen(page, { x, y }, SIZE)));
  await page.locator('#canvas').focus();
  await page.keyboard.press('b');
  await page.mouse.move(from!.x, from!.y);
  await page.mouse.down();
  await page.mouse.move(to!.x, to!.y, { steps: 3 });
  await page.mouse.up();
  await expect(page.locator('#prompts li')).toHaveCount(1);
}

async function goTo(page: Page, frame: number): Promise<void> {
  await page.locator('#scrub').fill(String(frame));
  await expect(page.locator('#place')).toHaveText(`${frame + 1} / ${FRAMES}`);
}

async function csv(page: Page): Promise<string[][]> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#export-csv').click()]);
  const lines = readFileSync(await download.path(), 'utf8').trim().split('\n');
  return lines.filter((line) => !line.startsWith('#')).map((line) => line.trim().split(','));
}

test('a box on one frame is followed to the end and to the start, and a correction from its frame on alone', async ({ page }) => {
  await stubModel(page);
  await page.goto('./');
  await page.locator('#files').setInputFiles([modelFile('memory.safetensors', ['head'], { can_follow: true })]);
  await expect(page.locator('#model-status')).toContainText('memory.safetensors is ready');
  await page.locator('#files').setInputFiles(makeCine());
  // The first frame has an answer of its own, which a followed one takes the place of.
  await expect(page.locator('#answered')).toHaveText(`1 of ${FRAMES} segmented`);
  await goTo(page, 3);
  await drawBox(page);
  await followed(page);

  await page.locator('#follow').click();
  await marked(page, `Frames: 1 prompted, ${FRAMES - 4} followed, 0 to look at`);
  const toEnd = await followed(page);
  expect(toEnd.map(({ at }) => at)).toEqual(Array.from({ length: FRAMES - 3 }, (_, i) => i + 3));
  expect(toEnd.map(({ begins }) => begins)).toEqual([FRAMES, ...Array<null>(FRAMES - 4).fill(null)]);
  expect(toEnd.map(({ step }) => step)).toEqual(['prompted', ...Array<string>(FRAMES - 4).fill('followed')]);
  await expect(page.locator('#place')).toHaveText(`${FRAMES} / ${FRAMES}`);

  await goTo(page, 3);
  await page.locator('#follow-back').click();
  await marked(page, `Frames: 1 prompted, ${FRAMES - 1} followed, 0 to look at`);
  // The video goes on: what is remembered of the end stays.
  expect((await followed(page)).map(({ at, begins }) => [at, begins])).toEqual([3, 2, 1, 0].map((at) => [at, null]));

  // A correction: what was followed beyond it is of another mask than before; what lies before it stays.
  await goTo(page, 6);
  await drawBox(page);
  await marked(page, 'Frames: 2 prompted, 5 followed, 0 to look at');
  await followed(page);
  await page.locator('#follow').click();
  await marked(page, `Frames: 2 prompted, ${FRAMES - 2} followed, 0 to look at`);
  expect((await followed(page)).map(({ at }) => at)).toEqual(Array.from({ length: FRAMES - 6 }, (_, i) => i + 6));

  const [head, ...rows] = await csv(page);
  const column = head!.indexOf('made_by');
  const madeBy = rows.map((row) => row[column]);
  expect(madeBy).toEqual(Array.from({ length: FRAMES }, (_, i) => (i === 3 || i === 6 ? 'prompted' : 'followed')));
});

test('frames that were followed are there again after a reload', async ({ page }) => {
  await stubModel(page);
  await page.goto('./');
  await page.locator('#files').setInputFiles([modelFile('memory.safetensors', ['head'], { can_follow: true })]);
  await expect(page.locator('#model-status')).toContainText('memory.safetensors is ready');
  await page.locator('#files').setInputFiles(makeCine());
  await drawBox(page);
  await page.locator('#follow').click();
  const label = `Frames: 1 prompted, ${FRAMES - 1} followed, 0 to look at`;
  await marked(page, label);
  await page.waitForTimeout(1500);
  await page.reload();
  await page.locator('#files').setInputFiles([modelFile('memory.safetensors', ['head'], { can_follow: true })]);
  await page.locator('#files').setInputFiles(makeCine());
  await marked(page, label);
});

test('a model without a memory offers no following, and a frame without a mask says what to do', async ({ page }) => {
  await stubModel(page);
  await page.goto('./');
  await page.locator('#files').setInputFiles([modelFile('plain.safetensors', ['head'])]);
  await page.locator('#files').setInputFiles(makeCine());
  await expect(page.locator('#place')).toHaveText(`1 / ${FRAMES}`);
  await expect(page.locator('#follow')).toBeHidden();
  await page.locator('#files').setInputFiles([modelFile('memory.safetensors', ['head'], { manual_only: true, can_follow: true })]);
  await expect(page.locator('#model-status')).toContainText('memory.safetensors is ready');
  await page.locator('#follow').click();
  await expect(page.locator('#failure')).toContainText('There is nothing to follow on this frame.');
});

test('SAM 2’s memory follows a box in the CPU bundle', async ({ page }) => {
  test.setTimeout(5 * 60_000);
  const errors = complaints(page);
  await watchWorker(page);
  await page.goto('./');
  await page.locator('#files').setInputFiles([path('../../target/browser/video.safetensors')]);
  await expect(page.locator('#model-status')).toContainText('video.safetensors is ready', { timeout: 120_000 });
  await page.locator('#files').setInputFiles(makeCine());
  await goTo(page, FRAMES - 4);
  await drawBox(page);
  await settled(page);
  await page.locator('#follow').click();
  await expect(page.locator('#marks')).toHaveAttribute('aria-label', /^Frames: 1 prompted, 3 followed/, { timeout: 120_000 });
  const [head, ...rows] = await csv(page);
  const [frame, madeBy] = [head!.indexOf('frame'), head!.indexOf('made_by')];
  const found = new Map(rows.map((row) => [Number(row[frame]), row[madeBy]]));
  expect([...found.keys()].filter((at) => at > FRAMES - 4).map((at) => found.get(at))).toEqual(['prompted', 'followed', 'followed', 'followed']);
  expect(errors).toEqual([]);
});
