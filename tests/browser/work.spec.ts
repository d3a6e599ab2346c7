// What a person takes home, and what is there again after a crash.

import { readFileSync } from 'node:fs';
import { decodePng, unzipSync } from '../../www/packages-for-tests';
import { expect, test, type Page } from '../../www/playwright';
import { decompress } from '../../www/src/export/rle';
import { readProject } from '../../www/src/project/file';
import { FRAMES, frameOnStage, makeCine, SIDE } from './media';
import { colouredPixels, complaints, crash, onScreen, openWithModel, picture, segmentPicture, serveDemo, settled, watchWorker } from './support';

async function saved(page: Page, button: string): Promise<{ name: string; bytes: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

async function openCine(page: Page): Promise<void> {
  await openWithModel(page);
  await page.locator('#files').setInputFiles(makeCine());
  await settled(page);
}

/** A point, and a distance of half the picture's width: 64 px, 16 mm. */
async function mark(page: Page): Promise<void> {
  const at = (x: number, y: number) => onScreen(page, { x, y }, { width: SIDE, height: SIDE });
  await page.locator('#canvas').focus();
  await page.keyboard.press('i');
  const point = await at(90, 60);
  await page.mouse.click(point.x, point.y);
  await page.keyboard.press('d');
  const [from, to] = [await at(32, 100), await at(96, 100)];
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 4 });
  await page.mouse.up();
  await expect(page.locator('#prompts li')).toHaveCount(1);
  await expect(page.locator('#calipers')).toContainText(/Distance: 1[56]\.\d mm/);
  await settled(page);
}

test('a picture is measured, and its masks, overlay, table and COCO open as other programs read them', async ({ page }) => {
  const errors = complaints(page);
  await openWithModel(page);
  await segmentPicture(page);
  await expect(page.locator('#measures')).toContainText('px');
  const mask = await saved(page, '#export-masks');
  expect(mask.name).toBe('frame_mask.png');
  const ids = decodePng(mask.bytes);
  expect([ids.channels, ids.depth]).toEqual([1, 8]);
  expect(ids.text.Comment).toContain('these weights segment nothing');

  const { bytes: json } = await saved(page, '#export-coco-rle');
  const coco = JSON.parse(json.toString());
  expect(coco.images).toMatchObject([{ file_name: 'frame.png', width: ids.width, height: ids.height }]);
  expect(coco.annotations.length).toBeGreaterThan(0);
  for (const { category_id, area, segmentation } of coco.annotations) {
    expect([...ids.data].filter((id) => id === category_id)).toHaveLength(area);
    expect(decompress(segmentation.counts).filter((_, at) => at % 2 === 1).reduce((sum, run) => sum + run, 0)).toBe(area);
  }
  expect(JSON.parse((await saved(page, '#export-coco-polygons')).bytes.toString()).annotations[0].segmentation[0].length).toBeGreaterThanOrEqual(8);

  const csv = (await saved(page, '#export-csv')).bytes.toString().split('\r\n');
  expect(csv[0]).toContain('area_px,area_mm2,feret_px');
  expect(csv[1]).toContain('frame.png,1,,arc,1,');

  const overlay = decodePng((await saved(page, '#export-overlay')).bytes);
  expect([overlay.width, overlay.height]).toEqual([ids.width, ids.height + 20]);
  await expect(page.locator('#export-status')).toContainText('Saved frame_overlay');
  expect(errors).toEqual([]);
});

test('a labelled cine has every frame at its time', async ({ page }) => {
  await openCine(page);
  const { name, bytes } = await saved(page, '#export-cine');
  expect(name).toBe('test_labelled.webm');
  await page.locator('#files').setInputFiles({ name, mimeType: 'video/webm', buffer: bytes });
  await expect(page.locator('#source-facts')).toContainText(`${FRAMES} frames, 20.0 a second`);
  await expect(page.locator('#source-facts')).toContainText(`${SIDE} × ${SIDE + 20} px`);
  await settled(page);
  await page.keyboard.press('h');
  // Only the first frame was segmented; of the others the square that says which one it is comes through the lossy codec.
  await expect.poll(() => colouredPixels(page)).toBeGreaterThan(100);
  for (const frame of [7, 23]) {
    await page.locator('#scrub').fill(String(frame));
    await expect.poll(() => frameOnStage(page, { width: SIDE, height: SIDE + 20 })).toBeCloseTo(frame, 0);
    expect(await colouredPixels(page)).toBe(0);
  }
});

/** The opacity of the work that lies in the browser's storage, once a copy of its file does too. Runs in the page. */
async function keptOpacity(): Promise<number | null> {
  const done = <T>(request: IDBRequest<T>) => new Promise<T>((resolve) => (request.onsuccess = () => resolve(request.result)));
  const database = await done(indexedDB.open('sam2rad work'));
  const records = await done(database.transaction('records').objectStore('records').getAll());
  database.close();
  const work = records.find(({ project }) => project !== undefined);
  return work?.files.length === 1 ? work.project.settings.look.opacity : null;
}

test('after a crash the cine, the prompts, the distances, the crop, the masks and the frame are there again', async ({ page, context }) => {
  await openCine(page);
  await page.keyboard.press('ArrowRight');
  await expect(page.locator('#place')).toHaveText(`2 / ${FRAMES}`);
  await settled(page);
  await mark(page);
  await page.locator('#opacity').fill('0.8');
  await page.locator('#keep-files').check();
  await expect.poll(() => page.evaluate(keptOpacity)).toBe(0.8);
  await expect(page.locator('#keep-status')).toContainText('Kept in this browser: a reload brings it back');
  const { bytes: before } = await saved(page, '#export-masks');
  await crash(page);

  const again = await context.newPage();
  await watchWorker(again);
  await again.goto('./?backend=cpu');
  await expect(again.locator('#place')).toHaveText(`2 / ${FRAMES}`);
  await expect(again.locator('#model-status')).toContainText('nano.safetensors is ready');
  await expect(again.locator('#prompts li')).toHaveCount(1);
  await expect(again.locator('#calipers')).toContainText('Distance');
  await expect(again.locator('#opacity')).toHaveValue('0.8');
  await expect(again.locator('#answered')).toContainText(`of ${FRAMES} segmented`);
  // The masks are the kept ones: the model was not asked.
  expect(await again.evaluate(() => (window as unknown as { asked: { type: string }[] }).asked.filter(({ type }) => type === 'segment').length)).toBe(0);
  expect(unzipSync((await saved(again, '#export-masks')).bytes)).toEqual(unzipSync(before));
});

test('a project file brings the work to another browser, and names what is wrong with it', async ({ page, browser }) => {
  await openCine(page);
  await mark(page);
  const { name, bytes } = await saved(page, '#export-project');
  expect(name).toBe('test.sam2rad.json');
  const project = readProject(bytes.toString());
  expect(project.frames[0]!.prompts).toHaveLength(1);
  expect(project.model!.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(project.note).toContain('these weights segment nothing');

  const other = await (await browser.newContext()).newPage();
  await openWithModel(other);
  const give = (text: string) => other.locator('#project-file').setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(text) });
  await give(JSON.stringify({ ...project, version: 9 }));
  await expect(other.locator('#failure')).toContainText('saved by a newer sam2rad');
  await give(JSON.stringify({ ...project, current_frame: -1 }));
  await expect(other.locator('#failure')).toContainText('current_frame must not be negative');
  await give(bytes.toString());
  await expect(other.locator('#notice')).toContainText('This work was made on test.cine');
  await other.locator('#files').setInputFiles(makeCine());
  await expect(other.locator('#prompts li')).toHaveCount(1);
  await expect(other.locator('#calipers')).toContainText('Distance');
});

test('a link brings back the model, the demo, the frame, the prompts and the view, and earlier work stays', async ({ page, browser }) => {
  await watchWorker(page);
  await serveDemo(page, makeCine());
  await page.goto('./?backend=cpu');
  await page.getByRole('button', { name: 'See it work: simulated disc' }).click();
  await settled(page);
  await page.locator('#play').click();
  await page.locator('#scrub').fill('5');
  await expect(page.locator('#place')).toHaveText(`6 / ${FRAMES}`);
  await settled(page);
  await mark(page);
  await page.keyboard.press('+');
  await page.locator('#share').click();
  await expect(page.locator('#share-link')).toHaveValue(/#share=1\./);
  const link = await page.locator('#share-link').inputValue();

  const other = await (await browser.newContext()).newPage();
  await watchWorker(other);
  await serveDemo(other, makeCine());
  await other.goto(link.replace('#', '?backend=cpu#'));
  await expect(other.locator('#place')).toHaveText(`6 / ${FRAMES}`);
  await expect(other.locator('#prompts li')).toHaveCount(1);
  await expect(other.locator('#model-status')).toContainText('Formula is ready');
  await settled(other);
  await other.locator('#share').click();
  await expect(other.locator('#share-link')).toHaveValue(link);
});

test('what a person opened cannot be shared', async ({ page }) => {
  await openWithModel(page);
  await segmentPicture(page, picture);
  await expect(page.locator('#share')).toBeDisabled();
});
