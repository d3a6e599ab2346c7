// Small inputs after public bug reports, each with the right value, as the page takes them: ../shared/cases where it lies beside the
// checkout, else the copies in tests/fixtures/cases. The table at the end says which hold.

import { existsSync, readFileSync } from 'node:fs';
import { decodePng } from '../../www/packages-for-tests';
import { expect, test, type Page } from '../../www/playwright';
import { csvRows, drag, openWithModel, path, saved, settled } from './support';

const FOLDERS = ['../../../shared/cases', '../fixtures/cases'].map(path);
const inCase = (name: string) => FOLDERS.map((folder) => `${folder}/${name}`).find(existsSync);

const table: string[] = [];
test.afterAll(() => {
  // A worker that goes on after a failed test prints what it has run.
  if (table.length > 0) console.log(['the cases in the page:', ...table].join('\n'));
});

/** A test that needs these files of a case; passed over where they are not at hand. */
function check(name: string, claim: string, run: (page: Page, file: (name: string) => string) => Promise<void>): void {
  test(`${name}: ${claim}`, async ({ page }) => {
    test.skip(inCase(name) === undefined, 'the case is not at hand');
    const row = `  ${name.padEnd(34)} ${claim}`;
    try {
      await run(page, (file) => inCase(`${name}/${file}`)!);
      table.push(`${row}: holds`);
    } catch (error) {
      table.push(`${row}: FAILS`);
      throw error;
    }
  });
}

async function open(page: Page, ...files: string[]): Promise<void> {
  await openWithModel(page);
  await page.locator('#files').setInputFiles(files);
  await settled(page);
}

/** A distance taken on the stage, in pixels of a picture of this size as it is drawn. */
async function distance(page: Page, from: [number, number], to: [number, number], size: { width: number; height: number }): Promise<string> {
  await page.locator('#canvas').focus();
  await page.keyboard.press('d');
  const before = await page.locator('#calipers li').count();
  await drag(page, { x: from[0], y: from[1] }, { x: to[0], y: to[1] }, size);
  await expect(page.locator('#calipers li')).toHaveCount(before + 1);
  return (await page.locator('#calipers li span').nth(before).textContent())!;
}

/** Of every frame, as CSV and COCO have them. */
async function exportedTimes(page: Page): Promise<{ csv: string[]; coco: (number | null)[] }> {
  await page.locator('#segment-all').click();
  await expect(page.locator('#answered')).toContainText(/^(\d+) of \1 segmented/);
  await expect(page.locator('#segment-all')).toBeVisible();
  const csv = csvRows(await saved(page, '#export-csv')).map(({ time_s }) => time_s!);
  const coco = JSON.parse((await saved(page, '#export-coco-rle')).bytes.toString()) as { images: { time_s: number | null }[] };
  return { csv, coco: coco.images.map(({ time_s }) => time_s) };
}

/** The picture that the model was given, pixel by pixel as red, green, blue. */
async function seenByModel(page: Page): Promise<{ width: number; height: number; at(x: number, y: number): number[] }> {
  const [zip] = [await saved(page, '#export-dataset')];
  const { unzipSync } = await import('../../www/packages-for-tests');
  const files = unzipSync(zip.bytes);
  const [name] = Object.keys(files).filter((file) => file.startsWith('Train/imgs/'));
  const { width, height, channels, data } = decodePng(files[name!]!);
  return { width, height, at: (x, y) => [...data.slice((y * width + x) * channels, (y * width + x) * channels + 3)] };
}

/** Shown as another program shows it, pixel by pixel. */
const PICTURES = [
  ['01-ybr422-full-length', 'cine', 'chroma that was never halved'],
  ['01-ybr422-full-length', 'single', 'chroma that was never halved, one frame'],
  ['02-jpeg-says-rgb', 'jfif', 'colours that the attribute names wrong'],
  ['02-jpeg-says-rgb', 'no-marker', 'colours that nothing names'],
  ['03-palette-segmented', 'a', 'a palette in segments'],
  ['04-palette-65536-entries', 'a', 'a palette of 65536 colours'],
  ['16-explicit-data-implicit-uid', 'a', 'explicit data that call themselves implicit'],
  ['17-private-value-of-wrong-length', 'a', 'a private value of wrong length'],
] as const;
for (const [name, stem, claim] of PICTURES) {
  check(name, `${claim}: the picture is right`, async (page, file) => {
    await open(page, file(`${stem}.dcm`));
    await expectPicture(page, file, stem);
  });
}

async function expectPicture(page: Page, file: (name: string) => string, stem: string): Promise<void> {
  const seen = await seenByModel(page);
  const right = decodePng(readFileSync(file(`${stem}.expected_0.png`)));
  const { tolerance } = JSON.parse(readFileSync(file(`${stem}.expected.json`), 'utf8')) as { tolerance: number };
  expect([seen.width, seen.height]).toEqual([right.width, right.height]);
  let off = 0;
  for (let y = 0; y < right.height; y++) {
    for (let x = 0; x < right.width; x++) {
      const at = (y * right.width + x) * right.channels;
      seen.at(x, y).forEach((value, i) => (off = Math.max(off, Math.abs(value - right.data[at + (right.channels < 3 ? 0 : i)]!))));
    }
  }
  expect(off).toBeLessThanOrEqual(tolerance);
}

for (const stem of ['native', 'jpeg']) {
  check('14-more-frames-than-said', `${stem}: all frames are there, and the page says so`, async (page, file) => {
    await open(page, file(`${stem}.dcm`));
    await expect(page.locator('#place')).toHaveText('1 / 3');
    await expect(page.locator('#source-notes')).not.toBeEmpty();
  });
}

check('19-no-preamble-no-extension', 'a file without preamble and extension opens', async (page, file) => {
  await open(page, file('IM0001'));
  await expectPicture(page, file, 'IM0001');
});

for (const folder of ['plain', 'with-logo']) {
  check('20-cd-folder-with-dicomdir', `${folder}: the ultrasound opens, not the directory and not the logo`, async (page, file) => {
    await openWithModel(page);
    await page.locator('#folder').setInputFiles(file(folder));
    await settled(page);
    await expectPicture(page, file, 'first');
  });
}

check('06-two-regions-two-scales', 'each region has its own millimetres', async (page, file) => {
  await open(page, file('a.dcm'));
  const size = { width: 200, height: 100 };
  const measured = async (from: [number, number], to: [number, number]) => Number(/Distance: ([\d.]+) mm/.exec(await distance(page, from, to, size))![1]);
  expect(await measured([20, 50], [60, 50])).toBeCloseTo(8, 0);
  expect(await measured([140, 50], [180, 50])).toBeCloseTo(2, 0);
  expect(await distance(page, [100, 50], [140, 50], size)).toBe('Distance: no length: not in one region');
});

check('08-m-mode-larger-than-2d', 'the crop is the picture, and seconds have no millimetres', async (page, file) => {
  await open(page, file('a.dcm'));
  await expect(page.locator('#source-facts')).toContainText('crop 60 × 100');
  await expect(page.locator('#source-facts')).toContainText('0.200 × 0.200 mm a pixel in the ultrasound region');
});

check('09-pixel-aspect-ratio', 'a circle is drawn as one, and distances across and along it agree', async (page, file) => {
  await open(page, file('a.dcm'));
  // Stored 60 wide; a pixel is twice as wide as high.
  const drawn = { width: 120, height: 120 };
  const px = async (from: [number, number], to: [number, number]) => Number(/([\d.]+) px/.exec(await distance(page, from, to, drawn))![1]);
  expect(Math.abs((await px([20, 60], [100, 60])) - 80)).toBeLessThan(1);
  expect(Math.abs((await px([60, 20], [60, 100])) - 80)).toBeLessThan(1);
  await expect(page.locator('#measure-hint')).toContainText('pixels are not square');
});

check('10-frame-time-vector', 'each frame has its own time in CSV and COCO', async (page, file) => {
  await open(page, file('a.dcm'));
  const times = [0, 0.02, 0.04, 0.24, 0.26];
  const { csv, coco } = await exportedTimes(page);
  expect(csv.map(Number)).toEqual(times);
  expect(coco).toEqual(times.map((time) => expect.closeTo(time, 9)));
});

check('11-cine-without-times', 'it plays, and no time is made up', async (page, file) => {
  await open(page, file('a.dcm'));
  await expect(page.locator('#source-facts')).toContainText('5 frames, times not stated');
  const { csv, coco } = await exportedTimes(page);
  expect(csv).toEqual(Array(5).fill(''));
  expect(coco).toEqual(Array(5).fill(null));
  await page.locator('#play').click();
  await expect(page.locator('#play')).toHaveAttribute('aria-label', 'Pause');
});

check('25-exif-orientation', 'a photograph stands upright', async (page, file) => {
  await open(page, file('orientation-6.jpg'));
  const seen = await seenByModel(page);
  expect([seen.width, seen.height]).toEqual([120, 200]);
  expect(seen.at(seen.width - 4, 3)[0]).toBeGreaterThan(240);
});

check('27-same-name-in-two-folders', 'pictures of one name are told apart in COCO', async (page, file) => {
  await openWithModel(page);
  await page.locator('#folder').setInputFiles(file('pictures'));
  await settled(page);
  await page.locator('#segment-all').click();
  await expect(page.locator('#answered')).toHaveText('2 of 2 segmented');
  await expect(page.locator('#segment-all')).toBeVisible();
  const coco = JSON.parse((await saved(page, '#export-coco-rle')).bytes.toString()) as { images: { file_name: string }[] };
  expect(coco.images.map(({ file_name }) => file_name)).toEqual(['patient1/frame_001.png', 'patient2/frame_001.png']);
});

check('28-png-of-16-bits', 'the whole range is shown', async (page, file) => {
  await open(page, file('a.png'));
  const seen = await seenByModel(page);
  const right = decodePng(readFileSync(file('a.expected.png')));
  for (let x = 0; x < right.width; x += 7) expect(Math.abs(seen.at(x, 2)[0]! - right.data[(2 * right.width + x) * right.channels]!)).toBeLessThanOrEqual(1);
});

check('29-png-with-hidden-colours', 'black shows under transparency, never the hidden colour', async (page, file) => {
  await open(page, file('a.png'));
  const seen = await seenByModel(page);
  expect(seen.at(seen.width - 5, Math.floor(seen.height / 2))).toEqual([0, 0, 0]);
});

check('32-tiny-pictures', 'pictures of a pixel or a line are opened, measured and exported', async (page, file) => {
  await open(page, ...['1x1', '1x300', '300x1', '3x2'].map((size) => file(`${size}.png`)));
  await page.locator('#segment-all').click();
  await expect(page.locator('#answered')).toHaveText('4 of 4 segmented');
  await expect(page.locator('#segment-all')).toBeVisible();
  expect(csvRows(await saved(page, '#export-csv')).map(({ picture }) => picture)).toEqual(['1x1.png', '1x300.png', '3x2.png', '300x1.png']);
  await expect(page.locator('#failure')).toBeEmpty();
});

check('42-video-of-changing-rate', 'each frame has its own time in CSV, COCO and the labelled video', async (page, file) => {
  await open(page, file('a.webm'));
  const times = [0, 0.04, 0.08, 0.12, 0.52, 0.56, 0.6, 0.64, 0.68, 0.72];
  await expect(page.locator('#source-facts')).toContainText('10 frames in 0.72 s, each at its own time');
  const { csv, coco } = await exportedTimes(page);
  expect(csv.map(Number)).toEqual(times);
  expect(coco).toEqual(times.map((time) => expect.closeTo(time, 3)));

  const { name, bytes } = await saved(page, '#export-cine');
  await page.locator('#files').setInputFiles({ name, mimeType: 'video/webm', buffer: bytes });
  await expect(page.locator('#source-facts')).toContainText('10 frames in 0.72 s, each at its own time');
  // The frame before the gap stays: a tenth of a second after it came it is still there, where a mean of 80 ms would have gone on.
  await settled(page);
  expect((await exportedTimes(page)).csv.map(Number)).toEqual(times);
});
