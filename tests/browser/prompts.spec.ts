// Prompts: what each tool asks of the model, that the decoder alone answers, and that nothing given is lost.

import { expect, test, type Page } from '../../www/playwright';
import { FRAMES, makeCine, SIDE } from './media';
import { asked, colouredPixels, lastRequest, onScreen, openWithModel, path, pixelAt, settled } from './support';

test.beforeEach(async ({ page }) => {
  await openWithModel(page);
  await page.locator('#files').setInputFiles(makeCine());
  await settled(page);
});

const screen = (page: Page, x: number, y: number) => onScreen(page, { x, y }, { width: SIDE, height: SIDE });

async function drag(page: Page, ...places: [x: number, y: number][]): Promise<void> {
  const [first, ...others] = await Promise.all(places.map(([x, y]) => screen(page, x, y)));
  await page.mouse.move(first!.x, first!.y);
  await page.mouse.down();
  for (const { x, y } of others) await page.mouse.move(x, y, { steps: 4 });
  await page.mouse.up();
}

async function click(page: Page, x: number, y: number, options: Parameters<Page['mouse']['click']>[2] = {}): Promise<void> {
  const at = await screen(page, x, y);
  await page.mouse.click(at.x, at.y, options);
}

async function tool(page: Page, key: string): Promise<void> {
  await page.locator('#canvas').focus();
  await page.keyboard.press(key);
}

test('points inside and outside are in the picture\'s pixels, and the decoder alone answers', async ({ page }) => {
  const looked = (await asked(page, 'encode')).length;
  await tool(page, 'i');
  await click(page, 64, 40);
  await settled(page);
  await click(page, 20, 90, { button: 'right' });
  await settled(page);
  await tool(page, 'o');
  await click(page, 100, 100);
  await settled(page);
  const { mode, prompts } = await lastRequest(page);
  expect(mode).toBe('semi-autonomous');
  expect(prompts[0]!.points.map(({ x, y, inside }) => [Math.round(x), Math.round(y), inside])).toEqual([[64, 40, true], [20, 90, false], [100, 100, false]]);
  await expect(page.locator('#prompts li')).toHaveCount(3);
  await expect(page.locator('#hud-mode')).toHaveText('Model and your prompts');
  expect((await asked(page, 'encode')).length).toBe(looked);
});

test('a prompt changes the mask', async ({ page }) => {
  const area = () => page.locator('#structures .figures').textContent();
  const before = await area();
  await tool(page, 'b');
  await drag(page, [10, 60], [50, 110]);
  await expect.poll(area).not.toBe(before);
});

test('a box is drawn from any corner and replaces the one before', async ({ page }) => {
  await tool(page, 'b');
  await drag(page, [90, 80], [30, 20]);
  await settled(page);
  await drag(page, [20, 30], [60, 70]);
  await settled(page);
  const { prompts } = await lastRequest(page);
  expect(prompts[0]!.bounding_box!.map(Math.round)).toEqual([20, 30, 60, 70]);
  await expect(page.locator('#prompts li')).toHaveText(['Box, arc']);
});

test('a brush and an eraser give strokes with their width', async ({ page }) => {
  await tool(page, 'p');
  await page.locator('#brush-size').fill('6');
  await drag(page, [40, 40], [60, 40], [60, 60]);
  await settled(page);
  await tool(page, 'e');
  await drag(page, [50, 50], [52, 52]);
  await settled(page);
  const [first, second] = (await lastRequest(page)).prompts[0]!.strokes;
  expect(first).toMatchObject({ radius: 6, inside: true });
  expect(first!.path[0]!.map(Math.round)).toEqual([40, 40]);
  expect(first!.path.at(-1)!.map(Math.round)).toEqual([60, 60]);
  expect(second).toMatchObject({ inside: false });
  await expect(page.locator('#prompts li')).toHaveText(['Brush, arc', 'Eraser, arc']);
});

test('undo and redo go through every prompt, and clear is one step', async ({ page }) => {
  await tool(page, 'i');
  await click(page, 30, 30);
  await click(page, 60, 60);
  const list = page.locator('#prompts li');
  await expect(list).toHaveCount(2);
  await page.keyboard.press('Control+z');
  await expect(list).toHaveCount(1);
  await page.keyboard.press('Control+Shift+z');
  await expect(list).toHaveCount(2);
  await page.keyboard.press('Delete');
  await expect(list).toHaveCount(0);
  await expect(page.locator('#hud-mode')).toHaveText('Autonomous');
  await page.keyboard.press('Control+z');
  await expect(list).toHaveCount(2);
  await page.getByRole('button', { name: 'Remove: Point inside, arc' }).first().click();
  await expect(list).toHaveCount(1);
  await settled(page);
  expect((await lastRequest(page)).prompts[0]!.points).toHaveLength(1);
});

test('manual mode asks with a person\'s prompts alone', async ({ page }) => {
  await page.locator('#manual').check();
  await settled(page);
  await expect(page.locator('#structures')).toContainText('no prompts for it');
  await tool(page, 'b');
  await drag(page, [30, 20], [90, 80]);
  await settled(page);
  expect((await lastRequest(page)).mode).toBe('manual');
  await expect(page.locator('#structures')).toContainText(/found|absent/);
});

test('with the model that ships a box in manual mode gives a mask where it is', async ({ page }) => {
  await page.locator('#model').setInputFiles(path('../../weights/hip.safetensors'));
  await expect(page.locator('#model-status')).toContainText('femoral head');
  await page.locator('#files').setInputFiles(path('../../weights/hip.cine'));
  await settled(page);
  await page.locator('#manual').check();
  await settled(page);
  await expect.poll(() => colouredPixels(page)).toBe(0);
  await tool(page, '2');
  await tool(page, 'b');
  // Around the femoral head on the cine's first frame.
  const size = { width: 344, height: 161 };
  const [from, to] = [await onScreen(page, { x: 170, y: 20 }, size), await onScreen(page, { x: 261, y: 110 }, size)];
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 4 });
  await page.mouse.up();
  await settled(page);
  await expect(page.locator('#structures')).toContainText(/found|absent/);
  const canvas = (await page.locator('#canvas').boundingBox())!;
  const middle = await pixelAt(page, ((from.x + to.x) / 2 - canvas.x) / canvas.width, ((from.y + to.y) / 2 - canvas.y) / canvas.height);
  expect(Math.abs(middle[0]! - middle[2]!)).toBeGreaterThan(15);
});

test('prompts are carried to the next frames, or not', async ({ page }) => {
  await tool(page, 'i');
  await click(page, 64, 40);
  await page.keyboard.press('ArrowRight');
  await expect(page.locator('#place')).toHaveText(`2 / ${FRAMES}`);
  await settled(page);
  await expect(page.locator('#prompts li')).toHaveCount(1);
  expect((await lastRequest(page)).prompts).toHaveLength(1);
  await page.locator('#carry').uncheck();
  await expect(page.locator('#prompts li')).toHaveCount(0);
  await settled(page);
  expect((await lastRequest(page)).prompts).toHaveLength(0);
  await page.locator('#canvas').focus();
  await page.keyboard.press('ArrowLeft');
  await expect(page.locator('#prompts li')).toHaveCount(1);
});

test('a double click on a tool\'s place does not zoom, and a drag with a point tool adds nothing', async ({ page }) => {
  await tool(page, 'i');
  await drag(page, [20, 20], [80, 80]);
  await expect(page.locator('#prompts li')).toHaveCount(0);
});

test('points, boxes and strokes are placed by keyboard alone', async ({ page }) => {
  const list = page.locator('#prompts li');
  const canvas = page.locator('#canvas');
  const press = async (...keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  await canvas.focus();
  await press('i', 'Enter', 'ArrowUp', 'ArrowUp', 'Enter');
  await expect(list).toHaveCount(1);
  // Far enough from the first: nearer, that one would be moved.
  await press('ArrowLeft', 'ArrowLeft', 'ArrowLeft', 'Shift+ArrowLeft', 'Enter');
  await expect(list).toHaveCount(2);
  await settled(page);
  const [first, second] = (await lastRequest(page)).prompts[0]!.points;
  expect(second!.x).toBeLessThan(first!.x);
  expect(second!.y).toBe(first!.y);
  await press('b', 'Enter', 'ArrowLeft', 'Enter', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowDown', 'Enter');
  await settled(page);
  const [left, top, right, bottom] = (await lastRequest(page)).prompts[0]!.bounding_box!;
  expect(right! - left!).toBeGreaterThan(bottom! - top!);
  await press('p', 'Enter', 'ArrowDown', 'Enter', 'ArrowRight', 'ArrowRight', 'Enter');
  await settled(page);
  expect((await lastRequest(page)).prompts[0]!.strokes[0]!.path.length).toBe(3);
  // What is begun is given up by Escape; without the cross arrows step again.
  await press('b', 'Enter', 'ArrowLeft', 'Enter', 'ArrowRight', 'Escape', 'ArrowRight');
  await expect(page.locator('#place')).toHaveText(`2 / ${FRAMES}`);
  await expect(list).toHaveCount(4);
});
