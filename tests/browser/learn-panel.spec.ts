// Labelling and learning without a pointer, for a screen reader, on a phone, and by taps.

import { decodePng, unzipSync } from '../../www/packages-for-tests';
import { expect, test, type Page } from '../../www/playwright';
import { addStructure, label, LEARNT, loadBase, openLabelledDiscs, openLearning, PLAIN, recorded, start } from './learning';
import { makeCine, SIDE } from './media';
import { onScreen, path, saved, serious, settled, tabTo } from './support';

test.use(PLAIN);

test('a structure is labelled and learnt without a pointer', async ({ page }) => {
  await start(page, 3);
  await loadBase(page);
  await page.locator('#files').setInputFiles(makeCine());
  await settled(page);
  await tabTo(page, '#learn-panel > summary');
  await page.keyboard.press('Enter');
  await expect(page.locator('#own-name')).toBeVisible();
  await tabTo(page, '#own-name');
  await page.keyboard.type('disc');
  await page.keyboard.press('Enter');
  await tabTo(page, '#label-outline');
  await page.keyboard.press('Enter');
  for (let frame = 0; frame < 2; frame++) {
    if (frame > 0) {
      await tabTo(page, '#label-next');
      const before = await page.locator('#place').textContent();
      await page.keyboard.press('Enter');
      await expect(page.locator('#place')).not.toHaveText(before!);
      await settled(page);
    }
    await tabTo(page, '#canvas');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await expect(page.locator('#prompts li')).toHaveCount(1);
    await settled(page);
    await page.keyboard.press('Escape');
    await tabTo(page, '#label-accept');
    await page.keyboard.press('Enter');
    await expect(page.locator('#label-place')).toContainText(frame === 0 ? 'disc: one frame labelled' : 'disc: 2 frames labelled');
  }
  await tabTo(page, '#learn');
  await page.keyboard.press('Enter');
  // The focus is not lost with the button that was pressed.
  await expect(page.locator('#learn-pause')).toBeFocused();
  await expect(page.locator('#learnt-models li')).toHaveCount(1, LEARNT);
  await expect(page.locator('#learnt-notes')).toBeFocused();
  await expect(page.locator('#learnt-notes')).toContainText('nothing says how good this model is');
});

test('taps alone are the corners of a polygon', async ({ page }) => {
  await start(page, 1);
  await loadBase(page);
  await page.locator('#files').setInputFiles(makeCine());
  await settled(page);
  await openLearning(page);
  await addStructure(page, 'square');
  await page.locator('#label-draw').click();
  const corners = [[30, 40], [90, 40], [90, 100], [30, 100]] as const;
  for (const [x, y] of corners) {
    const at = await onScreen(page, { x, y }, { width: SIDE, height: SIDE });
    await page.mouse.click(at.x, at.y);
  }
  await expect(page.locator('#prompts li')).toHaveCount(corners.length);
  await page.locator('#label-accept-drawing').click();
  await expect(page.locator('#label-place')).toContainText('square: one frame labelled');
  const files = unzipSync((await saved(page, '#labels-save')).bytes);
  const [png] = Object.entries(files).filter(([name]) => name.startsWith('Train/gts/')).map(([, bytes]) => bytes);
  const area = [...decodePng(png!).data].filter((id) => id === 1).length;
  expect(Math.abs(area / 60 ** 2 - 1)).toBeLessThan(0.06);
});

test('the mask of a structure that the model knows is where the label of another begins', async ({ page }) => {
  await start(page, 1);
  await loadBase(page);
  await page.locator('#files').setInputFiles(path('../../weights/hip.cine'));
  await settled(page);
  await openLearning(page);
  await addStructure(page, 'head of mine');
  // The femoral head as the model found it, on its own.
  await page.locator('#structures label', { hasText: 'femoral head' }).click();
  await page.locator('#label-accept').click();
  await expect(page.locator('#label-place')).toContainText('head of mine: one frame labelled');
  const found = decodePng((await saved(page, '#export-masks')).bytes).data;
  const files = unzipSync((await saved(page, '#labels-save')).bytes);
  const [, png] = Object.entries(files).find(([name]) => name.startsWith('Train/gts/'))!;
  const inLabel = [...decodePng(png).data].filter((id) => id === 1).length;
  expect(inLabel).toBeGreaterThan(100);
  expect(inLabel).toBe([...found].filter((id) => id === 2).length);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing serious while labelling, learning and after it, ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await start(page, 3);
    await label(page, [1, 6, 11, 16], 'draw');
    expect(await serious(page)).toEqual([]);
    await shoot(page, `labelled-${colorScheme}`);
    await page.locator('#learn').click();
    await expect.poll(async () => (await recorded(page)).steps.length, LEARNT).toBeGreaterThan(0);
    await page.locator('#learn-pause').click();
    await expect(page.locator('#learn-status')).toContainText('Paused', LEARNT);
    expect(await serious(page)).toEqual([]);
    await shoot(page, `learning-${colorScheme}`);
    await page.locator('#learn-pause').click();
    await expect(page.locator('#learnt-models li')).toHaveCount(1, LEARNT);
    expect(await serious(page)).toEqual([]);
    await shoot(page, `learnt-${colorScheme}`);
  });
}

test('nothing is wider than a phone', async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await start(page, 1);
  await openLabelledDiscs(page, [1, 6, 11, 16]);
  await page.locator('#learn').scrollIntoViewIfNeeded();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
});

/** To be looked at: SAM2RAD_SCREENSHOTS names a folder. */
async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env.SAM2RAD_SCREENSHOTS;
  if (folder === undefined) return;
  for (const width of [360, 820, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    await page.locator('#learn-panel').scrollIntoViewIfNeeded();
    await page.screenshot({ path: `${folder}/${name}-${width}.png`, fullPage: true });
  }
}
