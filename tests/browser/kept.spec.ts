// Work is never lost: each source has its own, whatever is opened after it, in however many tabs, and however the page ends.

import { readFileSync } from 'node:fs';
import { expect, test, type Page } from '../../www/playwright';
import { readProject } from '../../www/src/project/file';
import { FRAMES, greyFrame, greyPng, longCine, makeCine, SIDE } from './media';
import { modelFile, stubModel } from './stub-model';
import { crash, onScreen } from './support';

const SIZE = { width: SIDE, height: SIDE };
const picture = (name: string, frame: number) => ({ name, mimeType: 'image/png', buffer: greyPng(greyFrame(frame)) });
const calipers = (page: Page) => page.locator('#calipers li');
/** A change is written after this time at the latest, with some to write it in. */
const LONGEST_WAIT_MS = 1500;
const kept = async (page: Page) => {
  await page.waitForTimeout(LONGEST_WAIT_MS);
  await expect(page.locator('#keep-status')).toContainText('Kept in this browser');
};

async function start(page: Page): Promise<void> {
  await stubModel(page);
  await page.goto('./');
}

async function open(page: Page, ...files: Parameters<ReturnType<Page['locator']>['setInputFiles']>[0][]): Promise<void> {
  await page.locator('#files').setInputFiles(files.flat() as string[]);
  await expect(page.locator('#source-status')).toBeHidden();
}

/** Takes a distance on the picture, `y` pixels from its top; no other may end where it begins or ends, for that would be moved. */
async function measure(page: Page, y: number, x = 40): Promise<void> {
  const before = await calipers(page).count();
  const [from, to] = [await onScreen(page, { x, y }, SIZE), await onScreen(page, { x: x + 50, y }, SIZE)];
  await page.locator('#canvas').focus();
  await page.keyboard.press('d');
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 3 });
  await page.mouse.up();
  await expect(calipers(page)).toHaveCount(before + 1);
}

async function projectOf(page: Page) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#export-project').click()]);
  return readFileSync(await download.path());
}

/** All that the page has stored in this browser. Runs in the page. */
async function stored(): Promise<string[]> {
  const names = [...Object.keys(localStorage), ...Object.keys(sessionStorage)];
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise<IDBDatabase>((resolve) => {
      const opening = indexedDB.open(name!);
      opening.onsuccess = () => resolve(opening.result);
    });
    for (const store of database.objectStoreNames) {
      const keys = await new Promise<IDBValidKey[]>((resolve) => {
        const asking = database.transaction(store).objectStore(store).getAllKeys();
        asking.onsuccess = () => resolve(asking.result);
      });
      names.push(...keys.map(String));
    }
    database.close();
  }
  return names;
}

test('another source takes nothing of the work on the first, and the first comes back with all of it', async ({ page }) => {
  await start(page);
  await open(page, makeCine());
  await measure(page, 100);
  await open(page, picture('still.png', 3));
  await expect(calipers(page)).toHaveCount(0);
  await measure(page, 50);
  await measure(page, 60);
  await open(page, makeCine());
  await expect(calipers(page)).toHaveCount(1);
  await kept(page);
  await expect(page.locator('#works li')).toHaveCount(2);
  await open(page, picture('renamed.png', 3));
  await expect(calipers(page)).toHaveCount(2);
});

test('a project waits for its files, whatever is opened first, in whatever order they come', async ({ page, browser }) => {
  await start(page);
  await open(page, [picture('a.png', 1), picture('b.png', 2)]);
  await page.keyboard.press('ArrowRight');
  await expect(page.locator('#place')).toHaveText('2 / 2');
  await measure(page, 70);
  const project = await projectOf(page);

  const other = await (await browser.newContext()).newPage();
  await start(other);
  await other.locator('#project-file').setInputFiles({ name: 'work.sam2rad.json', mimeType: 'application/json', buffer: project });
  await expect(other.locator('#notice')).toContainText('This work was made on a.png, b.png');
  await open(other, picture('wrong.png', 9));
  await expect(calipers(other)).toHaveCount(0);
  await measure(other, 30);
  await open(other, [picture('z.png', 1), picture('y.png', 2)]);
  // What was the second picture is the first by its new name.
  await expect(other.locator('#place')).toHaveText('1 / 2');
  await expect(calipers(other)).toHaveCount(1);
  await open(other, picture('wrong.png', 9));
  await expect(calipers(other)).toHaveCount(1);
});

test('of two tabs on one source each keeps its own work, and neither overwrites the other', async ({ page, context }) => {
  await start(page);
  await open(page, makeCine());
  await measure(page, 100);
  await kept(page);
  const second = await context.newPage();
  await start(second);
  await open(second, makeCine());
  await expect(second.locator('#notice')).toContainText('Another tab is at work on this source');
  await expect(calipers(second)).toHaveCount(1);
  await measure(second, 80);
  await kept(second);
  await measure(page, 60);
  await measure(page, 50);
  await kept(page);
  // The tab that waits does not take the place of the one that closes.
  await page.close();
  await measure(second, 40);
  await kept(second);
  await second.close();
  const third = await context.newPage();
  await start(third);
  const works = third.locator('#works li');
  await expect(works).toHaveCount(2);
  await expect(works.nth(0)).toContainText('1 corrected');
  const [download] = await Promise.all([third.waitForEvent('download'), works.nth(1).getByRole('button', { name: 'as a project' }).click()]);
  expect(readProject(readFileSync(await download.path()).toString()).frames[0]!.calipers).toHaveLength(3);
  await open(third, makeCine());
  await expect(calipers(third)).toHaveCount(3);
});

const KILLS = Number(process.env.SAM2RAD_KILLS ?? 2);
test('a tab that is killed at a random moment loses nothing older than the wait', async ({ context }) => {
  test.setTimeout(120_000 + KILLS * 90_000);
  let before = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const page = await context.newPage();
    await start(page);
    await open(page, makeCine());
    await expect(calipers(page)).toHaveCount(before);
    const done: number[] = [];
    const end = Date.now() + 500 + Math.random() * 2500;
    while (Date.now() < end) {
      const at = before + done.length;
      await measure(page, 10 + 6 * (at % 18), 20 + 5 * Math.floor(at / 18));
      done.push(Date.now());
    }
    const killed = Date.now();
    await crash(page);
    await page.close();
    const again = await context.newPage();
    await start(again);
    await open(again, makeCine());
    // A second is the longest wait; the rest is the machine's time to write.
    const owed = before + done.filter((at) => at < killed - 1500).length;
    await expect.poll(() => calipers(again).count()).toBeGreaterThanOrEqual(owed);
    // Where nothing is owed, what comes back all the same may still be on its way.
    await kept(again).catch(() => undefined);
    before = await calipers(again).count();
    await again.close();
  }
});

test('copies of files are kept only where the person agrees, and forgetting leaves nothing', async ({ page }) => {
  await start(page);
  await open(page, makeCine());
  await measure(page, 100);
  await expect(page.locator('#keep-status')).toContainText('Kept in this browser without its files');
  expect((await page.evaluate(stored)).filter((key) => key.startsWith('file'))).toEqual([]);
  await page.reload();
  await expect(page.locator('#notice')).toContainText('This work was made on test.cine');
  await open(page, makeCine());
  await expect(calipers(page)).toHaveCount(1);
  await page.locator('#keep-files').check();
  await expect(page.locator('#keep-status')).toContainText('a reload brings it back');
  await page.reload();
  await expect(calipers(page)).toHaveCount(1);
  await page.locator('#forget').click();
  await page.getByRole('button', { name: 'Forget everything' }).last().click();
  await expect(page.locator('#works li')).toHaveCount(0);
  await expect(page.locator('#keep-files')).not.toBeChecked();
  // Looking on is no new work.
  await page.keyboard.press('ArrowRight');
  await page.waitForTimeout(1500);
  expect(await page.evaluate(stored)).toEqual([]);
  await expect(calipers(page)).toHaveCount(0);
  await page.keyboard.press('ArrowLeft');
  await expect(calipers(page)).toHaveCount(1);
});

test('work is deleted from the list, and no other with it', async ({ page }) => {
  await start(page);
  await open(page, picture('one.png', 1));
  await measure(page, 50);
  await open(page, picture('two.png', 2));
  await measure(page, 50);
  await kept(page);
  await page.getByRole('button', { name: 'Delete the work on one.png' }).click();
  await page.getByRole('button', { name: 'Delete it' }).click();
  await expect(page.locator('#works li')).toHaveCount(1);
  await expect(page.locator('#works')).toContainText('two.png');
  await open(page, picture('one.png', 1));
  await expect(calipers(page)).toHaveCount(0);
});

test('where nothing can be kept the page says so, and asks before what was made is replaced', async ({ page }) => {
  await page.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('denied', 'SecurityError');
    };
  });
  await start(page);
  await open(page, makeCine());
  await expect(page.locator('#keep-status')).toContainText('Your work is not kept');
  await measure(page, 100);
  await page.locator('#files').setInputFiles(picture('still.png', 3));
  await expect(page.locator('#ask')).toContainText('is not kept and will be gone');
  await page.locator('#ask').getByRole('button', { name: 'Cancel' }).click();
  await expect(calipers(page)).toHaveCount(1);
  await page.locator('#files').setInputFiles(picture('still.png', 3));
  await page.locator('#ask').getByRole('button', { name: 'Open still.png' }).click();
  await expect(page.locator('#source-facts')).toContainText('still.png');
});

test('distances and crops are undone, and undo goes to the frame that it changes', async ({ page }) => {
  await start(page);
  await open(page, makeCine());
  await measure(page, 100);
  await page.keyboard.press('c');
  await page.getByRole('button', { name: 'Crop, left side' }).press('Shift+ArrowRight');
  await expect(page.locator('#source-facts')).toContainText('crop 118 × 128');
  await page.locator('#scrub').fill('9');
  await expect(page.locator('#place')).toHaveText(`10 / ${FRAMES}`);
  await page.locator('#canvas').focus();
  await page.keyboard.press('Control+z');
  await expect(page.locator('#source-facts')).not.toContainText('crop');
  await expect(page.locator('#place')).toHaveText(`1 / ${FRAMES}`);
  await page.keyboard.press('Control+z');
  await expect(calipers(page)).toHaveCount(0);
  await page.keyboard.press('Control+Shift+z');
  await expect(calipers(page)).toHaveCount(1);
});

test('600 frames of 1080p are all segmented and kept; a damaged one is named and the others go on', async ({ page }) => {
  const frames = 600;
  await start(page);
  await page.locator('#model').setInputFiles(modelFile('disc.safetensors', ['disc']));
  await open(page, { name: 'long.cine', mimeType: 'application/octet-stream', buffer: longCine(frames, 300) });
  await page.locator('#segment-all').click();
  await expect(page.locator('#failure')).toContainText('Frame 301 of 600 was left out', { timeout: 200_000 });
  await expect(page.locator('#answered')).toHaveText('599 of 600 segmented');
  await expect(page.locator('#works')).toContainText('599 frames segmented');
});

test('with another model prompts keep their structure, masks of the first stay kept, and it finds them again', async ({ page }) => {
  await start(page);
  await page.locator('#model').setInputFiles(modelFile('hip.safetensors', ['ilium', 'femur']));
  await expect(page.locator('#model-status')).toContainText('hip.safetensors is ready');
  await open(page, makeCine());
  await page.locator('#canvas').focus();
  await page.keyboard.press('2');
  await page.keyboard.press('i');
  const at = await onScreen(page, { x: 60, y: 60 }, SIZE);
  await page.mouse.click(at.x, at.y);
  await expect(page.locator('#prompts li')).toHaveText(['Point inside, femur']);
  await page.locator('#segment-all').click();
  await expect(page.locator('#answered')).toHaveText(`${FRAMES} of ${FRAMES} segmented`);
  await expect(page.locator('#works')).toContainText(`${FRAMES} frames segmented`);

  await page.locator('#model').setInputFiles(modelFile('knee.safetensors', ['patella', 'femur', 'tibia']));
  await expect(page.locator('#model-status')).toContainText('knee.safetensors is ready');
  await expect(page.locator('#prompts li')).toHaveText(['Point inside, femur']);
  await page.locator('#model').setInputFiles(modelFile('hand.safetensors', ['radius']));
  await expect(page.locator('#model-status')).toContainText('hand.safetensors is ready');
  await expect(page.locator('#prompts li')).toHaveCount(0);
  await expect(page.locator('#notice')).toContainText('Prompts for femur wait');
  await expect(page.locator('#works li').filter({ hasText: 'hip.safetensors' })).toContainText(`${FRAMES} frames segmented`);

  const before = (await page.evaluate(() => (window as unknown as { asked: { type: string }[] }).asked)).filter(({ type }) => type === 'segment').length;
  await page.locator('#model').setInputFiles(modelFile('hip.safetensors', ['ilium', 'femur']));
  await expect(page.locator('#prompts li')).toHaveText(['Point inside, femur']);
  await expect(page.locator('#answered')).toHaveText(`${FRAMES} of ${FRAMES} segmented`);
  const after = (await page.evaluate(() => (window as unknown as { asked: { type: string }[] }).asked)).filter(({ type }) => type === 'segment').length;
  expect(after - before).toBeLessThanOrEqual(1);
});

test('“your prompts alone” goes off again with a model that needs none', async ({ page }) => {
  await start(page);
  await page.locator('#model').setInputFiles(modelFile('bare.safetensors', ['arc'], { manual_only: true }));
  await expect(page.locator('#notice')).toContainText('has no prompt predictor');
  await expect(page.locator('#manual')).toBeChecked();
  await page.locator('#model').setInputFiles(modelFile('whole.safetensors', ['arc']));
  await expect(page.locator('#manual')).not.toBeChecked();
  await expect(page.locator('#notice')).toContainText('was switched off');
});

test('prompts go along in a cine and not in a folder of stills', async ({ page }) => {
  await start(page);
  await open(page, [picture('a.png', 1), picture('b.png', 2)]);
  await expect(page.locator('#carry')).not.toBeChecked();
  await open(page, makeCine());
  await expect(page.locator('#carry')).toBeChecked();
});
