// Each kind of source: opened, shown, segmented.

import { readFileSync } from 'node:fs';
import { expect, test, type Page } from '../../www/playwright';
import { FRAME_FOLDER, FRAMES, frameOnStage, greyFrame, greyPng, makeCine, SIDE } from './media';
import { complaints, onScreen, openWithModel, path, segmentPicture, settled } from './support';

async function hideMasks(page: Page): Promise<void> {
  await page.keyboard.press('h');
}

test('several pictures become a strip, in the order people count', async ({ page }) => {
  const errors = complaints(page);
  await openWithModel(page);
  const file = (frame: number) => ({ name: `picture ${frame}.png`, mimeType: 'image/png', buffer: greyPng(greyFrame(frame)) });
  await page.locator('#files').setInputFiles([file(10), file(2), file(1)]);
  await settled(page);
  await hideMasks(page);
  const strip = page.locator('#strip button');
  await expect(strip).toHaveCount(3);
  expect(await strip.evaluateAll((buttons) => buttons.map((button) => (button as HTMLElement).title))).toEqual(['picture 1.png', 'picture 2.png', 'picture 10.png']);
  await expect(page.locator('#place')).toHaveText('1 / 3');
  await page.keyboard.press('ArrowRight');
  await expect(page.locator('#place')).toHaveText('2 / 3');
  await expect.poll(() => frameOnStage(page)).toBeCloseTo(2, 0);
  await strip.nth(2).click();
  await expect.poll(() => frameOnStage(page)).toBeCloseTo(10, 0);
  await expect(strip.nth(2)).toHaveAttribute('aria-current', 'true');
  expect(errors).toEqual([]);
});

test('a folder is opened with all its pictures', async ({ page }) => {
  makeCine();
  await openWithModel(page);
  await page.locator('#folder').setInputFiles(FRAME_FOLDER);
  await expect(page.locator('#strip button')).toHaveCount(FRAMES);
});

for (const type of ['jpeg', 'webp', 'bmp'] as const) {
  test(`a ${type} picture is opened`, async ({ page }) => {
    await openWithModel(page);
    const bytes = type === 'bmp' ? bmp(greyFrame(5)) : await encode(page, `image/${type}`, greyPng(greyFrame(5)));
    await page.locator('#files').setInputFiles({ name: `five.${type}`, mimeType: `image/${type}`, buffer: bytes });
    await settled(page);
    await hideMasks(page);
    await expect.poll(() => frameOnStage(page)).toBeCloseTo(5, 0);
  });
}

test('a cine knows its time and its spacing, and steps frame by frame', async ({ page }) => {
  const errors = complaints(page);
  await openWithModel(page);
  await page.locator('#files').setInputFiles(makeCine());
  await expect(page.locator('#source-facts')).toContainText(`${FRAMES} frames, 20.0 a second`);
  await expect(page.locator('#source-facts')).toContainText('0.250 × 0.250 mm a pixel');
  await settled(page);
  await hideMasks(page);
  for (const frame of [1, 2, 3]) {
    await page.getByRole('button', { name: 'One frame on' }).click();
    await expect.poll(() => frameOnStage(page)).toBeCloseTo(frame, 0);
  }
  await page.getByRole('button', { name: 'One frame back' }).click();
  await expect.poll(() => frameOnStage(page)).toBeCloseTo(2, 0);
  expect(errors).toEqual([]);
});

test('a cut cine is refused with what is missing', async ({ page }) => {
  await page.goto('./?backend=cpu');
  const buffer = readFileSync(makeCine()).subarray(0, -100);
  await page.locator('#files').setInputFiles({ name: 'cut.cine', mimeType: 'application/octet-stream', buffer });
  await expect(page.locator('#failure')).toContainText('100 bytes are missing at its end');
});

// H.264 in MP4 has its frames in another order than they are shown in.
for (const container of ['webm', 'mp4'] as const) {
  test(`a ${container} video is stepped frame by frame, and plays`, async ({ page }) => {
    const errors = complaints(page);
    await openWithModel(page);
    await page.locator('#files').setInputFiles(path(`../fixtures/video/disc.${container}`));
    await expect(page.locator('#source-facts')).toContainText(`Video: disc.${container}`);
    await expect(page.locator('#source-facts')).toContainText(`${FRAMES} frames, 20.0 a second`);
    await settled(page);
    await hideMasks(page);
    await expect.poll(() => frameOnStage(page)).toBeCloseTo(0, 0);
    for (const frame of [1, 2, 3]) {
      await page.getByRole('button', { name: 'One frame on' }).click();
      await expect.poll(() => frameOnStage(page)).toBeCloseTo(frame, 0);
    }
    await page.getByRole('button', { name: 'One frame back' }).click();
    await expect.poll(() => frameOnStage(page)).toBeCloseTo(2, 0);
    await page.keyboard.press('End');
    await expect.poll(() => frameOnStage(page)).toBeCloseTo(FRAMES - 1, 0);
    await page.locator('#scrub').fill('13');
    await expect.poll(() => frameOnStage(page)).toBeCloseTo(13, 0);
    await page.locator('#play').click();
    await expect(page.locator('#hud-speed')).toContainText('fps');
    await page.locator('#play').click();
    await expect(page.locator('#play')).toHaveAttribute('aria-label', 'Play');
    expect(errors).toEqual([]);
  });
}

test('a file that only calls itself a video is refused', async ({ page }) => {
  await page.goto('./?backend=cpu');
  await page.locator('#files').setInputFiles({ name: 'fake.mp4', mimeType: 'video/mp4', buffer: Buffer.from('not a video') });
  await expect(page.locator('#failure')).toContainText('“fake.mp4” is not a video this browser can decode');
});

test('a file of an unknown kind is named', async ({ page }) => {
  await page.goto('./?backend=cpu');
  await page.locator('#files').setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') });
  await expect(page.locator('#failure')).toContainText('“notes.txt” is of no kind that this page opens');
});

test('the crop is drawn by hand, is what the model sees, and is remembered', async ({ page }) => {
  await openWithModel(page);
  await page.locator('#files').setInputFiles(makeCine());
  await settled(page);
  await page.keyboard.press('c');
  const corner = page.getByRole('button', { name: 'Crop, left top corner' });
  const from = (await corner.boundingBox())!;
  const to = await onScreen(page, { x: 32, y: 16 }, { width: SIDE, height: SIDE });
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 5 });
  await page.mouse.up();
  await expect(page.locator('#source-facts')).toContainText('crop 96 × 112');
  await page.getByRole('button', { name: 'Crop, right side' }).press('Shift+ArrowLeft');
  await expect(page.locator('#source-facts')).toContainText('crop 86 × 112');
  await settled(page);
  const crops = await page.evaluate(() => (window as unknown as { asked: { type: string; crop?: number[] }[] }).asked.filter(({ type }) => type === 'encode').map(({ crop }) => crop));
  expect(crops.at(-1)).toEqual([32, 16, 118, 128]);
  await page.locator('#files').setInputFiles(path('../fixtures/frame.png'));
  await expect(page.locator('#source-facts')).toContainText('frame.png');
  await page.locator('#files').setInputFiles(makeCine());
  await expect(page.locator('#source-facts')).toContainText('crop 86 × 112');
  await page.getByRole('button', { name: 'Whole picture' }).click();
  await expect(page.locator('#source-facts')).not.toContainText('crop');
});

test('masks lie in the frame, whatever the crop', async ({ page }) => {
  await openWithModel(page);
  await segmentPicture(page);
  await page.keyboard.press('c');
  await page.getByRole('button', { name: 'Crop, left side' }).focus();
  for (let i = 0; i < 8; i++) await page.keyboard.press('Shift+ArrowRight');
  await settled(page);
  await page.keyboard.press('v');
  // Nothing is drawn in what the model did not see.
  const canvas = page.locator('#canvas');
  const coloured = await canvas.evaluate((element: HTMLCanvasElement) => {
    const { data } = element.getContext('2d')!.getImageData(0, 0, element.width, element.height);
    const columns = new Set<number>();
    for (let i = 0; i < data.length; i += 4) if (Math.abs(data[i]! - data[i + 2]!) > 60) columns.add((i / 4) % element.width);
    return Math.min(...columns);
  });
  const size = await page.evaluate(() => document.getElementById('source-facts')!.textContent!.match(/(\d+) × (\d+) px/)!.slice(1).map(Number));
  const left = await onScreen(page, { x: 80, y: 0 }, { width: size[0]!, height: size[1]! });
  const box = (await canvas.boundingBox())!;
  expect(coloured).toBeGreaterThan(left.x - box.x - 6);
});

async function encode(page: Page, type: string, png: Buffer): Promise<Buffer> {
  const base64 = await page.evaluate(
    async ({ type, png }) => {
      const picture = await createImageBitmap(new Blob([Uint8Array.from(atob(png), (c) => c.charCodeAt(0))], { type: 'image/png' }));
      const canvas = new OffscreenCanvas(picture.width, picture.height);
      canvas.getContext('2d')!.drawImage(picture, 0, 0);
      const bytes = new Uint8Array(await (await canvas.convertToBlob({ type, quality: 0.95 })).arrayBuffer());
      return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ''));
    },
    { type, png: png.toString('base64') },
  );
  return Buffer.from(base64, 'base64');
}

/** 24-bit, bottom row first. */
function bmp(pixels: Uint8Array): Buffer {
  const body = Buffer.alloc(SIDE * SIDE * 3);
  for (let y = 0; y < SIDE; y++) for (let x = 0; x < SIDE; x++) body.fill(pixels[(SIDE - 1 - y) * SIDE + x]!, 3 * (y * SIDE + x), 3 * (y * SIDE + x) + 3);
  const header = Buffer.alloc(54);
  header.write('BM');
  header.writeUInt32LE(54 + body.length, 2);
  header.writeUInt32LE(54, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(SIDE, 18);
  header.writeInt32LE(SIDE, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(24, 28);
  return Buffer.concat([header, body]);
}
