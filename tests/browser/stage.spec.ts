// The stage: crisp at any zoom, moved and zoomed by wheel, keys and fingers, drawn as the panels say.

import { expect, test, type Page } from '../../www/playwright';
import { makeCine, SIDE } from './media';
import { colouredPixels, onScreen, openWithModel, settled } from './support';

async function open(page: Page): Promise<void> {
  await openWithModel(page);
  await page.locator('#files').setInputFiles(makeCine());
  await settled(page);
}

/** How many pixels a row of the stage meets where it crosses a contour; few, where it crosses at a right angle. */
function contourWidth(page: Page): Promise<number> {
  return page.locator('#canvas').evaluate((canvas: HTMLCanvasElement) => {
    const { data, width, height } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    const runs: number[] = [];
    for (let y = 0; y < height; y += 3) {
      let run = 0;
      for (let x = 0; x < width; x++) {
        const i = 4 * (y * width + x);
        if (data[i]! - data[i + 2]! > 120) run++;
        else {
          if (run > 0) runs.push(run);
          run = 0;
        }
      }
    }
    runs.sort((a, b) => a - b);
    return runs[Math.floor(runs.length / 10)] ?? 0;
  });
}

/** Where on the screen the contour comes nearest to the middle of the stage. */
function onContour(page: Page): Promise<{ x: number; y: number }> {
  return page.locator('#canvas').evaluate((canvas: HTMLCanvasElement) => {
    const { data, width, height } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    const distance = (x: number, y: number) => Math.hypot(x - width / 2, y - height / 2);
    let [nearX, nearY] = [Infinity, Infinity];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const i = 4 * (y * width + x);
        if (data[i]! - data[i + 2]! > 120 && distance(x, y) < distance(nearX, nearY)) [nearX, nearY] = [x, y];
      }
    }
    const box = canvas.getBoundingClientRect();
    return { x: box.x + (nearX / width) * box.width, y: box.y + (nearY / height) * box.height };
  });
}

test('a contour is as thin near as far: it is drawn on the screen, not in the picture', async ({ page }) => {
  await open(page);
  await page.locator('[name=overlay][value=contour]').check({ force: true });
  await page.locator('#names').uncheck();
  const far = await contourWidth(page);
  const place = await onContour(page);
  await page.mouse.move(place.x, place.y);
  for (let i = 0; i < 4; i++) await page.mouse.wheel(0, -300);
  await expect.poll(() => contourWidth(page)).toBeGreaterThan(0);
  const near = await contourWidth(page);
  expect(far).toBeGreaterThan(0);
  expect(near).toBeLessThanOrEqual(far + 3);
});

test('the canvas has the screen\'s pixels', async ({ browser }) => {
  const context = await browser.newContext({ deviceScaleFactor: 2, viewport: { width: 900, height: 600 } });
  const page = await context.newPage();
  await open(page);
  const [width, shown] = await page.locator('#canvas').evaluate((canvas: HTMLCanvasElement) => [canvas.width, canvas.clientWidth]);
  expect(width).toBe(2 * shown!);
  await context.close();
});

test('fill, contour, opacity, colour and visibility are the panels\'', async ({ page }) => {
  await open(page);
  await expect.poll(() => colouredPixels(page)).toBeGreaterThan(0);
  const both = await colouredPixels(page);
  await page.locator('[name=overlay][value=contour]').check({ force: true });
  await expect.poll(() => colouredPixels(page)).toBeLessThan(both);
  await page.locator('[name=overlay][value=fill]').check({ force: true });
  await page.locator('#opacity').fill('1');
  await expect.poll(() => colouredPixels(page)).toBeGreaterThan(0);
  await page.getByLabel('Colour of arc').fill('#808080');
  await expect.poll(() => colouredPixels(page)).toBe(0);
  await page.getByLabel('Colour of arc').fill('#e69f00');
  await expect.poll(() => colouredPixels(page)).toBeGreaterThan(0);
  await page.getByLabel('Show arc').uncheck();
  await expect.poll(() => colouredPixels(page)).toBe(0);
  await page.locator('#canvas').focus();
  await page.keyboard.press('h');
  await expect(page.getByLabel('Show arc')).toBeChecked();
});

test('two fingers zoom and move, a double click fits', async ({ browser }) => {
  const context = await browser.newContext({ hasTouch: true, viewport: { width: 820, height: 1180 } });
  const page = await context.newPage();
  await open(page);
  const { x, y } = await onScreen(page, { x: SIDE / 2, y: SIDE / 2 }, { width: SIDE, height: SIDE });
  const client = await context.newCDPSession(page);
  const touch = (type: string, apart: number) =>
    client.send('Input.dispatchTouchEvent', { type: type as 'touchStart', touchPoints: apart === 0 ? [] : [{ x: x - apart, y }, { x: x + apart, y }] });
  // Small, for Chromium now and then draws the same lines a little otherwise, once it has been asked for its pixels.
  const drawn = () =>
    page.locator('#canvas').evaluate((canvas: HTMLCanvasElement) => {
      const small = new OffscreenCanvas(64, 64).getContext('2d')!;
      small.imageSmoothingQuality = 'high';
      small.drawImage(canvas, 0, 0, 64, 64);
      return [...small.getImageData(0, 0, 64, 64).data];
    });
  const before = await drawn();
  const change = async () => (await drawn()).reduce((most, value, i) => Math.max(most, Math.abs(value - before[i]!)), 0);
  await touch('touchStart', 40);
  await touch('touchMove', 80);
  await touch('touchMove', 120);
  await touch('touchEnd', 0);
  await expect.poll(change).toBeGreaterThan(100);
  await page.mouse.dblclick(x, y);
  await expect.poll(change).toBeLessThan(20);
  await context.close();
});

test('a tap adds a point', async ({ browser }) => {
  const context = await browser.newContext({ hasTouch: true, isMobile: true, viewport: { width: 360, height: 740 } });
  const page = await context.newPage();
  await open(page);
  await page.getByRole('button', { name: 'Point inside the structure' }).tap();
  const { x, y } = await onScreen(page, { x: 50, y: 50 }, { width: SIDE, height: SIDE });
  await page.touchscreen.tap(x, y);
  await expect(page.locator('#prompts li')).toHaveText(['Point inside, arc']);
  await context.close();
});
