// A checkpoint as its authors publish it, dropped onto the page: converted, and answering to prompts alone, on either backend.

import { expect, test, type Page } from '../../www/playwright';
import { path, picture } from './support';

const official = path('../../target/browser/official.pt');

/** SAM 2's nano network is not one of those whose image size is known: the page asks for it. */
async function open(page: Page, backend: 'cpu' | 'webgpu'): Promise<void> {
  await page.goto(`./?backend=${backend}`);
  await page.locator('#model').setInputFiles(official);
  await expect(page.locator('#failure')).toContainText('does not say at which image size', { timeout: 120_000 });
  await page.getByRole('button', { name: 'Go on at 256 px' }).click();
  await expect(page.locator('#model-status')).toContainText('official.pt is ready', { timeout: 300_000 });
  await expect(page.locator('#model-status')).toContainText('nano at 256 px');
  await expect(page.locator('#notice')).toContainText('no prompt predictor');
  await expect(page.locator('#failure')).toBeEmpty();
}

test('a checkpoint of its authors segments what a person points at', async ({ page }) => {
  await open(page, 'cpu');
  await page.locator('#files').setInputFiles(picture);
  await expect(page.locator('#structures')).toContainText('no prompts for it');
  // A second one goes the same way: each conversion has a worker of its own.
  await page.locator('#model').setInputFiles(official);
  await page.getByRole('button', { name: 'Go on at 512 px' }).click();
  await expect(page.locator('#model-status')).toContainText('nano at 512 px');
});

test('a checkpoint of its authors loads on WebGPU', async ({ page }) => {
  test.setTimeout(600_000);
  await open(page, 'webgpu');
});
