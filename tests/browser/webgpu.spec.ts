// The WebGPU bundle on the software adapter: correct and slow, so a few frames of the smallest model.

import { expect, test } from '../../www/playwright';
import { asked, path, watchWorker } from './support';

test('frames stream through WebGPU', async ({ page }) => {
  test.setTimeout(1_200_000);
  await watchWorker(page);
  await page.goto('./?backend=webgpu');
  await page.locator('#model').setInputFiles(path('../../weights/wrist.safetensors'));
  await expect(page.locator('#model-status')).toContainText('is ready', { timeout: 300_000 });
  await page.locator('#files').setInputFiles(path('../../weights/wrist.cine'));
  await expect(page.locator('#backend')).toContainText('Computes on WebGPU');
  const answered = async () => (await asked(page, 'segment')).filter(({ answered }) => answered > 0);
  await expect.poll(async () => (await answered()).length, { timeout: 600_000 }).toBe(1);
  await page.locator('#play').click();
  await expect.poll(async () => (await answered()).length, { timeout: 600_000 }).toBeGreaterThan(3);
  await expect(page.locator('#structures')).toContainText(/found|absent/);
  await expect(page.locator('#failure')).toBeEmpty();
  const frames = (await answered()).map((message) => message.answered);
  console.log(`frames were answered ${frames.slice(1).map((at, i) => ((at - frames[i]!) / 1000).toFixed(1)).join(', ')} s after one another`);
});
