// Look inside: what each part shows, that it follows what is chosen, and that tokens can be switched off.

import { expect, test, type Page } from '../../www/playwright';
import { FRAMES, makeCine } from './media';
import { asked, complaints, lastRequest, openWithModel, path, segmentPicture, settled } from './support';

async function openPanel(page: Page): Promise<void> {
  await page.locator('#inside-panel > summary').click();
  await expect(page.locator('#attention-map')).toBeVisible();
  await expect(page.locator('#inside-status')).toBeHidden();
}

/** The pixels of a map, as text to be compared. */
function drawn(page: Page, id: string): Promise<string> {
  return page.locator(`#${id}`).evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
}

test('a picture is looked into when the panel is opened, once', async ({ page }) => {
  const errors = complaints(page);
  await openWithModel(page);
  await segmentPicture(page);
  expect(await asked(page, 'explain')).toHaveLength(0);
  await openPanel(page);
  for (const sentence of ['takes most from', 'expects the structure', 'look alike to the model', 'does not get this token']) {
    await expect(page.locator('#inside-panel')).toContainText(sentence);
  }
  await expect(page.locator('#attention-map')).toHaveAttribute('aria-label', /Token 1: box corner looks most at the .+ of the picture/);
  await expect(page.locator('#attention-share')).toContainText('falls on the picture');
  await expect(page.locator('#tokens li')).toHaveCount(10);
  await expect(page.locator('#tokens .figures').first()).toContainText('of the mask; without it the model expects');
  // The panel closed and opened again has its look still.
  await page.locator('#inside-panel > summary').click();
  await openPanel(page);
  expect(await asked(page, 'explain')).toHaveLength(1);
  // A still picture has no time.
  await expect(page.locator('#timeline')).toBeHidden();
  await page.screenshot({ path: path('../../target/browser/inside.png') });
  for (const map of ['attention-map', 'expected-map', 'features-map']) await page.locator(`#${map}`).screenshot({ path: path(`../../target/browser/${map}.png`) });
  await page.locator('#tokens').screenshot({ path: path('../../target/browser/tokens.png') });
  expect(errors).toEqual([]);
});

test('maps follow the token, the scale and the features that are chosen, by keyboard', async ({ page }) => {
  await openWithModel(page);
  await segmentPicture(page);
  await openPanel(page);
  const seen = new Set([await drawn(page, 'attention-map')]);
  for (const choice of ['inside-token', 'inside-scale']) {
    await page.locator(`#${choice}`).focus();
    await page.keyboard.press('ArrowDown');
    seen.add(await drawn(page, 'attention-map'));
  }
  expect(seen.size).toBe(3);
  const before = await drawn(page, 'features-map');
  await page.locator('#inside-features').focus();
  await page.keyboard.press('ArrowDown');
  expect(await drawn(page, 'features-map')).not.toBe(before);
});

test('a token that is switched off is not given to the decoder, and the stage says so', async ({ page }) => {
  await openWithModel(page);
  await segmentPicture(page);
  await openPanel(page);
  const figures = () => page.locator('#structures .figures').textContent();
  const before = await figures();
  const looked = (await asked(page, 'encode')).length;
  await page.getByRole('checkbox', { name: 'Token 1: box corner' }).focus();
  await page.keyboard.press('Space');
  await page.getByRole('checkbox', { name: 'Token 2: box corner' }).uncheck();
  await expect(page.locator('#hud-tokens')).toHaveText('2 of 10 prompt tokens off');
  await settled(page);
  expect((await lastRequest(page)) as unknown).toMatchObject({ tokens_off: [0, 1] });
  await expect.poll(figures).not.toBe(before);
  expect((await asked(page, 'encode')).length).toBe(looked);
  await page.getByRole('button', { name: 'All tokens on' }).click();
  await expect(page.locator('#hud-tokens')).toBeHidden();
  await expect.poll(figures).toBe(before);
});

test('the timeline has a point for each frame with an answer, and leads to the frame', async ({ page }) => {
  await openWithModel(page);
  await page.locator('#files').setInputFiles(makeCine());
  await settled(page);
  await openPanel(page);
  await expect(page.locator('#timeline-text')).toHaveText(new RegExp(`^Frame 1 of ${FRAMES}: (found|absent)\\. 1 frames have an answer\\.$`));
  await page.locator('#timeline-frame').focus();
  await page.keyboard.press('ArrowRight');
  await expect(page.locator('#place')).toHaveText(`2 / ${FRAMES}`);
  await settled(page);
  await expect(page.locator('#timeline-text')).toContainText('2 frames have an answer');
  await expect(page.locator('#attention-map')).toBeVisible();
});
