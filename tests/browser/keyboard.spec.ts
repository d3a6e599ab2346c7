// The page without a pointer, for a finger, and in other colours.

import { expect, test } from '../../www/playwright';
import { FRAMES, makeCine } from './media';
import { openWithModel, saved, segmentPicture, serveDemo, settled, tabTo, watchWorker } from './support';

test('the main job needs no pointer: open, correct, look, save', async ({ page }) => {
  await watchWorker(page);
  await serveDemo(page, makeCine());
  await page.goto('./?backend=cpu');
  await expect(page.locator('#see-it-work')).toBeVisible();
  await tabTo(page, '#see-it-work');
  await page.keyboard.press('Enter');
  await expect(page.locator('#hud-speed')).toContainText('fps');
  await tabTo(page, '#play');
  await page.keyboard.press('Space');
  await settled(page);

  await tabTo(page, '#canvas');
  await page.keyboard.press('i');
  await page.keyboard.press('Enter');
  await expect(page.locator('#cursor-place')).toHaveText(/^\d+ across, \d+ down, on (no structure|arc)$/);
  const before = await page.locator('#cursor-place').textContent();
  await page.keyboard.press('ArrowRight');
  await expect(page.locator('#cursor-place')).not.toHaveText(before!);
  await page.keyboard.press('Enter');
  await expect(page.locator('#cursor-place')).toContainText('Point set.');
  await expect(page.locator('#prompts li')).toHaveText(['Point inside, arc']);
  await settled(page);

  await page.keyboard.press('Escape');
  await page.keyboard.press('r');
  await expect(page.locator('#reviewed')).toBeChecked();
  await tabTo(page, '#export-csv');
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
  expect(download.suggestedFilename()).toMatch(/_measurements\.csv$/);
});

test('arrow keys in a row of choices stay there, and letters can be switched off', async ({ page }) => {
  await openWithModel(page);
  await page.locator('#files').setInputFiles(makeCine());
  await settled(page);
  await page.locator('input[name=overlay][value=both]').focus();
  await page.keyboard.press('ArrowRight');
  await expect(page.locator('input[name=overlay][value=fill]')).toBeChecked();
  await expect(page.locator('#place')).toHaveText(`1 / ${FRAMES}`);

  await page.keyboard.press('?');
  await page.locator('#single-keys').uncheck();
  await page.keyboard.press('Escape');
  await page.locator('#canvas').focus();
  await page.keyboard.press('b');
  await expect(page.locator('[aria-keyshortcuts=B]')).toHaveAttribute('aria-pressed', 'false');
  // Keys that no speech gives by chance still work.
  await page.keyboard.press('ArrowRight');
  await expect(page.locator('#place')).toHaveText(`2 / ${FRAMES}`);
  await page.reload();
  await page.getByRole('button', { name: 'Keys and gestures' }).click();
  await expect(page.locator('#single-keys')).not.toBeChecked();
});

test('nothing that gets the focus scrolls the page away', async ({ page }) => {
  await page.setViewportSize({ width: 1280, height: 640 });
  await openWithModel(page);
  await segmentPicture(page);
  const top = () => page.evaluate(() => [document.scrollingElement!.scrollTop, document.querySelector('header')!.getBoundingClientRect().top]);
  await page.evaluate(() => {
    for (const element of document.querySelectorAll<HTMLElement>('button, input, select, summary, a')) {
      element.focus();
      element.scrollIntoView();
    }
    document.scrollingElement!.scrollTop = 400;
  });
  expect(await top()).toEqual([0, 0]);
});

test('what a finger has to hit is 44 pixels large, what a mouse has 24', async ({ browser }) => {
  for (const [hasTouch, least] of [[true, 44], [false, 24]] as const) {
    const context = await browser.newContext({ hasTouch, isMobile: hasTouch, viewport: { width: 390, height: 800 } });
    const page = await context.newPage();
    await openWithModel(page);
    await segmentPicture(page);
    const small = await page.evaluate((least) => {
      const targets = [...document.querySelectorAll<HTMLElement>('button, select, summary, a, input:not(.visually-hidden, [type=file]), .button')];
      return targets.flatMap((target) => {
        // A label's whole area takes the press for its field; a link in a sentence is as high as the line.
        const area = target.closest<HTMLElement>('label') ?? target;
        const { width, height } = area.getBoundingClientRect();
        return width === 0 || target.matches('p > a') || (width >= least - 0.5 && height >= least - 0.5) ? [] : [`${target.outerHTML.slice(0, 80)}: ${width.toFixed(0)} x ${height.toFixed(0)}`];
      });
    }, least);
    expect(small).toEqual([]);
    await context.close();
  }
});

test('in the reader\'s own colours what is chosen is told by a border, and a structure keeps its colour', async ({ page }) => {
  await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' });
  await openWithModel(page);
  await segmentPicture(page);
  const outline = (selector: string) => page.locator(selector).evaluate((element) => getComputedStyle(element).outlineStyle);
  expect(await outline('[aria-keyshortcuts=V]')).toBe('solid');
  expect(await outline('[aria-keyshortcuts=B]')).toBe('none');
  expect(await page.locator('#structures input[type=color]').first().evaluate((element) => getComputedStyle(element).forcedColorAdjust)).toBe('none');
  expect(await page.locator('#hud-working .spinner').evaluate((element) => getComputedStyle(element).animationName)).toBe('none');
  await saved(page, '#export-overlay');
});
