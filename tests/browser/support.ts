// What the browser tests share: files, the page opened with a model, what it asked of its worker, and what is on the stage.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '../../www/packages-for-tests';
import { expect, type Page } from '../../www/playwright';

export const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
export const model = path('../../target/browser/nano.safetensors');
export const picture = path('../fixtures/frame.png');
/** The command line, where `./build.sh test` or cargo built it. */
export const SAM2RAD = path('../../target/release/sam2rad');

/** Whatever the console, the page or the content policy complains of. */
export function complaints(page: Page): string[] {
  const found: string[] = [];
  page.on('console', (message) => message.type() === 'error' && found.push(message.text()));
  page.on('pageerror', (error) => found.push(error.message));
  return found;
}

export interface Message {
  type: string;
  /** Milliseconds; of the request and of its answer, 0 while there is none. */
  asked: number;
  answered: number;
  request?: { mode: string; prompts: { structure: number; points: { x: number; y: number; inside: boolean }[]; bounding_box?: number[]; strokes: { path: number[][]; radius: number; inside: boolean }[] }[] };
  crop?: number[];
}

/** Writes down every request to the model's worker and when it was answered. Call before the page is opened. */
export async function watchWorker(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const asked: Message[] = [];
    Object.assign(window, { asked });
    const byId = new Map<number, Message>();
    // Its listener comes before the page's: an answer is written down before the page asks again.
    window.Worker = class extends Worker {
      private readonly ofModel: boolean;

      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        this.ofModel = options?.name === 'sam2rad';
        this.addEventListener('message', ({ data }) => {
          const about = this.ofModel ? byId.get(data.id) : undefined;
          if (data.type !== 'progress' && about) about.answered = performance.now();
        });
      }

      override postMessage(data: { id: number; request: Message }, ...rest: unknown[]): void {
        if (!this.ofModel) return super.postMessage(data, ...(rest as [Transferable[]]));
        const { type, request, crop } = data.request;
        const message: Message = { type, asked: performance.now(), answered: 0, ...(request && { request: structuredClone(request) }), ...(crop && { crop }) };
        asked.push(message);
        byId.set(data.id, message);
        super.postMessage(data, ...(rest as [Transferable[]]));
      }
    };
  });
}

export function asked(page: Page, type?: string): Promise<Message[]> {
  return page.evaluate((type) => (window as unknown as { asked: Message[] }).asked.filter((message) => type === undefined || message.type === type), type);
}

/** The last question that was answered. */
export async function lastRequest(page: Page): Promise<NonNullable<Message['request']>> {
  const messages = await asked(page, 'segment');
  return messages.at(-1)!.request!;
}

/** The page with the formula's model in it. */
export async function openWithModel(page: Page): Promise<void> {
  await watchWorker(page);
  await page.goto('./?backend=cpu');
  await page.locator('#model').setInputFiles(model);
  await expect(page.locator('#model-status')).toContainText('is ready');
}

/** Opens a picture and waits for its masks. */
export async function segmentPicture(page: Page, file = picture): Promise<void> {
  await page.locator('#files').setInputFiles(file);
  await settled(page);
}

/** Until the frame on the stage has its answer, drawn. */
export async function settled(page: Page): Promise<void> {
  await expect(page.locator('#training-data')).toContainText('Model’s training data');
  await expect.poll(async () => (await asked(page)).every(({ type, answered }) => answered > 0 || type === 'choose-backend')).toBe(true);
  // The stage draws in the animation frame after the one that the answer came in.
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
}

/** The stage's pixels: red, green, blue, alpha of one, a share of the canvas from its left top. */
export function pixelAt(page: Page, x: number, y: number): Promise<number[]> {
  return page.locator('#canvas').evaluate(
    (canvas: HTMLCanvasElement, [x, y]) => [...canvas.getContext('2d')!.getImageData(Math.round(x! * canvas.width), Math.round(y! * canvas.height), 1, 1).data],
    [x, y],
  );
}

/** How many pixels of the stage are coloured, as masks and prompts are and the pictures are not. */
export function colouredPixels(page: Page): Promise<number> {
  return page.locator('#canvas').evaluate((canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) if (Math.abs(data[i]! - data[i + 2]!) > 40) count++;
    return count;
  });
}

/** Where a place of the picture is on the screen, for a picture that is fitted. `at` is in pixels of the picture. */
export async function onScreen(page: Page, at: { x: number; y: number }, size: { width: number; height: number }): Promise<{ x: number; y: number }> {
  const box = (await page.locator('#canvas').boundingBox())!;
  const scale = Math.min((box.width * 0.96) / size.width, (box.height * 0.96) / size.height);
  return {
    x: box.x + (box.width - size.width * scale) / 2 + at.x * scale,
    y: box.y + (box.height - size.height * scale) / 2 + at.y * scale,
  };
}

/** As a static host does that sends the page without the headers of cross-origin isolation. */
export async function withoutIsolation(target: Pick<Page, 'route'>): Promise<void> {
  await target.route(/\/(\?.*|index\.html)?$/, async (route) => {
    const response = await route.fetch();
    const headers = Object.fromEntries(Object.entries(response.headers()).filter(([name]) => !name.startsWith('cross-origin-')));
    await route.fulfill({ response, headers });
  });
}

/** Serves a demo cine and the model for it, as build.sh puts them there. */
export async function serveDemo(page: Page, cine: string): Promise<void> {
  await page.route('**/demo/index.json', (route) => route.fulfill({ json: [{ name: 'test', title: 'simulated disc', file: 'test.cine', model: 'nano', spacing_mm: 0.25 }] }));
  await page.route('**/demo/test.cine', (route) => route.fulfill({ body: readFileSync(cine) }));
  const bytes = readFileSync(model);
  await page.route('**/models/index.json', (route) => route.fulfill({ json: [{ name: 'nano', title: 'Formula', file: 'nano.safetensors', bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }] }));
  await page.route('**/models/nano.safetensors', (route) => route.fulfill({ body: bytes }));
}

/** The file that a press of a button saves. */
export async function saved(page: Page, button: string): Promise<{ name: string; bytes: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

/** The rows of a table without quoted separators, by the names of their columns. */
export function csvRows({ bytes }: { bytes: Buffer }): Record<string, string>[] {
  const [header, ...rows] = bytes.toString().split('\r\n').slice(0, -1).map((line) => line.split(','));
  return rows.map((cells) => Object.fromEntries(header!.map((name, at) => [name, cells[at]!])));
}

/** Drags from one place of a fitted picture to another. */
export async function drag(page: Page, from: { x: number; y: number }, to: { x: number; y: number }, size: { width: number; height: number }): Promise<void> {
  const [start, end] = [await onScreen(page, from, size), await onScreen(page, to, size)];
  await page.mouse.move(start.x, start.y);
  await page.mouse.down();
  await page.mouse.move(end.x, end.y, { steps: 4 });
  await page.mouse.up();
}

/**
 * For how many ms of a second and a half the page could not answer: what lies beyond 16 ms between two of its turns. With a selector, that
 * is pressed meanwhile. Other programs hold it up too, so two of these are compared.
 */
export function heldUp(page: Page, pressed: string | null = null): Promise<number> {
  return page.evaluate(
    (pressed) =>
      new Promise<number>((resolve) => {
        const { port1, port2 } = new MessageChannel();
        const start = performance.now();
        let [last, sum] = [start, 0];
        port1.onmessage = () => {
          const now = performance.now();
          sum += Math.max(0, now - last - 16);
          last = now;
          if (now - start > 1500) resolve(sum);
          else port2.postMessage(null);
        };
        port2.postMessage(null);
        if (pressed !== null) document.querySelector<HTMLElement>(pressed)!.click();
      }),
    pressed,
  );
}

/** Ends the page's process, as a browser that runs out of memory does. */
export async function crash(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent('crash');
  void session.send('Page.crash').catch(() => undefined);
  await crashed;
}

/** Findings that keep someone from using the page, each with the first place it is at. */
export async function serious(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, help, nodes }) => nodes.map(({ html, any }) => `${id}: ${help}: ${html} ${any.map(({ message }) => message).join(' ')}`));
}

/** Presses Tab until the focus is on it. */
export async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 160; presses++) {
    if (await page.evaluate((selector) => document.activeElement?.matches(selector) === true, selector)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not lead to ${selector}`);
}
