// What leaves the page is true of what was on it: times, scales, who made it, and files that belong together.

import { decodePng, unzipSync } from '../../www/packages-for-tests';
import { expect, test } from '../../www/playwright';
import { FRAMES, makeCine, SIDE } from './media';
import { csvRows, drag, heldUp, openWithModel, saved, segmentPicture, settled } from './support';

const square = { width: SIDE, height: SIDE };

test('a scale by hand gives millimetres to distances, areas and the table, and can be taken away', async ({ page }) => {
  await openWithModel(page);
  await segmentPicture(page);
  const size = await page.locator('#source-facts').textContent().then((text) => /(\d+) × (\d+) px/.exec(text!)!.slice(1).map(Number));
  const frame = { width: size[0]!, height: size[1]! };
  await expect(page.locator('#measure-hint')).toContainText('does not say how large a pixel is');
  await page.getByRole('button', { name: 'Set scale by hand' }).click();
  await drag(page, { x: 10, y: 20 }, { x: 10, y: 220 }, frame);
  await page.locator('#scale-mm').fill('40');
  await page.keyboard.press('Enter');
  await expect(page.locator('#measure-hint')).toHaveText('In mm, by the scale that you set.');
  await expect(page.locator('#measures')).toContainText('mm²');

  await page.keyboard.press('d');
  await drag(page, { x: 20, y: 100 }, { x: 120, y: 100 }, frame);
  await expect(page.locator('#calipers')).toContainText(/Distance: (19\.[89]|20\.[012]) mm/);
  const rows = csvRows(await saved(page, '#export-csv'));
  const taken = rows.find(({ structure }) => structure === 'distance')!;
  expect(Number(taken.distance_mm)).toBeCloseTo(20, 0);
  expect(taken.mm_by).toBe('set by hand');
  expect(Number(taken.distance_mm) / Number(taken.distance_px)).toBeCloseTo(0.2, 2);

  await page.locator('#remove-scale').click();
  await expect(page.locator('#calipers')).toContainText(/Distance: (99|100|101)\.\d px/);
});

test('training data has pictures, labels of the same names, and a description, as the trainer reads them', async ({ page }) => {
  await openWithModel(page);
  await page.locator('#files').setInputFiles(makeCine());
  await settled(page);
  await page.keyboard.press('ArrowRight');
  await expect(page.locator('#answered')).toContainText('2 of');
  await settled(page);
  const { name, bytes } = await saved(page, '#export-dataset');
  expect(name).toBe('test_dataset.zip');
  const files = unzipSync(bytes);
  expect(Object.keys(files).sort()).toEqual(['Train/gts/test_0001.png', 'Train/gts/test_0002.png', 'Train/imgs/test_0001.png', 'Train/imgs/test_0002.png', 'coco.json', 'dataset.json']);
  const json = (file: string) => JSON.parse(new TextDecoder().decode(files[file]!));
  expect(json('dataset.json')).toMatchObject({ structures: [{ name: 'arc' }], spacing_mm: { 'test_0001.png': 0.25, 'test_0002.png': 0.25 } });
  const label = decodePng(files['Train/gts/test_0002.png']!);
  const shown = decodePng(files['Train/imgs/test_0002.png']!);
  expect([label.width, label.height, label.channels, shown.width, shown.height]).toEqual([SIDE, SIDE, 1, SIDE, SIDE]);
  // The square in the corner says which frame it is.
  expect(Math.abs(shown.data[(12 * SIDE + 12) * shown.channels]! - 48)).toBeLessThan(2);
  const coco = json('coco.json');
  expect(coco.images.map(({ file_name, frame, time_s }: Record<string, unknown>) => [file_name, frame, time_s])).toEqual([['Train/imgs/test_0001.png', 1, 0], ['Train/imgs/test_0002.png', 2, 0.05]]);
  await expect(page.locator('#export-status')).toContainText('Not every frame in it is marked as reviewed.');
});

test('a frame says who stands for its masks, until they change', async ({ page }) => {
  await openWithModel(page);
  await page.locator('#files').setInputFiles(makeCine());
  await settled(page);
  const madeBy = async () => csvRows(await saved(page, '#export-csv')).map(({ frame, made_by }) => [frame, made_by]);
  expect(await madeBy()).toEqual([['1', 'autonomous']]);
  await page.locator('#reviewed').check();
  expect(await madeBy()).toEqual([['1', 'reviewed']]);
  await page.locator('#canvas').focus();
  await page.keyboard.press('b');
  await drag(page, { x: 30, y: 30 }, { x: 100, y: 100 }, square);
  await expect(page.locator('#prompts li')).toHaveCount(1);
  await settled(page);
  await expect(page.locator('#reviewed')).not.toBeChecked();
  expect(await madeBy()).toEqual([['1', 'prompted']]);
});

test('every frame of a cine has its own time in the table, and the spreadsheet\'s table opens without asking', async ({ page }) => {
  await openWithModel(page);
  await page.locator('#files').setInputFiles(makeCine());
  await settled(page);
  await page.keyboard.press('End');
  await expect(page.locator('#answered')).toContainText('2 of');
  await settled(page);
  expect(csvRows(await saved(page, '#export-csv')).map(({ frame, time_s }) => [Number(frame), Number(time_s)])).toEqual([[1, 0], [FRAMES, (FRAMES - 1) * 0.05]].map(([frame, time]) => [frame, expect.closeTo(time!, 6)]));
  const { bytes } = await saved(page, '#export-csv-sheet');
  expect(bytes.subarray(0, 3)).toEqual(Buffer.from([0xef, 0xbb, 0xbf]));
});

test('measuring and writing files do not hold up the page', async ({ page }) => {
  await openWithModel(page);
  await segmentPicture(page);
  const rest = await heldUp(page);
  for (const button of ['#export-masks', '#export-coco-rle', '#export-csv', '#export-dataset']) {
    // Other programs hold the page up too: of several tries one is undisturbed.
    await expect.poll(() => heldUp(page, button)).toBeLessThan(60 + 3 * rest);
    await expect(page.locator('#export-status')).toContainText('Saved');
  }
});
