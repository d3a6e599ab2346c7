/// <reference path="../../www/node_modules/dicom-parser/index.d.ts" />
// The DICOM bundle as it is served: a cine opened in Chromium, and its segmentation object read back by an independent library.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { expect, test, type Page } from '../../www/playwright';
import { asked, colouredPixels, openWithModel, pixelAt, settled } from './support';
import type { DicomInfo, DicomModule } from '../../www/src/dicom/api';

const fixture = (name: string) => readFileSync(fileURLToPath(new URL(`../fixtures/dicom/${name}`, import.meta.url)));
const fromPage = createRequire(new URL('../../www/package.json', import.meta.url));
const { parseDicom } = fromPage('dicom-parser') as typeof import('dicom-parser');

interface Seen {
  info: DicomInfo;
  size: [number, number];
  bright: number;
  segmentation: number[];
}

/** Opens a cine of 320 x 240, decodes a frame, and exports a square in frame 4 and another in frame 9. */
function look(page: Page, bytes: Buffer): Promise<Seen> {
  return page.evaluate(async (base64) => {
    const url: string = new URL('wasm/dicom/sam2rad.js', document.baseURI).href;
    const module: DicomModule = await import(url);
    await module.default();
    const file = new module.DicomFile(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
    const { width, height, rgba } = file.frame(4);
    const square = (index: number) => {
      const class_ids = new Uint8Array(width * height);
      for (let y = 100; y < 110; y++) class_ids.fill(1, y * width + 50, y * width + 60);
      return { index, class_ids };
    };
    const segmentation = file.segmentation({
      frames: [square(4), square(9)],
      structures: [{ name: 'left ventricle', color: [230, 159, 0], algorithm: 'semiautomatic' }],
      model: 'nano',
      training_data: 'none: these weights segment nothing',
    });
    return { info: file.info(), size: [width, height], bright: rgba.filter((value) => value > 60).length, segmentation: [...segmentation] };
  }, bytes.toString('base64'));
}

test('a cine is described and decoded, and what does not lie in its picture is left out', async ({ page }) => {
  await page.goto('./');
  const { info, size, bright } = await look(page, fixture('examples_ybr_color.dcm'));
  expect(size).toEqual([320, 240]);
  expect(info).toMatchObject({ width: 320, height: 240, frames: 30, missing_frames: 0, crop: null, picture_spacing: null, lossy: true, modality: 'US' });
  expect(info.frame_times?.[1]).toBeCloseTo(0.0333, 3);
  // Alpha alone is a quarter of the values.
  expect(bright).toBeGreaterThan(320 * 240 * 1.05);
});

test('a segmentation object is read back by another library: its source, its segment, its pixels', async ({ page }) => {
  await page.goto('./');
  const bytes = fixture('examples_ybr_color.dcm');
  const source = parseDicom(bytes);
  const object = parseDicom(Uint8Array.from((await look(page, bytes)).segmentation));
  expect(object.string('x00080016')).toBe('1.2.840.10008.5.1.4.1.1.66.4');
  expect(object.string('x0020000d')).toBe(source.string('x0020000d'));
  expect(object.string('x0020000e')).not.toBe(source.string('x0020000e'));
  expect(object.intString('x00280008')).toBe(2);

  const segments = object.elements['x00620002']?.items ?? [];
  expect(segments.map(({ dataSet }) => [dataSet?.uint16('x00620004'), dataSet?.string('x00620005'), dataSet?.string('x00620008')])).toEqual([
    [1, 'left ventricle', 'SEMIAUTOMATIC'],
  ]);
  expect(segments[0]?.dataSet?.string('x00620006')).toContain('these weights segment nothing');

  const frames = object.elements['x52009230']?.items ?? [];
  const referred = frames.map(({ dataSet }) => dataSet?.elements['x00089124']?.items?.[0]?.dataSet?.elements['x00082112']?.items?.[0]?.dataSet);
  expect(referred.map((item) => item?.intString('x00081160'))).toEqual([5, 10]);
  expect(referred.map((item) => item?.string('x00081155'))).toEqual(Array(2).fill(source.string('x00080018')));

  const pixels = object.elements['x7fe00010']!;
  const bits = object.byteArray.subarray(pixels.dataOffset, pixels.dataOffset + pixels.length);
  const bit = (frame: number, x: number, y: number) => {
    const at = (frame * 240 + y) * 320 + x;
    return (bits[at >> 3]! >> (at & 7)) & 1;
  };
  expect([bit(0, 50, 100), bit(0, 59, 109), bit(0, 60, 100), bit(0, 49, 100), bit(1, 55, 105)]).toEqual([1, 1, 0, 0, 1]);
  const set = bits.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
  expect(set).toBe(200);
});

test('JPEG 2000 is decoded in the browser as pydicom decodes it', async ({ page }) => {
  await page.goto('./');
  const decoded = await page.evaluate(async (files) => {
    const url: string = new URL('wasm/dicom/sam2rad.js', document.baseURI).href;
    const module: DicomModule = await import(url);
    await module.default();
    return files.map((base64) => {
      const { rgba } = new module.DicomFile(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))).frame(0);
      return [...rgba.filter((_, at) => at % 4 !== 3)];
    });
  }, ['US1_J2KR.dcm', 'US1_J2KI.dcm'].map((name) => fixture(name).toString('base64')));
  const [lossless, lossy] = decoded.map((rgb) => Buffer.from(rgb)) as [Buffer, Buffer];
  const expected = JSON.parse(fixture('pydicom.json').toString());
  expect(createHash('sha256').update(lossless).digest('hex')).toBe(expected['US1_J2KR.dcm'].at['0'].sha256);
  const row = (at: number) => lossy.subarray(at * 640 * 3, (at + 1) * 640 * 3).reduce((sum, value) => sum + value, 0) / (640 * 3);
  (expected['US1_J2KI.dcm'].at['0'].row_means as number[]).forEach((mean, at) => expect(Math.abs(row(at) - mean)).toBeLessThan(1));
});

test('a DICOM cine is opened on the page and its masks are taken home as a segmentation object', async ({ page }) => {
  await openWithModel(page);
  await page.locator('#files').setInputFiles(fileURLToPath(new URL('../fixtures/dicom/examples_ybr_color.dcm', import.meta.url)));
  await expect(page.locator('#source-facts')).toContainText('30 frames, 30.0 a second');
  await settled(page);
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#export-dicom').click()]);
  const object = parseDicom(new Uint8Array(readFileSync(await download.path())));
  expect(object.string('x00080016')).toBe('1.2.840.10008.5.1.4.1.1.66.4');
  const segment = object.elements['x00620002']?.items?.[0]?.dataSet;
  expect([segment?.string('x00620005'), segment?.string('x00620008')]).toEqual(['arc', 'AUTOMATIC']);
  expect(segment?.string('x00620006')).toContain('these weights segment nothing');
});

test('what is not DICOM is refused with its reason', async ({ page }) => {
  await page.goto('./');
  const picture = readFileSync(fileURLToPath(new URL('../fixtures/frame.png', import.meta.url)));
  await expect(look(page, picture)).rejects.toThrow('this is not a DICOM file: it is a PNG picture');
});

test('a grey picture\'s window is chosen, and its masks are asked for anew', async ({ page }) => {
  await openWithModel(page);
  await page.locator('#files').setInputFiles(fileURLToPath(new URL('../fixtures/dicom/MR_small.dcm', import.meta.url)));
  await settled(page);
  await expect(page.locator('#window')).toBeVisible();
  /** The mean grey of the picture's middle. */
  const grey = () => pixelAt(page, 0.5, 0.5).then(([red]) => red!);
  await page.keyboard.press('h');
  await expect.poll(() => colouredPixels(page)).toBe(0);
  const before = await grey();
  const questions = (await asked(page, 'encode')).length;
  // Everything lies below this window: black.
  await page.locator('#window-center').evaluate((input: HTMLInputElement) => {
    input.value = input.max;
    input.dispatchEvent(new Event('input'));
  });
  await page.locator('#window-width').fill('1');
  await expect.poll(grey).toBeLessThan(5);
  await settled(page);
  expect((await asked(page, 'encode')).length).toBeGreaterThan(questions);
  await page.locator('#window-own').click();
  await expect.poll(grey).toBe(before);
});
