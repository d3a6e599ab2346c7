// Cameras and screens, through Chromium's fake capture device playing a moving picture of ours.

import { ARGS, EXECUTABLE, expect, test } from '../../www/playwright';
import { makeY4m } from './media';
import { asked, complaints, openWithModel } from './support';

test.use({
  launchOptions: {
    executablePath: EXECUTABLE,
    args: [...ARGS, '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-video-capture=${makeY4m()}`, '--auto-accept-this-tab-capture'],
  },
});

test('a camera streams, pauses on a frame, and goes on', async ({ page, context }) => {
  const errors = complaints(page);
  await context.grantPermissions(['camera']);
  await openWithModel(page);
  await page.locator('#source-panel').getByRole('button', { name: 'Camera' }).click();
  await expect(page.locator('#source-facts')).toContainText('live');
  await expect(page.locator('#source-facts')).toContainText('160 × 128 px');
  await expect(page.locator('#hud-speed')).toContainText('fps');
  await expect(page.locator('#training-data')).toContainText('Model’s training data');
  await page.getByRole('button', { name: 'Pause' }).click();
  const before = (await asked(page, 'encode')).length;
  await page.waitForTimeout(500);
  expect((await asked(page, 'encode')).length).toBeLessThanOrEqual(before + 1);
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect.poll(async () => (await asked(page, 'encode')).length).toBeGreaterThan(before + 2);
  expect(errors).toEqual([]);
});

test('a camera that is unplugged says so and leaves its last frame', async ({ page, context }) => {
  await context.grantPermissions(['camera']);
  await page.addInitScript(() => {
    const { getUserMedia } = MediaDevices.prototype;
    MediaDevices.prototype.getUserMedia = async function (this: MediaDevices, ...wanted) {
      const stream = await getUserMedia.apply(this, wanted);
      Object.assign(window, { unplug: () => stream.getVideoTracks()[0]!.dispatchEvent(new Event('ended')) });
      return stream;
    };
  });
  await openWithModel(page);
  await page.locator('#source-panel').getByRole('button', { name: 'Camera' }).click();
  await expect(page.locator('#hud-speed')).toContainText('fps');
  await page.evaluate(() => (window as unknown as { unplug(): void }).unplug());
  await expect(page.locator('#failure')).toContainText('unplugged');
  await expect(page.locator('#failure')).toContainText('The last frame stays');
  await expect(page.locator('#source-facts')).toContainText('160 × 128 px');
});

for (const [error, words] of [
  ['NotAllowedError', 'was not allowed'],
  ['NotReadableError', 'in use by another program'],
  ['NotFoundError', 'was not found'],
] as const) {
  test(`a camera that fails with ${error} is explained`, async ({ page }) => {
    await page.addInitScript((name) => {
      MediaDevices.prototype.getUserMedia = () => Promise.reject(new DOMException('', name));
    }, error);
    await page.goto('./?backend=cpu');
    await page.locator('#source-panel').getByRole('button', { name: 'Camera' }).click();
    await expect(page.locator('#failure')).toContainText(words);
  });
}

test('a shared screen streams', async ({ page }) => {
  await openWithModel(page);
  await page.locator('#source-panel').getByRole('button', { name: 'Screen' }).click();
  await expect(page.locator('#source-facts')).toContainText('Shared screen');
  // One frame is enough: a screen on which nothing moves sends no other.
  await expect(page.locator('#training-data')).toContainText('Model’s training data');
});
