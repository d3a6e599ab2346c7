// What happens to the work on one source when another is opened, or another model is loaded. The page's own parts, with pictures and a model
// that are stood in for.

import type { FrameSource, FiniteSource } from '../../../www/src/page/sources/types';
import type { Answer, Question, SourceOrigin } from '../../../www/src/page/state';
import type { ModelCard } from '../../../www/src/shared/api';
import { expect, test } from '../../../www/playwright';

// What a page has and Node.js has not.
const listeners = { addEventListener: () => undefined };
const nothing = { getItem: () => null, setItem: () => undefined, removeItem: () => undefined };
Object.assign(globalThis, { ...listeners, document: { ...listeners, visibilityState: 'visible', baseURI: 'http://localhost/' }, location: { hash: '' }, sessionStorage: nothing, localStorage: nothing, reportError: (error: unknown) => { throw error; } });
Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });

async function desk() {
  const [{ Store }, { Session }, { Edits }, { followModel }, { Keeping }] = await Promise.all([
    import('../../../www/src/page/store'),
    import('../../../www/src/page/stream/session'),
    import('../../../www/src/page/prompts/edits'),
    import('../../../www/src/page/prompts/model-change'),
    import('../../../www/src/page/work/keeping'),
  ]);
  const store = new Store();
  const asked: number[] = [];
  const engine = {
    cancelWaiting: () => undefined,
    async segment({ index, picture }: { index: number; picture: ImageBitmap }, question: Question): Promise<Answer> {
      asked.push(index);
      const { width, height } = picture;
      const structures = question.model.structures.map((_, structure) => ({ structure, present: true, iou: 1, object_score: 1, area_px: 1, bounding_box: null, predicted_box: [0, 0, 1, 1] as [number, number, number, number], contours: [] }));
      return { question, size: { width, height }, segmentation: { width, height, crop: question.crop, runs: Uint32Array.of(width * height * 256), structures, measurement: null, timings: [] } };
    },
  };
  const session = new Session(store, engine as never);
  const core = { store, session, engine: engine as never };
  const keeping = new Keeping(core);
  const edits = new Edits(store, session);
  followModel(core);
  await keeping.start();

  async function open(...names: string[]): Promise<void> {
    const files = names.map((name) => new File([name.replace(/^.*-/, '').repeat(50)], name));
    const origin: SourceOrigin = { kind: 'files', files };
    await session.open(names[0]!, async () => ({ source: sourceOf(files), origin }), () => keeping.leave());
    await keeping.adopt(async () => undefined);
    await session.refresh();
  }
  function load(name: string, ...structures: string[]): void {
    const card = { image_size: 256, structures: structures.map((name) => ({ name, color: [1, 2, 3] })) } as unknown as ModelCard;
    store.update({ model: { kind: 'ready', origin: { kind: 'file', file: modelFile(name) }, image_size: null, card, version: '', manual_only: false, can_follow: false } });
  }
  return { store, session, keeping, edits, asked, open, load, calipers: () => store.state.history.present.calipers, heads: async () => (await keeping.library).works() };
}

const models = new Map<string, File>();
function modelFile(name: string): File {
  const file = models.get(name) ?? new File([name], name);
  models.set(name, file);
  return file;
}

function sourceOf(files: File[]): FrameSource {
  const source: Partial<FiniteSource> = {
    kind: 'pictures', name: files[0]!.name, files, names: files.map(({ name }) => name), start: 0, width: 32, height: 32, scales: [], pixel_aspect: 1, suggested_crop: null,
    frames: files.length, times_s: null, durations_ms: files.map(() => 1),
    frame: async (index: number) => ({ picture: { width: 32, height: 32, close: () => undefined } as ImageBitmap, index, grabbed: 0, key: `${files[index]!.name} 32x32` }),
    close: () => undefined,
  } as unknown as FiniteSource;
  return source as FrameSource;
}

const CALIPER = { from: { x: 1, y: 1 }, to: { x: 9, y: 1 } };

test('each source has its own work, found again by content', async () => {
  const { open, edits, calipers } = await desk();
  await open('a');
  edits.addCaliper(CALIPER);
  await open('b');
  expect(calipers().size).toBe(0);
  await open('other-a');
  expect(calipers().get(0)).toEqual([CALIPER]);
});

test('pictures that come back in another order have their work at their new places', async () => {
  const { open, edits, session, store, calipers } = await desk();
  await open('1-a', '2-b', '3-c');
  await session.seek(2);
  edits.addCaliper(CALIPER);
  edits.setCrop([4, 4, 32, 32]);
  await open('x');
  await open('1-c', '2-b', '3-a');
  expect([...calipers().keys()]).toEqual([0]);
  expect(store.state.shown!.frame.index).toBe(0);
});

test('masks of one model stay kept while another is tried, and come back with it', async () => {
  const { open, load, session, keeping, heads, asked } = await desk();
  load('one', 'ilium');
  await open('1-a', '2-b', '3-c');
  for (const frame of [1, 2]) {
    await session.seek(frame);
    await session.refresh();
  }
  expect(session.answers().map(([index]) => index)).toEqual([0, 1, 2]);
  const kept = async () => (await heads()).map(({ segmented, project }) => [project.model!.name, segmented]);
  await expect.poll(kept).toEqual([['one', 3]]);
  load('two', 'radius');
  await session.seek(0);
  await session.refresh();
  await keeping.leave();
  expect(await kept()).toContainEqual(['one', 3]);
  await open('1-a', '2-b', '3-c');
  const before = asked.length;
  load('one', 'ilium');
  await expect.poll(() => session.answers().length).toBe(3);
  expect(asked.length - before).toBeLessThanOrEqual(1);
});

test('masks whose model is not at hand are kept through other changes', async () => {
  const { open, load, session, store, edits, keeping, heads } = await desk();
  load('one', 'ilium');
  await open('1-a', '2-b');
  await session.seek(1);
  await session.refresh();
  await open('x');
  store.update({ model: { kind: 'none' } });
  await open('1-a', '2-b');
  edits.addCaliper(CALIPER);
  await keeping.leave();
  const head = (await heads()).find(({ title }) => title === '1-a')!;
  expect([head.segmented, head.corrected]).toEqual([2, 1]);
  await open('1-a', '2-b');
  load('one', 'ilium');
  await expect.poll(() => session.answers().length).toBe(2);
});

test('after everything is forgotten nothing is written until something is changed', async () => {
  const { open, load, session, edits, keeping, heads } = await desk();
  load('one', 'ilium');
  await open('1-a', '2-b');
  edits.addCaliper(CALIPER);
  await keeping.forget();
  await session.seek(1);
  await session.refresh();
  await new Promise((later) => setTimeout(later, 400));
  expect(await heads()).toEqual([]);
  edits.addCaliper(CALIPER);
  await expect.poll(async () => (await heads()).map(({ corrected }) => corrected)).toEqual([2]);
});
