// The page as a person uses it.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test, type Page } from '../../www/playwright';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const model = path('../../target/browser/nano.safetensors');
const picture = path('../fixtures/frame.png');

/** Whatever the console, the page or the content policy complains of. */
function complaints(page: Page): string[] {
  const found: string[] = [];
  page.on('console', (message) => message.type() === 'error' && found.push(message.text()));
  page.on('pageerror', (error) => found.push(error.message));
  return found;
}

async function segment(page: Page): Promise<void> {
  await page.locator('#model').setInputFiles(model);
  await page.locator('#picture').setInputFiles(picture);
  await page.getByRole('button', { name: 'Segment' }).click();
  await expect(page.locator('#run-status')).toContainText('structures found');
}

test('a model and a picture give an overlay, figures and the model\'s training data', async ({ page }) => {
  const errors = complaints(page);
  await page.goto('./?backend=cpu');
  await expect(page.locator('#backend')).toContainText('Computes on the CPU');
  await segment(page);
  await expect(page.locator('#structures')).toContainText('arc');
  await expect(page.locator('#structures')).toContainText('IoU');
  await expect(page.locator('#training-data')).toContainText('these weights segment nothing');
  const coloured = await page.locator('#canvas').evaluate((canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) if (Math.abs(data[i]! - data[i + 2]!) > 40) count++;
    return count;
  });
  expect(coloured).toBeGreaterThan(100);
  expect(errors).toEqual([]);
});

test('a software adapter is passed over for the CPU, and the page says so', async ({ page }) => {
  await page.goto('./');
  await expect(page.locator('#backend')).toContainText('Computes on the CPU');
  await expect(page.locator('#backend')).toContainText(/software|no WebGPU|no graphics adapter/);
});

test('a damaged model, a picture and a text as a model are each refused with a reason', async ({ page }) => {
  await page.goto('./?backend=cpu');
  const file = readFileSync(model);
  const give = (name: string, buffer: Buffer) =>
    page.locator('#model').setInputFiles({ name, mimeType: 'application/octet-stream', buffer });
  await give('cut.safetensors', file.subarray(0, file.length - 1000));
  await expect(page.locator('#failure')).toContainText('1000 bytes are missing');
  await give('picture.safetensors', readFileSync(picture));
  await expect(page.locator('#failure')).toContainText('not a checkpoint');
  await give('weights.pt', Buffer.from('hello'));
  await expect(page.locator('#failure')).toContainText('Convert it once');
});

test('a damaged picture is refused and the model stays', async ({ page }) => {
  await page.goto('./?backend=cpu');
  await page.locator('#model').setInputFiles(model);
  await expect(page.locator('#model-status')).toContainText('nano at 256 px');
  const buffer = readFileSync(picture).subarray(0, 200);
  await page.locator('#picture').setInputFiles({ name: 'bad.png', mimeType: 'image/png', buffer });
  await expect(page.locator('#failure')).toContainText('damaged');
  await expect(page.locator('#model-status')).toContainText('nano at 256 px');
});

for (const [name, width, height] of [['desktop', 1280, 900], ['phone', 360, 740]] as const) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`the page fits ${name}, ${colorScheme}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height });
      await page.goto('./?backend=cpu');
      await segment(page);
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
      await page.screenshot({ path: path(`../../target/browser/${name}-${colorScheme}.png`), fullPage: true });
    });
  }
}

test('the bench page measures every stage', async ({ page }) => {
  const errors = complaints(page);
  await page.goto('./bench.html?backend=cpu');
  await page.locator('#model').setInputFiles(model);
  await page.locator('#runs').fill('12');
  await page.getByRole('button', { name: 'Measure' }).click();
  await expect(page.locator('#figures')).toContainText('mask_decoder');
  console.log(await page.locator('#figures').textContent());
  expect(errors).toEqual([]);
});
