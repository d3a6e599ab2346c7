// Streaming: what reaches the worker, what is shown, and that nothing piles up.

import { expect, test, type Page } from '../../www/playwright';
import { FRAMES, makeCine } from './media';
import { asked, heldUp, openWithModel, settled } from './support';

async function openCine(page: Page): Promise<void> {
  await openWithModel(page);
  await page.locator('#files').setInputFiles(makeCine());
  await expect(page.locator('#source-facts')).toContainText('test.cine');
  await settled(page);
}

const place = async (page: Page) => Number((await page.locator('#place').textContent())!.split(' / ')[0]);
const answered = async (page: Page) => Number(/^\d*/.exec((await page.locator('#answered').textContent()) ?? '')![0]);

test('while streaming one frame is in the worker and none waits: the newest wins', async ({ page }) => {
  await openCine(page);
  // Twice the speed: 40 frames a second, more than are segmented here.
  await page.locator('#rate').selectOption('2');
  await page.locator('#play').click();
  await expect(page.locator('#hud-speed')).toContainText('fps');
  await page.waitForTimeout(3000);
  await page.locator('#play').click();
  await settled(page);
  const messages = await asked(page);
  const encodes = messages.filter(({ type }) => type === 'encode');
  expect(encodes.length).toBeGreaterThan(3);
  for (const [i, { asked: at, type }] of messages.entries()) {
    const open = messages.slice(0, i).filter((before) => before.answered === 0 || before.answered > at);
    // A frame's question goes with it; the next frame waits for the answer.
    expect(open.map(({ type }) => type)).toEqual(type === 'segment' && open.length > 0 ? ['encode'] : []);
  }
});

test('the page stays quick while it streams', async ({ page }) => {
  await openCine(page);
  const rest = await heldUp(page);
  const streaming = await heldUp(page, '#play');
  console.log(`held up while streaming: ${streaming.toFixed(0)} of 1500 ms, at rest ${rest.toFixed(0)} ms`);
  // Without a graphics card the stage is drawn by the cores that segment.
  expect(streaming).toBeLessThan(300 + 3 * rest);
});

test('frames that were segmented are shown again without asking', async ({ page }) => {
  await openCine(page);
  await page.getByRole('button', { name: 'One frame on' }).click();
  await expect(page.locator('#answered')).toContainText(`2 of ${FRAMES} segmented`);
  await settled(page);
  const before = (await asked(page)).length;
  await page.keyboard.press('Home');
  await expect(page.locator('#place')).toHaveText(`1 / ${FRAMES}`);
  await expect(page.locator('#structures')).toContainText(/found|absent/);
  expect((await asked(page)).length).toBe(before);
});

test('all frames are segmented, with progress', async ({ page }) => {
  await openCine(page);
  await page.locator('#segment-all').click();
  await expect(page.locator('#answered')).toHaveText(`${FRAMES} of ${FRAMES} segmented`, { timeout: 180_000 });
  await expect(page.locator('#segment-all')).toBeVisible();
  expect((await asked(page, 'encode')).length).toBe(FRAMES);
});

test('segmenting all is cancelled between frames, and what is done stays', async ({ page }) => {
  await openCine(page);
  await page.locator('#segment-all').click();
  await expect.poll(() => answered(page)).toBeGreaterThan(2);
  await page.locator('#cancel').click();
  await expect(page.locator('#cancel')).toBeHidden();
  await settled(page);
  const done = await answered(page);
  expect(done).toBeLessThan(FRAMES);
  await page.waitForTimeout(500);
  expect(await answered(page)).toBe(done);
});

test('a slider scrubs, and speed and loop hold while it plays', async ({ page }) => {
  await openCine(page);
  await page.locator('#scrub').fill('10');
  await expect(page.locator('#place')).toHaveText(`11 / ${FRAMES}`);
  await page.getByRole('button', { name: 'Loop' }).click();
  await page.locator('#rate').selectOption('2');
  await page.locator('#play').click();
  await expect(page.locator('#play')).toHaveAttribute('aria-label', 'Pause');
  // Without loop it ends at the last frame by itself.
  await expect(page.locator('#play')).toHaveAttribute('aria-label', 'Play');
  expect(await place(page)).toBe(FRAMES);
});

test('a long segmentation can be stopped, and the page goes on', async ({ page }) => {
  await openCine(page);
  // The worker is held back, as a large model would hold it.
  await page.evaluate(() => {
    const { postMessage } = Worker.prototype;
    Worker.prototype.postMessage = function (this: Worker, ...data: unknown[]) {
      const hold = (data[0] as { request: { type: string } }).request.type === 'encode';
      if (!hold) return postMessage.apply(this, data as never);
      Worker.prototype.postMessage = postMessage;
    };
  });
  await page.keyboard.press('ArrowRight');
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(page.locator('#hud-working')).toBeHidden();
  await page.keyboard.press('ArrowRight');
  await expect(page.locator('#answered')).toContainText('2 of');
});
