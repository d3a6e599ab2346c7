// Labels of a person's own structures, and what is said before minutes are spent on learning them.

import { expect, test } from '../../../www/playwright';
import { nextFrame, notesAfter, notesBefore, PRINT_SIDE, wantedFrames } from '../../../www/src/learn/advice';
import { areaOf, classIdsOfLabel, maskFrom, NO_LABELS, withMask, withoutMask, withoutStructure, withStructure, type Labels } from '../../../www/src/learn/labels';
import { Watchdog } from '../../../www/src/page/learn/watchdog';
import { runsOf } from '../../../www/src/shared/runs';

const size = { width: 64, height: 64 };
/** A square of so many pixels a side in the left top corner. */
const square = (side: number) => runsOf(Uint8Array.from({ length: 64 * 64 }, (_, i) => Number(i % 64 < side && Math.floor(i / 64) < side)));
const print = (grey: number) => new Uint8Array(PRINT_SIDE * PRINT_SIDE).fill(grey);
const named = (...names: string[]): Labels => names.reduce((labels, name) => withStructure(labels, name)!, NO_LABELS);

function frames(labels: Labels, prints = (index: number) => print(40 * index)) {
  return [...labels.frames].map(([index, label]) => ({ index, label, seen: size, print: prints(index) }));
}

test('a structure has a name of its own, whatever its case, and another colour than the one before', () => {
  const labels = named('tendon', 'bursa');
  expect(withStructure(labels, ' Tendon ')).toBeNull();
  expect(withStructure(labels, '  ')).toBeNull();
  expect(new Set(labels.structures.map(({ color }) => color)).size).toBe(2);
});

test('masks of several structures become class ids, the later one over the earlier', () => {
  let labels = withMask(named('tendon', 'bursa'), 3, size, 'tendon', square(20));
  labels = withMask(labels, 3, size, 'bursa', square(10));
  const ids = classIdsOfLabel(labels.frames.get(3)!, ['tendon', 'bursa']);
  const count = (id: number) => ids.filter((found) => found === id).length;
  expect([count(1), count(2)]).toEqual([300, 100]);
  expect(areaOf(labels.frames.get(3)!.masks.get('tendon')!)).toBe(400);
  expect(withoutMask(labels, 3, 'bursa').frames.get(3)!.masks.size).toBe(1);
  expect(withoutMask(withoutMask(labels, 3, 'bursa'), 3, 'tendon').frames.size).toBe(0);
  expect(withoutStructure(labels, 'tendon').frames.get(3)!.masks.size).toBe(1);
});

test('one structure of an answer about a crop is a mask of the whole frame', () => {
  const answer = runsOf(Uint8Array.from([0, 1, 2, 2]));
  expect([...maskFrom(answer, [1, 1, 3, 3], { width: 4, height: 3 }, 1)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0]);
});

test('few frames, one frame again, empty masks, small structures and one recording are said beforehand', () => {
  let labels = named('tendon', 'bursa', 'nerve');
  for (const index of [0, 1, 2]) labels = withMask(labels, index, size, 'tendon', square(20));
  labels = withMask(labels, 2, size, 'bursa', square(0));
  labels = withMask(labels, 1, size, 'nerve', square(2));
  const notes = notesBefore(frames(labels, (index) => print(index === 2 ? 40 : 40 * index)), labels.structures, 256, true);
  expect(notes).toEqual([
    expect.stringContaining('3 frames are labelled: with fewer than 4'),
    expect.stringContaining('Frames 2, 3 look the same'),
    expect.stringContaining('bursa has no pixel on any frame'),
    expect.stringContaining('nerve is small on frame 2'),
    expect.stringContaining('one recording'),
  ]);
});

test('of enough different pictures with large structures nothing is said', () => {
  let labels = named('tendon');
  for (const index of [0, 1, 2, 3]) labels = withMask(labels, index, size, 'tendon', square(20));
  expect(notesBefore(frames(labels), labels.structures, 256, false)).toEqual([]);
  expect(wantedFrames(false)).toBeGreaterThan(wantedFrames(true));
});

test('the frame that is most unlike those labelled comes next, or the one that the model is least sure of', () => {
  const prints = new Map([0, 10, 90, 100].map((grey, index) => [index, print(grey)]));
  expect(nextFrame(prints, new Set([0]), new Map())).toEqual({ index: 3, why: 'most unlike' });
  expect(nextFrame(prints, new Set([0, 3]), new Map())).toEqual({ index: 1, why: 'most unlike' });
  expect(nextFrame(prints, new Set([0]), new Map([[1, 0.9], [2, 0.4], [3, 0.8]]))).toEqual({ index: 2, why: 'least sure' });
  expect(nextFrame(prints, new Set([0, 1, 2, 3]), new Map())).toBeNull();
});

test('afterwards the figure is said with what it does not say', () => {
  expect(notesAfter(0.912, 1, true)).toEqual([expect.stringContaining('one frame that was not learnt from, the masks overlap the labels with a Dice of 0.91'), expect.stringContaining('that is no validation')]);
  expect(notesAfter(0.912, 1, true)[0]).not.toContain('low');
  expect(notesAfter(0.41, 2, false)[0]).toContain('That is low');
  expect(notesAfter(null, 0, true)).toEqual([expect.stringContaining('nothing says how good')]);
});

test('silence is said once it is longer than is usual, and not after the end', async () => {
  const wait = (ms: number) => new Promise((later) => setTimeout(later, ms));
  let silences = 0;
  const watchdog = new Watchdog(3, () => silences++, 20);
  for (let i = 0; i < 4; i++) {
    await wait(25);
    watchdog.heard();
  }
  expect(silences).toBe(0);
  // Twenty times the longest silence so far, which was a tick or some.
  await expect.poll(() => silences, { timeout: 10_000 }).toBe(1);
  await wait(200);
  expect(silences).toBe(1);
  const ended = new Watchdog(1, () => silences++, 10);
  ended.end();
  await wait(100);
  expect(silences).toBe(1);
});
