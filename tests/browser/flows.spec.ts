// What a person does between opening and exporting: many files at once, cameras, links, the clipboard, and moving what was drawn.

import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { ARGS, EXECUTABLE, expect, test, type Page } from '../../www/playwright';
import { FRAMES, frameOnStage, greyFrame, greyPng, makeCine, SIDE } from './media';
import { modelFile, stubModel } from './stub-model';
import { onScreen, path, serveDemo } from './support';

test.use({
  launchOptions: {
    executablePath: EXECUTABLE,
    args: [...ARGS, '--use-fake-device-for-media-stream=device-count=2', '--use-fake-ui-for-media-stream'],
  },
});

const SIZE = { width: SIDE, height: SIDE };
const picture = (name: string, frame: number) => ({ name, mimeType: 'image/png', buffer: greyPng(greyFrame(frame)) });
const screen = (page: Page, x: number, y: number) => onScreen(page, { x, y }, SIZE);

async function start(page: Page): Promise<void> {
  await stubModel(page);
  await page.goto('./');
  await page.locator('#model').setInputFiles(modelFile('disc.safetensors', ['disc']));
  await expect(page.locator('#model-status')).toContainText('is ready');
}

async function drag(page: Page, from: [number, number], to: [number, number]): Promise<void> {
  const [a, b] = [await screen(page, ...from), await screen(page, ...to)];
  await page.mouse.move(a.x, a.y);
  await page.mouse.down();
  await page.mouse.move(b.x, b.y, { steps: 4 });
  await page.mouse.up();
}

const asked = (page: Page) => page.evaluate(() => (window as unknown as { asked: { type: string; prompts?: { points: { x: number; y: number }[]; bounding_box?: number[] }[]; crop?: number[] }[] }).asked);
const lastPrompts = async (page: Page) => (await asked(page)).filter(({ type }) => type === 'segment').at(-1)!.prompts!;

test('a folder of mixed files opens as a list, names what it leaves out, and keeps the work on each', async ({ page }) => {
  const folder = path('../../target/browser/mixed');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(`${folder}/sub`, { recursive: true });
  copyFileSync(makeCine(), `${folder}/a.cine`);
  copyFileSync(path('../fixtures/video/disc.webm'), `${folder}/b.webm`);
  for (const frame of [1, 2]) writeFileSync(`${folder}/sub/${frame}.png`, greyPng(greyFrame(frame)));
  for (const name of ['._a.png', 'Thumbs.db', 'notes.json', 'DICOMDIR']) writeFileSync(`${folder}/${name}`, '{}');
  writeFileSync(`${folder}/broken.mp4`, 'no video');
  await start(page);
  await page.locator('#folder').setInputFiles(folder);
  const list = page.locator('#worklist li');
  await expect(list).toHaveCount(4);
  await expect(list.nth(0).getByRole('button')).toHaveAttribute('aria-current', 'true');
  await expect(page.locator('#notice')).toContainText('Not opened:');
  await expect(page.locator('#notice')).toContainText('and 1 more');
  await page.keyboard.press('d');
  await drag(page, [40, 100], [90, 100]);
  await expect(page.locator('#calipers li')).toHaveCount(1);
  await page.locator('#worklist').getByRole('button', { name: '2 pictures' }).click();
  await expect(page.locator('#strip button')).toHaveCount(2);
  await expect(page.locator('#calipers li')).toHaveCount(0);
  await page.locator('#worklist').getByRole('button', { name: 'broken.mp4' }).click();
  await expect(list.filter({ hasText: 'broken.mp4' })).toContainText('is not a video this browser can decode');
  await expect(page.locator('#strip button')).toHaveCount(2);
  await page.locator('#worklist').getByRole('button', { name: 'a.cine' }).click();
  await expect(page.locator('#calipers li')).toHaveCount(1);
});

test('of several pictures those that can be read open, though the first cannot', async ({ page }) => {
  await start(page);
  const broken = { ...picture('1.png', 1), buffer: picture('1.png', 1).buffer.subarray(0, 90) };
  await page.locator('#files').setInputFiles([broken, picture('2.png', 2), picture('3.png', 3)]);
  await expect(page.locator('#place')).toHaveText('2 / 3');
  await page.locator('#segment-all').click();
  await expect(page.locator('#failure')).toContainText('Frame 1 of 3 was left out. “1.png”');
  await expect(page.locator('#answered')).toHaveText('2 of 3 segmented');
});

test('one crop serves a whole folder, and undo takes it back from all', async ({ page }) => {
  await start(page);
  await page.locator('#files').setInputFiles([picture('1.png', 1), picture('2.png', 2)]);
  await page.keyboard.press('c');
  await page.getByRole('button', { name: 'Crop, left side' }).press('Shift+ArrowRight');
  await page.locator('#crop-every').click();
  await page.locator('#strip button').nth(1).click();
  await expect(page.locator('#source-facts')).toContainText('crop 118 × 128');
  await expect.poll(async () => (await asked(page)).filter(({ type }) => type === 'encode').at(-1)!.crop).toEqual([10, 0, 128, 128]);
  await page.locator('#canvas').focus();
  await page.keyboard.press('Control+z');
  await page.locator('#strip button').nth(1).click();
  await expect(page.locator('#place')).toHaveText('2 / 2');
  await expect(page.locator('#source-facts')).not.toContainText('crop');
});

test('a seek that comes late does not blank the source that was opened meanwhile', async ({ page }) => {
  await start(page);
  await page.locator('#files').setInputFiles(makeCine());
  await expect(page.locator('#place')).toHaveText(`1 / ${FRAMES}`);
  await page.evaluate(() => {
    const real = createImageBitmap;
    // The next picture takes its time, those after it do not.
    Object.assign(window, {
      createImageBitmap: async (...given: Parameters<typeof real>) => {
        Object.assign(window, { createImageBitmap: real });
        await new Promise((later) => setTimeout(later, 1500));
        return real(...given);
      },
    });
  });
  await page.keyboard.press('End');
  await page.locator('#files').setInputFiles(picture('next.png', 20));
  await expect(page.locator('#source-facts')).toContainText('next.png');
  await page.keyboard.press('h');
  await expect.poll(() => frameOnStage(page)).toBeCloseTo(20, 0);
  await page.waitForTimeout(1600);
  expect(await frameOnStage(page)).toBeCloseTo(20, 0);
});

test('points, corners of boxes and ends of distances are moved, each in one step of undo', async ({ page }) => {
  await start(page);
  await page.locator('#files').setInputFiles(makeCine());
  await page.locator('#canvas').focus();
  await page.keyboard.press('i');
  const at = await screen(page, 64, 40);
  await page.mouse.click(at.x, at.y);
  await expect(page.locator('#prompts li')).toHaveCount(1);
  await drag(page, [64, 40], [90, 50]);
  await expect.poll(async () => (await lastPrompts(page))[0]!.points.map(({ x, y }) => [Math.round(x), Math.round(y)])).toEqual([[90, 50]]);
  await page.keyboard.press('b');
  await drag(page, [20, 20], [60, 70]);
  await expect(page.locator('#prompts li')).toHaveCount(2);
  await drag(page, [60, 70], [100, 110]);
  await expect.poll(async () => (await lastPrompts(page))[0]!.bounding_box!.map(Math.round)).toEqual([20, 20, 100, 110]);
  await page.keyboard.press('d');
  await drag(page, [20, 100], [60, 100]);
  await expect(page.locator('#calipers')).toContainText('10.0 mm');
  await drag(page, [60, 100], [100, 100]);
  await expect(page.locator('#calipers')).toContainText('20.0 mm');
  await expect(page.locator('#calipers li')).toHaveCount(1);
  await page.keyboard.press('Control+z');
  await expect(page.locator('#calipers')).toContainText('10.0 mm');
});

test('a picture is pasted', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await start(page);
  const base64 = greyPng(greyFrame(7)).toString('base64');
  await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': new Blob([bytes], { type: 'image/png' }) })]);
  }, base64);
  await page.keyboard.press('Control+v');
  await expect(page.locator('#source-facts')).toContainText('Pictures: image.png');
  await page.keyboard.press('h');
  await expect.poll(() => frameOnStage(page)).toBeCloseTo(7, 0);
});

test('one’s own model that comes with a picture is the one that is used', async ({ page }) => {
  await stubModel(page);
  await serveDemo(page, makeCine());
  await page.goto('./');
  await page.locator('#files').setInputFiles([modelFile('mine.safetensors', ['mine']), picture('a.png', 1)]);
  await expect(page.locator('#model-status')).toContainText('mine.safetensors is ready');
  await expect(page.locator('#structures')).toContainText('mine');
});

test('an exception in one view stops neither the others nor the model', async ({ page }) => {
  await start(page);
  await page.evaluate(() => {
    const { replaceChildren } = Element.prototype;
    Element.prototype.replaceChildren = function (...nodes) {
      if (this.tagName === 'TBODY') throw new Error('a view that fails');
      return replaceChildren.apply(this, nodes);
    };
  });
  await page.locator('#files').setInputFiles(makeCine());
  await expect(page.locator('#place')).toHaveText(`1 / ${FRAMES}`);
  await expect(page.locator('#answered')).toHaveText(`1 of ${FRAMES} segmented`);
  await page.keyboard.press('ArrowRight');
  await expect(page.locator('#answered')).toHaveText(`2 of ${FRAMES} segmented`);
  expect((await asked(page)).filter(({ type }) => type === 'choose-backend')).toHaveLength(1);
  await expect(page.locator('#failure')).toBeEmpty();
});

test('the old camera stops before the new one opens, the list shows the one in use, and a lost signal is said', async ({ page, context }) => {
  await context.grantPermissions(['camera']);
  await page.addInitScript(() => {
    const log: string[] = [];
    Object.assign(window, { log });
    const { getUserMedia } = MediaDevices.prototype;
    MediaDevices.prototype.getUserMedia = async function (this: MediaDevices, ...wanted) {
      log.push('open');
      const stream = await getUserMedia.apply(this, wanted);
      const [track] = stream.getVideoTracks();
      const { stop } = track!;
      track!.stop = () => {
        log.push('stop');
        stop.call(track);
      };
      Object.assign(window, { track });
      return stream;
    };
  });
  await start(page);
  await page.locator('#source-panel').getByRole('button', { name: 'Camera', exact: true }).click();
  await expect(page.locator('#hud-speed')).toContainText('fps');
  const cameras = page.locator('#cameras');
  await expect(cameras.locator('option')).toHaveCount(2);
  const first = await cameras.inputValue();
  await page.locator('#turn-camera').click();
  await expect(cameras).not.toHaveValue(first);
  await expect(page.locator('#hud-speed')).toContainText('fps');
  await cameras.selectOption(first);
  await expect(page.locator('#hud-speed')).toContainText('fps');
  await expect.poll(() => page.evaluate(() => (window as unknown as { log: string[] }).log)).toEqual(['open', 'stop', 'open', 'stop', 'open']);
  await page.evaluate(() => (window as unknown as { track: MediaStreamTrack }).track.dispatchEvent(new Event('mute')));
  await expect(page.locator('#failure')).toContainText('sends no picture at the moment');
  await page.evaluate(() => (window as unknown as { track: MediaStreamTrack }).track.dispatchEvent(new Event('unmute')));
  await expect(page.locator('#failure')).toBeEmpty();
});

test('a still and a clip of the live picture are saved with their masks', async ({ page, context }) => {
  await context.grantPermissions(['camera']);
  await start(page);
  await page.locator('#source-panel').getByRole('button', { name: 'Camera', exact: true }).click();
  await expect(page.locator('#hud-speed')).toContainText('fps');
  const [still] = await Promise.all([page.waitForEvent('download'), page.locator('#export-overlay').click()]);
  expect(readFileSync(await still.path()).subarray(1, 4).toString()).toBe('PNG');
  await expect(page.locator('#export-status')).toContainText('Saved');
  await page.locator('#export-clip').click();
  await expect(page.locator('#export-status')).toContainText(/Recording, \d+ s/);
  const [clip] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Stop and save' }).click()]);
  const bytes = readFileSync(await clip.path());
  await page.locator('#files').setInputFiles({ name: 'clip.webm', mimeType: 'video/webm', buffer: bytes });
  // Below the picture a strip says what it is.
  await expect(page.locator('#source-facts')).toContainText(/\d+ × (500|740|1100) px/);
  await expect(page.locator('#source-facts')).toContainText(/\d+ frames/);
});
