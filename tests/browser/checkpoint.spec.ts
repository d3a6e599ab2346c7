// A checkpoint as its authors publish it, dropped onto the page: converted, and answering to prompts alone, whatever computes.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { decodePng } from '../../www/packages-for-tests';
import { expect, test, type Page } from '../../www/playwright';
import { lastRequest, path, picture, SAM2RAD, saved, settled, watchWorker } from './support';

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

test('a network without WebGPU kernels goes on with the CPU', async ({ page }) => {
  await open(page, 'webgpu');
  await expect(page.locator('#backend')).toContainText('has no WebGPU kernels');
  await expect(page.locator('#backend')).toContainText('the CPU');
});

for (const backend of ['cpu', 'webgpu']) {
  test(`MobileSAM as its authors publish it answers a click as on the command line (${backend})`, async ({ page }) => {
    test.skip(!existsSync(SAM2RAD), 'target/release/sam2rad is not built');
    await watchWorker(page);
    await page.goto(`./?backend=${backend}`);
    const checkpoint = path('../../target/browser/mobile_sam.pt');
    await page.locator('#model').setInputFiles(checkpoint);
    await expect(page.locator('#model-status')).toContainText('mobile_sam.pt is ready', { timeout: 300_000 });
    await expect(page.locator('#model-status')).toContainText('at 1024 px');
    await page.locator('#files').setInputFiles(picture);
    await page.locator('#canvas').focus();
    await page.keyboard.press('i');
    await page.locator('#canvas').click();
    await expect(page.locator('#structures')).toContainText('found', { timeout: 200_000 });
    await settled(page);
    const { mode, prompts } = await lastRequest(page);
    expect(mode).toBe('manual');
    const { x, y } = prompts[0]!.points[0]!;
    const ours = decodePng((await saved(page, '#export-masks')).bytes).data;

    // The page makes a file in half precision of it; the formula's weights amplify what that rounds off.
    const [file, out] = [test.info().outputPath('mobile_sam.safetensors'), test.info().outputPath('masks')];
    execFileSync(SAM2RAD, ['convert', checkpoint, file, '--dtype', 'f16']);
    execFileSync(SAM2RAD, ['segment', '--model', file, '--mode', 'manual', '--structure', '1', '--point', `${x},${y}`, '--out', out, picture]);
    const theirs = decodePng(readFileSync(`${out}/frame_mask.png`)).data;
    expect([...theirs].filter((id) => id > 0).length).toBeGreaterThan(100);
    // A pixel on an edge may fall on its other side.
    expect([...ours].filter((id, i) => id !== theirs[i]).length).toBeLessThan(0.001 * theirs.length);
  });
}

test('of a trainer’s checkpoint with prompts for several datasets the reader chooses which', async ({ page }) => {
  await page.goto('./?backend=cpu');
  await page.locator('#model').setInputFiles(path('../../target/browser/trainer.pt'));
  await expect(page.locator('#failure')).toContainText('learnt prompts for several datasets', { timeout: 120_000 });
  await expect(page.getByRole('button', { name: 'Prompts for hip' })).toBeVisible();
  await page.getByRole('button', { name: 'Prompts for wrist' }).click();
  await page.getByRole('button', { name: 'Go on at 256 px' }).click();
  await expect(page.locator('#model-status')).toContainText('trainer.pt is ready', { timeout: 120_000 });
  await page.locator('#files').setInputFiles(picture);
  await expect(page.locator('#structures')).toContainText('px');
});

test('a load is cancelled, and a model that the reader keeps is there after a reload', async ({ page }) => {
  // A bundle that never comes.
  let held = true;
  await page.route('**/wasm/cpu/*.wasm', async (route) => (held ? undefined : route.continue()));
  await page.goto('./?backend=cpu');
  await page.locator('#model').setInputFiles(official);
  await page.locator('#cancel-model').click();
  await expect(page.locator('#model-status')).toContainText('No model yet');
  await expect(page.locator('#cancel-model')).toBeHidden();
  held = false;
  await page.locator('#model').setInputFiles(official);
  await page.getByRole('button', { name: 'Go on at 256 px' }).click({ timeout: 120_000 });
  await expect(page.locator('#model-status')).toContainText('official.pt is ready', { timeout: 120_000 });
  await page.locator('#keep-model').check();
  await expect(page.locator('#own-models li')).toHaveCount(1);
  await page.reload();
  await page.locator('#own-models').getByRole('button', { name: 'official.pt', exact: true }).click();
  // The model file that was made of it: its size is known, and nothing is converted again.
  await expect(page.locator('#model-status')).toContainText('official.pt is ready: structure 1; nano at 256 px', { timeout: 120_000 });
  await page.getByRole('button', { name: 'Remove official.pt from this browser' }).click();
  await expect(page.locator('#own-models')).toBeHidden();
});
