// Work that is kept: what is written, when, and what is left of it.

import { Keeper, MAX_WAIT, type KeepStatus, type Snapshot } from '../../../www/src/persist/keeper';
import { Library } from '../../../www/src/persist/library';
import { memoryRecords, type Key, type Records } from '../../../www/src/persist/records';
import type { KeptFrame, WorkHead } from '../../../www/src/persist/work';
import { expect, test } from '../../../www/playwright';

/** Records with room for so many bytes of files, which write down what was put. */
function records(): Records & { room: number; put: Key[] } {
  const inner = memoryRecords();
  const outer = {
    ...inner,
    room: Infinity,
    put: [] as Key[],
    async change(puts: readonly (readonly [Key, unknown])[], removes: readonly Key[] = []) {
      const files = puts.reduce((sum, [, value]) => sum + ((value as { file?: File }).file?.size ?? 0), 0);
      if (puts.length > 0 && files + 1 > outer.room) throw new DOMException('no room', 'QuotaExceededError');
      outer.put.push(...puts.map(([key]) => key));
      await inner.change(puts, removes);
    },
  };
  return outer;
}

function keeperOn(on: Records): { keeper: Keeper; library: Library; statuses: KeepStatus[] } {
  const statuses: KeepStatus[] = [];
  const library = new Library(on);
  return { keeper: new Keeper(library, (status) => statuses.push(status)), library, statuses };
}

const frame = (index: number): KeptFrame => ({ frame: index, prompts: [{ kind: 'point', structure: 0, at: { x: index, y: 2 }, inside: true }], calipers: [], answer: null, reviewed: false });

function snapshot(id: string, frames: readonly KeptFrame[], files: File[] = []): Snapshot {
  const head = { version: 1, id, content: id, title: id, saved: new Date(), model: null, project: { source: null } as unknown as WorkHead['project'], corrected: frames.length, segmented: 0 };
  return { head, frames: new Map(frames.map((one) => [one.frame, one])), files: files.map((file) => ({ key: file.name, file })), model_file: null };
}

const cine = () => new File([new Uint8Array(5000).fill(7)], 'wrist.webm', { type: 'video/webm' });

test('works of several sources stay beside each other, the newest first', async () => {
  const { keeper, library } = keeperOn(memoryRecords());
  for (const id of ['hip', 'wrist']) {
    keeper.save(async () => snapshot(id, [frame(3)]));
    await keeper.flush();
    await new Promise((later) => setTimeout(later, 2));
  }
  expect((await library.works()).map(({ id }) => id)).toEqual(['wrist', 'hip']);
  expect(await library.frames('hip')).toEqual([frame(3)]);
});

test('a change writes the head and the frames that changed, and takes away those that have nothing any more', async () => {
  const on = records();
  const { keeper, library } = keeperOn(on);
  const [first, second] = [frame(1), frame(2)];
  keeper.save(async () => snapshot('hip', [first, second]));
  await keeper.flush();
  on.put = [];
  keeper.save(async () => snapshot('hip', [first, frame(3)]));
  await keeper.flush();
  expect(on.put).toEqual([['work', 'hip'], ['frame', 'hip', 3]]);
  expect((await library.frames('hip')).map((kept) => kept.frame)).toEqual([1, 3]);
});

test('work that was given back is not written again', async () => {
  const on = records();
  const { keeper, library } = keeperOn(on);
  keeper.save(async () => snapshot('hip', [frame(1), frame(10), frame(9)]));
  await keeper.flush();
  const next = keeperOn(on).keeper;
  const frames = await library.frames('hip');
  expect(frames.map((kept) => kept.frame)).toEqual([1, 9, 10]);
  on.put = [];
  next.resume('hip', frames);
  next.save(async () => snapshot('hip', [...frames, frame(11)]));
  await next.flush();
  expect(on.put).toEqual([['work', 'hip'], ['frame', 'hip', 11]]);
});

test('edits that never pause are kept all the same, at the latest after the longest wait', async () => {
  const { keeper, library } = keeperOn(memoryRecords());
  const started = Date.now();
  let edits = 0;
  const editing = setInterval(() => keeper.save(async () => snapshot('hip', [frame(edits)])) as undefined ?? edits++, 50);
  await expect.poll(async () => (await library.frames('hip')).length, { intervals: [50], timeout: 5000 }).toBe(1);
  clearInterval(editing);
  await keeper.flush();
  expect(Date.now() - started).toBeLessThan(2 * MAX_WAIT);
  expect((await library.frames('hip'))[0]!.frame).toBe(edits);
});

test('copies of files are kept where the person agreed, once, and go with the last work that names them', async () => {
  const on = records();
  const { keeper, library, statuses } = keeperOn(on);
  keeper.save(async () => snapshot('hip', [frame(1)]));
  await keeper.flush();
  expect(statuses.at(-1)).toMatchObject({ kind: 'kept', with_files: false });
  for (const id of ['hip', 'again', 'hip']) {
    keeper.save(async () => snapshot(id, [frame(1)], [cine()]));
    await keeper.flush();
  }
  expect(statuses.at(-1)).toMatchObject({ kind: 'kept', with_files: true });
  expect(on.put.filter(([kind]) => kind === 'file')).toHaveLength(1);
  const [head] = await library.works();
  expect((await library.filesOf(head!))!.map(({ name, type, size }) => [name, type, size])).toEqual([['wrist.webm', 'video/webm', 5000]]);
  await library.remove('hip');
  expect(await library.file('wrist.webm')).not.toBeNull();
  await library.remove('again');
  expect(await library.file('wrist.webm')).toBeNull();
});

test('where there is no room for the files the work alone is kept', async () => {
  const on = records();
  on.room = 4000;
  const { keeper, library, statuses } = keeperOn(on);
  keeper.save(async () => snapshot('hip', [frame(1)], [cine()]));
  await keeper.flush();
  expect(statuses.at(-1)).toMatchObject({ kind: 'kept', with_files: false });
  expect(await library.frames('hip')).toHaveLength(1);
});

test('where there is no room at all the reader is told, what was kept stays, and room found later is used', async () => {
  const on = records();
  const { keeper, library, statuses } = keeperOn(on);
  keeper.save(async () => snapshot('hip', [frame(1)]));
  await keeper.flush();
  on.room = 0;
  keeper.save(async () => snapshot('hip', [frame(1), frame(2)]));
  await keeper.flush();
  expect(statuses.at(-1)).toMatchObject({ kind: 'not-kept', reason: expect.stringContaining('is full') });
  expect(await library.frames('hip')).toHaveLength(1);
  on.room = Infinity;
  keeper.save(async () => snapshot('hip', [frame(1), frame(2)]));
  await keeper.flush();
  expect(statuses.at(-1)).toMatchObject({ kind: 'kept' });
  expect(await library.frames('hip')).toHaveLength(2);
});

test('nothing is left after everything was forgotten', async () => {
  const on = memoryRecords();
  const { keeper, library } = keeperOn(on);
  await library.setSettings({ keep_files: true });
  keeper.save(async () => snapshot('hip', [frame(1)], [cine()]));
  await keeper.flush();
  await library.clear();
  expect(await on.list([])).toEqual([]);
  expect(await library.settings()).toEqual({ keep_files: false });
});

test('work of a later version is left alone', async () => {
  const on = memoryRecords();
  const { library } = keeperOn(on);
  await on.change([[['work', 'new'], { ...snapshot('new', []).head, version: 99, files: [], model_file: null }]]);
  expect(await library.works()).toEqual([]);
  expect(await on.list(['work'])).toHaveLength(1);
});
