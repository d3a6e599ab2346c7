// A model of one's own is learnt further: another structure beside those it knows, and a look at both models on one frame.

import { decodePng, unzipSync } from '../../www/packages-for-tests';
import { expect, test, type Page } from '../../www/playwright';
import { addStructure, diceOf, drawAround, LEARNT, openLearning, PLAIN, start } from './learning';
import { path, saved, settled } from './support';

test.use(PLAIN);

const CINE = path('../../weights/hip.cine');
const SIZE = { width: 344, height: 161 };
const LABELLED = [60, 40, 20, 0];

/** Outlines a circle on some frames as a structure of its own, the first one last. */
async function label(page: Page, name: string, middle: { x: number; y: number }): Promise<void> {
  await addStructure(page, name);
  await page.locator('#label-draw').click();
  for (const frame of LABELLED) {
    await page.locator('#scrub').fill(String(frame));
    await settled(page);
    await drawAround(page, middle, 20, SIZE);
    await page.locator('#label-accept-drawing').click();
    await settled(page);
  }
  await expect(page.locator('#label-place')).toContainText(`${name}: 4 frames labelled`);
}

/** The class ids of the first frame. */
async function masks(page: Page): Promise<ArrayLike<number>> {
  await settled(page);
  const { bytes } = await saved(page, '#export-masks');
  const png = bytes.subarray(0, 2).toString() === 'PK' ? Object.entries(unzipSync(bytes)).sort(([a], [b]) => (a < b ? -1 : 1))[0]![1] : bytes;
  return decodePng(png).data;
}

/** How many pixels of the stage's halves are red. */
function red(page: Page): Promise<[left: number, right: number]> {
  return page.locator('#canvas').evaluate((canvas: HTMLCanvasElement) => {
    const { data, width } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    const count: [number, number] = [0, 0];
    for (let i = 0; i < data.length; i += 4) if (data[i]! > 150 && data[i]! > data[i + 1]! + 120 && data[i]! > data[i + 2]! + 120) count[(i / 4) % width < width / 2 ? 0 : 1]++;
    return count;
  });
}

test('another structure is learnt beside those of the base, one more in a second round, and a wipe shows base and mine on one frame', async ({ page }) => {
  test.setTimeout(600_000);
  await start(page, 12);
  await page.getByRole('group', { name: 'Models that ship' }).getByRole('button', { name: 'Hip' }).click();
  await expect(page.locator('#model-status')).toContainText('Hip is ready: ilium, femoral head');
  await page.locator('#files').setInputFiles(CINE);
  const base = await masks(page);
  for (const id of [1, 2]) expect([...Array(base.length).keys()].filter((i) => base[i] === id).length, `structure ${id}`).toBeGreaterThan(100);

  await openLearning(page);
  await label(page, 'mark', { x: 60, y: 80 });
  await page.locator('#learn-keep').check();
  await page.locator('#learn').click();
  await expect(page.locator('#model-status')).toContainText('Mark.safetensors is ready: ilium, femoral head, mark', LEARNT);
  const first = await masks(page);
  for (const id of [1, 2]) expect(diceOf(first, base, id), `structure ${id} after a round`).toBeGreaterThan(0.9);

  // The base on the left of the line; mine has the ilium in red.
  await page.locator('#structures input[type=color]').first().fill('#ff0000');
  await expect.poll(async () => Math.max(...(await red(page)))).toBeGreaterThan(50);
  const mine = await red(page);
  await page.getByRole('button', { name: 'Compare with Hip' }).click();
  await page.locator('#wipe').fill('1');
  await expect.poll(() => red(page)).toEqual([0, 0]);
  await page.locator('#wipe').fill('0.5');
  // Half of the stage is half of the picture; at the line itself some of a contour is hidden.
  await expect.poll(async () => (await red(page))[1]).toBeGreaterThan(0.8 * mine[1]);
  const [left, right] = await red(page);
  expect(left).toBe(0);
  expect(right).toBeLessThanOrEqual(mine[1]);
  await page.locator('#wipe').fill('0');
  await expect.poll(() => red(page)).toEqual(mine);
  await page.getByRole('button', { name: 'End the comparison' }).click();
  await expect(page.locator('#wipe')).toBeHidden();

  await label(page, 'second', { x: 280, y: 80 });
  // What was learnt here is kept without being asked for.
  await expect(page.locator('#learn-keep')).toBeChecked();
  await page.locator('#learn').click();
  await expect(page.locator('#model-status')).toContainText('Mark-second.safetensors is ready: ilium, femoral head, mark, second', LEARNT);
  await expect(page.locator('#learnt-models li')).toHaveCount(2);
  await page.getByRole('button', { name: 'Compare with Mark.safetensors' }).click();
  await expect(page.locator('#wipe')).toBeVisible();
  await expect(page.locator('#failure')).toBeHidden();
});
