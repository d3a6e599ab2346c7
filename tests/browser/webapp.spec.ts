// The page as an app: offline, installable, its models checked, for everyone.

import { readFileSync } from 'node:fs';
import { expect, test } from '../../www/playwright';
import { makeCine } from './media';
import { colouredPixels, complaints, openWithModel, path, picture, segmentPicture, serious, serveDemo, settled, watchWorker, withoutIsolation } from './support';

test.describe('with its service worker', () => {
  test.use({ serviceWorkers: 'allow' });

  test('after the first visit it segments without a network', async ({ page, context }) => {
    await openWithModel(page);
    await expect(page.locator('#offline')).toHaveText('Works offline now.');
    await context.setOffline(true);
    const errors = complaints(page);
    await page.reload();
    await page.locator('#model').setInputFiles(path('../../target/browser/nano.safetensors'));
    await expect(page.locator('#model-status')).toContainText('is ready');
    await segmentPicture(page, picture);
    expect(await colouredPixels(page)).toBeGreaterThan(100);
    expect(errors).toEqual([]);
  });

  test('on a host that sends no headers for it, the page is isolated from its second visit on', async ({ page, context }) => {
    await withoutIsolation(context);
    await openWithModel(page);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
    await expect(page.locator('#offline')).toHaveText('Works offline now.');
    await openWithModel(page);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await segmentPicture(page, picture);
    expect(await colouredPixels(page)).toBeGreaterThan(100);
  });

  test('a file that is no part of the build is left to the network', async ({ page, context }) => {
    await openWithModel(page);
    await expect(page.locator('#offline')).toHaveText('Works offline now.');
    await page.reload();
    await context.setOffline(true);
    const reached = await page.evaluate(() => fetch('./no-such-file').then(() => true, () => false));
    expect(reached).toBe(false);
  });
});

test('the manifest names icons of the size they have', async ({ page }) => {
  await page.goto('./');
  const link = await page.locator('link[rel=manifest]').getAttribute('href');
  const manifest = await (await page.request.get(link!)).json();
  expect(manifest).toMatchObject({ short_name: 'Sam2Rad', display: 'standalone', start_url: './', scope: './' });
  const session = await page.context().newCDPSession(page);
  const { errors } = await session.send('Page.getAppManifest');
  expect(errors).toEqual([]);
  for (const { src, sizes, type } of manifest.icons as { src: string; sizes: string; type: string }[]) {
    const response = await page.request.get(src);
    expect(response.headers()['content-type']).toContain(type);
    if (type !== 'image/png') continue;
    const bytes = await response.body();
    expect(`${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`).toBe(sizes);
  }
});

test('where a machine refuses that much shared memory, a smaller maximum is tried', async ({ page }) => {
  await page.route(/\/assets\/main-[^/]*\.js/, async (route) => {
    const response = await route.fetch();
    // As a tablet does; pages are of 64 KiB.
    const refuse = (Memory: typeof WebAssembly.Memory) =>
      new Proxy(Memory, {
        construct(target, [descriptor]: [WebAssembly.MemoryDescriptor]) {
          if (descriptor.maximum! > 16384) throw new RangeError('could not allocate memory');
          return new target(descriptor);
        },
      });
    await route.fulfill({ response, body: `WebAssembly.Memory = (${refuse})(WebAssembly.Memory);\n${await response.text()}` });
  });
  await openWithModel(page);
  await expect(page.locator('#backend')).toContainText('threads');
  await segmentPicture(page, picture);
  expect(await colouredPixels(page)).toBeGreaterThan(100);
});

test('a shipped model that was changed on its way is refused', async ({ page }) => {
  await serveDemo(page, makeCine());
  const bytes = readFileSync(path('../../target/browser/nano.safetensors'));
  bytes[bytes.length - 1]! ^= 1;
  await page.route('**/models/nano.safetensors', (route) => route.fulfill({ body: bytes }));
  await page.goto('./?backend=cpu');
  await page.getByRole('button', { name: 'Formula' }).click();
  await expect(page.locator('#failure')).toContainText('“Formula” is not the file that this page ships: its SHA-256 is');
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing serious, ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await watchWorker(page);
    await serveDemo(page, makeCine());
    await page.goto('./?backend=cpu');
    await expect(page.locator('#see-it-work')).toBeVisible();
    expect(await serious(page)).toEqual([]);
    await page.locator('#see-it-work').click();
    await expect(page.locator('#hud-speed')).toContainText('fps');
    await page.locator('#play').click();
    await settled(page);
    expect(await serious(page)).toEqual([]);
    await page.getByRole('button', { name: 'Keys and gestures' }).click();
    await expect(page.locator('#help')).toBeVisible();
    expect(await serious(page)).toEqual([]);
    await page.goto('./bench.html?backend=cpu');
    await expect(page.locator('#backend')).toContainText('Computes on');
    expect(await serious(page)).toEqual([]);
  });
}
