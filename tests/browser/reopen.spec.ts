// What comes back: masks from a DICOM segmentation object, lines that a person dragged, work of the page's first version; and what holds for all
// files that were opened together.

import { readFileSync } from 'node:fs';
import { expect, test, type Page } from '../../www/playwright';
import { readProject } from '../../www/src/project/file';
import { greyFrame, greyPng, SIDE } from './media';
import { modelFile, stubModel } from './stub-model';
import { path, saved } from './support';

const dicom = (name: string) => path(`../fixtures/dicom/${name}`);
const named = (name: string, file: string) => ({ name, mimeType: '', buffer: readFileSync(dicom(file)) });

async function open(page: Page, files: Parameters<ReturnType<Page['locator']>['setInputFiles']>[0]): Promise<void> {
  await page.locator('#files').setInputFiles(files);
  await expect(page.locator('#source-status')).toBeHidden();
}

const rowsOf = async (page: Page) => (await saved(page, '#export-csv')).bytes.toString().trim().split('\r\n').map((line) => line.split(','));

test('a segmentation object opens again as the masks that it was made of, marked as such', async ({ page }) => {
  await stubModel(page);
  await page.goto('./');
  await page.locator('#model').setInputFiles(modelFile('discs.safetensors', ['ilium', 'femoral head']));
  await open(page, dicom('examples_ybr_color.dcm'));
  await expect(page.locator('#structures')).toContainText('found');
  const seg = await saved(page, '#export-dicom');

  // Another model draws its one disc elsewhere; the file's masks take its place.
  await page.locator('#model').setInputFiles(modelFile('one.safetensors', ['Femoral head']));
  await expect(page.locator('#structures li')).toHaveCount(1);
  await open(page, { name: 'masks.dcm', mimeType: 'application/dicom', buffer: seg.bytes });
  await expect(page.locator('#notice')).toContainText('1 frame has the masks of “masks.dcm”. Not of this model, and left out: ilium.');
  // The disc's pixels, as many as the file has; the model's own disc is said to have 3217.
  await expect(page.locator('#structures .figures')).toHaveText(['found · 3,210 px']);
  const [head, ...rows] = await rowsOf(page);
  const row = rows.find((cells) => cells.includes('Femoral head'))!;
  expect(row[head!.indexOf('made_by')]).toBe('imported');
  expect(row[head!.indexOf('predicted_iou')]).toBe('');
});

test('a segmentation object alone, or of another file, says what it needs', async ({ page }) => {
  await stubModel(page);
  await page.goto('./');
  await page.locator('#model').setInputFiles(modelFile('discs.safetensors', ['ilium']));
  await open(page, dicom('examples_ybr_color.dcm'));
  await expect(page.locator('#structures')).toContainText('found');
  const { bytes: buffer } = await saved(page, '#export-dicom');
  const masks = { name: 'masks.dcm', mimeType: 'application/dicom', buffer };
  await open(page, dicom('MR_small.dcm'));
  await open(page, masks);
  await expect(page.locator('#failure')).toContainText('“masks.dcm” cannot be put onto “MR_small.dcm”');
  await page.reload();
  await open(page, { name: 'still.png', mimeType: 'image/png', buffer: greyPng(greyFrame(0)) });
  await open(page, masks);
  await expect(page.locator('#failure')).toContainText('holds masks of a DICOM file');
});

test('a DICOMDIR lists the images of its folder, and alone it names them', async ({ page }) => {
  await stubModel(page);
  await page.goto('./');
  const disc = path('../fixtures/cases/20-cd-folder-with-dicomdir/with-logo');
  await page.locator('#folder').setInputFiles(disc);
  await expect(page.locator('#source-facts')).toContainText('DICOM: IM00000');
  const listed = await page.locator('#worklist button').allTextContents();
  expect(listed.length).toBeGreaterThan(1);
  expect(listed[0]).toContain('IM000000');
  await page.reload();
  await page.locator('#files').setInputFiles(`${disc}/DICOMDIR`);
  await expect(page.locator('#failure')).toContainText(/“DICOMDIR” lists \d+ images?, PT000000\/ST000000\/SE000000\/IM000000/);
});

test('a crop and a window hold for every file that was opened together', async ({ page }) => {
  await stubModel(page);
  await page.goto('./');
  await page.locator('#model').setInputFiles(modelFile('discs.safetensors', ['ilium']));
  await open(page, [named('a.dcm', 'MR_small.dcm'), named('b.dcm', 'MR_small_RLE.dcm')]);
  await expect(page.locator('#worklist li')).toHaveCount(2);
  await page.locator('#window-center').fill('900');
  await page.locator('#window-width').fill('300');
  await page.locator('#crop').click();
  await page.getByRole('button', { name: 'Crop, left side' }).focus();
  for (let step = 0; step < 3; step++) await page.keyboard.press('ArrowRight');
  await expect(page.locator('#source-facts')).toContainText('crop 61 × 64');
  await page.locator('#crop-every').click();
  await page.locator('#window-every').click();
  await page.locator('#worklist button').nth(1).click();
  await expect(page.locator('#source-facts')).toContainText('b.dcm');
  await expect(page.locator('#source-facts')).toContainText('crop 61 × 64');
  await expect(page.locator('#window-center')).toHaveValue('900');
  await expect(page.locator('#window-width')).toHaveValue('300');
});

const HIP = {
  kind: 'hip',
  outcome: 'measured',
  alpha_degrees: 45,
  coverage: 0.5,
  baseline: [[20, 60], [80, 60]],
  roof_line: [[80, 60], [110, 90]],
  head_diameter_mm: null,
  head_covered_mm: null,
  head: { centre: [80, 60], covariance: [100, 0, 100] },
};

test('lines that a person dragged are a step of undo, and are kept with the work', async ({ page }) => {
  await stubModel(page);
  await page.goto('./');
  await page.locator('#model').setInputFiles(modelFile('hip.safetensors', ['ilium', 'femoral head'], { measurement: HIP }));
  const still = { name: 'hip.png', mimeType: 'image/png', buffer: greyPng(greyFrame(0)) };
  expect(SIDE).toBeGreaterThan(110);
  await open(page, still);
  const standard = page.locator('#standard');
  await expect(standard).toHaveText('Alpha angle 45°, head coverage 50 %.');
  await page.getByRole('button', { name: 'Roof line, lower limb' }).focus();
  for (let step = 0; step < 3; step++) await page.keyboard.press('Shift+ArrowDown');
  await expect(standard).toHaveText('Alpha angle 63°, head coverage 50 %, by your lines.');
  await page.locator('#canvas').focus();
  await page.keyboard.press('Control+z');
  await expect(standard).toHaveText('Alpha angle 59°, head coverage 50 %, by your lines.');
  await page.keyboard.press('Control+Shift+z');
  await expect(standard).toContainText('63°');
  const project = await saved(page, '#export-project');
  expect(readProject(project.bytes.toString()).frames[0]!.graf).toEqual({ baseline: HIP.baseline, roof_line: [[80, 60], [110, 120]] });
  await page.waitForTimeout(1500);
  await page.reload();
  await open(page, still);
  await expect(standard).toHaveText('Alpha angle 63°, head coverage 50 %, by your lines.');
  await page.getByRole('button', { name: 'Lines as they were found' }).click();
  await expect(standard).toHaveText('Alpha angle 45°, head coverage 50 %.');
});

test('work that the page’s first version kept becomes one of the works', async ({ page }) => {
  await stubModel(page);
  await page.goto('./');
  await page.locator('#model').setInputFiles(modelFile('discs.safetensors', ['ilium']));
  const still = { name: 'still.png', mimeType: 'image/png', buffer: greyPng(greyFrame(0)) };
  await open(page, still);
  await page.locator('#canvas').focus();
  await page.keyboard.press('b');
  const canvas = (await page.locator('#canvas').boundingBox())!;
  await page.mouse.move(canvas.x + canvas.width / 2 - 30, canvas.y + canvas.height / 2 - 30);
  await page.mouse.down();
  await page.mouse.move(canvas.x + canvas.width / 2 + 30, canvas.y + canvas.height / 2 + 30);
  await page.mouse.up();
  await expect(page.locator('#prompts li')).toHaveCount(1);
  const { bytes } = await saved(page, '#export-project');
  await page.waitForTimeout(1500);
  await page.locator('#forget').click();
  await page.getByRole('button', { name: 'Forget everything' }).last().click();
  await expect(page.locator('#works li')).toHaveCount(0);
  await page.evaluate(async (project) => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('sam2rad', { create: true });
    const writing = await (await folder.getFileHandle('work.json', { create: true })).createWritable();
    await writing.write(`{"files":[],"model":null,"project":${project}}`);
    await writing.close();
  }, bytes.toString());
  await page.reload();
  await expect(page.locator('#works li')).toHaveCount(1);
  await expect(page.locator('#works')).toContainText('still.png');
  await open(page, still);
  await page.locator('#model').setInputFiles(modelFile('discs.safetensors', ['ilium']));
  await expect(page.locator('#prompts li')).toHaveCount(1);
  expect(await page.evaluate(async () => (await navigator.storage.getDirectory()).getDirectoryHandle('sam2rad').then(() => 'there', () => 'gone'))).toBe('gone');
});
