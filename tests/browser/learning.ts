// What the tests of learning share: what the worker that learns tells, the page opened for it, and labelled sets.

import { zipSync } from '../../www/packages-for-tests';
import { ARGS, EXECUTABLE, expect, type Page } from '../../www/playwright';
import { FRAMES, greyFrame, greyPng, makeCine, SIDE } from './media';
import { onScreen, path, settled, watchWorker } from './support';

/** Chromium as on a machine without a graphics card: the other tests' software adapter would take the cores that learn. */
export const PLAIN = { launchOptions: { executablePath: EXECUTABLE, args: ARGS } };

const BASE = path('../../weights/hip.safetensors');
const SIZE = { width: SIDE, height: SIDE };

/** A step takes half a second on a free machine, ten on a busy one. */
export const LEARNT = { timeout: 240_000 };

export interface Recorded {
  steps: { step: number; total: number }[];
  /** Seconds that each step took. */
  seconds: number[];
  /** Of the worker's memory after each step, in bytes. */
  memory: number[];
  validations: { step: number; dice: (number | null)[]; mean_dice: number; is_best: boolean }[];
}

/** Writes down what the worker that learns tells. Call before the page is opened. */
export async function watchLearner(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const learnt: Recorded = { steps: [], seconds: [], memory: [], validations: [] };
    Object.assign(window, { learnt });
    const Watched = window.Worker;
    window.Worker = class extends Watched {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        if (options?.name !== 'learner') return;
        this.addEventListener('message', ({ data }) => {
          if (data.type !== 'event') return;
          const { event } = data;
          if (event.kind === 'validation') learnt.validations.push({ ...event.validation, answers: undefined });
          if (event.kind !== 'step') return;
          learnt.steps.push(event.step);
          learnt.seconds.push(event.seconds);
          learnt.memory.push(event.memory);
        });
      }
    };
  });
}

export function recorded(page: Page): Promise<Recorded> {
  return page.evaluate(() => (window as unknown as { learnt: Recorded }).learnt);
}

/** Opens the page; `steps` are as many as the page chooses where they are null. */
export async function start(page: Page, steps: number | null): Promise<void> {
  await watchWorker(page);
  await watchLearner(page);
  await page.goto(steps === null ? './?backend=cpu' : `./?backend=cpu&steps=${steps}`);
}

export async function loadBase(page: Page): Promise<void> {
  await page.locator('#model').setInputFiles(BASE);
  await expect(page.locator('#model-status')).toContainText('hip.safetensors is ready');
}

/** What learns is fetched when its panel is first opened. */
export async function openLearning(page: Page): Promise<void> {
  await page.locator('#learn-panel > summary').click();
  await expect(page.locator('#labels-file')).toBeAttached();
}

/** Where the disc of `makeCine` is. */
export const middle = (frame: number) => ({ x: SIDE / 2 + (SIDE / 4) * Math.sin((frame / FRAMES) * 2 * Math.PI), y: SIDE / 2 });

/** Of the disc, in pixels of the cine. */
export const RADIUS = SIDE / 5;

interface LabelledFile {
  name: string;
  picture: Buffer;
  label: Buffer;
}

/** A labelled set in a trainer's folders, as an archive. */
export function labelledSet(structures: { name: string; color: number[] }[], files: readonly LabelledFile[]): { name: string; mimeType: string; buffer: Buffer } {
  const entries = files.flatMap(({ name, picture, label }) => [[`Train/imgs/${name}`, picture], [`Train/gts/${name}`, label]] as const);
  const description = Buffer.from(JSON.stringify({ structures }));
  return { name: 'labelled.zip', mimeType: 'application/zip', buffer: Buffer.from(zipSync({ ...Object.fromEntries(entries), 'dataset.json': description })) };
}

/** Frames of `makeCine` with their disc as label. */
function labelledDiscs(frames: readonly number[]): ReturnType<typeof labelledSet> {
  const label = (frame: number) => {
    const { x: x0, y: y0 } = middle(frame);
    return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => Number(Math.hypot((i % SIDE) - x0, Math.floor(i / SIDE) - y0) < RADIUS));
  };
  const file = (frame: number) => ({ name: `${String(frame).padStart(2, '0')}.png`, picture: greyPng(greyFrame(frame)), label: greyPng(label(frame)) });
  return labelledSet([{ name: 'disc', color: [0, 158, 115] }], frames.map(file));
}

/** Opens the page's learning with the base model and these frames of the disc labelled, at least two. */
export async function openLabelledDiscs(page: Page, frames: readonly number[]): Promise<void> {
  await loadBase(page);
  await openLearning(page);
  await page.locator('#labels-file').setInputFiles(labelledDiscs(frames));
  await expect(page.locator('#label-place')).toContainText(`disc: ${frames.length} frames labelled`);
}

export async function addStructure(page: Page, name: string): Promise<void> {
  await page.locator('#own-name').fill(name);
  await page.locator('#own-add').click();
}

/** Goes around a circle of the picture with the brush. */
export async function drawAround(page: Page, { x, y }: { x: number; y: number }, radius: number, size: typeof SIZE): Promise<void> {
  for (let i = 0; i <= 24; i++) {
    const turn = (i / 24) * 2 * Math.PI;
    const at = await onScreen(page, { x: x + radius * Math.cos(turn), y: y + radius * Math.sin(turn) }, size);
    await page.mouse.move(at.x, at.y);
    if (i === 0) await page.mouse.down();
  }
  await page.mouse.up();
}

/** Opens the cine and outlines its disc on these frames: with a click whose mask is accepted, or by a line drawn around it. */
export async function label(page: Page, frames: readonly number[], how: 'click' | 'draw'): Promise<void> {
  await loadBase(page);
  await page.locator('#files').setInputFiles(makeCine());
  await settled(page);
  await openLearning(page);
  await addStructure(page, 'disc');
  await page.locator(how === 'click' ? '#label-outline' : '#label-draw').click();
  for (const frame of frames) {
    await page.locator('#scrub').fill(String(frame));
    await expect(page.locator('#place')).toHaveText(`${frame + 1} / ${FRAMES}`);
    await settled(page);
    const { x, y } = middle(frame);
    if (how === 'click') {
      const at = await onScreen(page, { x, y }, SIZE);
      await page.mouse.click(at.x, at.y);
    } else {
      await drawAround(page, { x, y }, RADIUS, SIZE);
    }
    await expect(page.locator('#prompts li')).toHaveCount(1);
    await settled(page);
    await page.locator(how === 'click' ? '#label-accept' : '#label-accept-drawing').click();
    await expect(page.locator('#prompts li')).toHaveCount(0);
    await settled(page);
  }
  await expect(page.locator('#label-place')).toContainText(`disc: ${frames.length} frames labelled`);
}

/** Twice what is in both, of what is in each; 1 where there is nothing in either. */
export function diceOf(found: ArrayLike<number>, truth: ArrayLike<number>, id: number): number {
  let [both, sum] = [0, 0];
  for (let i = 0; i < truth.length; i++) {
    const [a, b] = [found[i] === id, truth[i] === id];
    both += Number(a && b);
    sum += Number(a) + Number(b);
  }
  return sum === 0 ? 1 : (2 * both) / sum;
}
