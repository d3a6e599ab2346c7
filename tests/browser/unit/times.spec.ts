// When frames are shown: by their own times, at any rate.

import { clocked } from '../../../www/src/page/sources/clocked';
import { durationsOf, type Frame } from '../../../www/src/page/sources/types';
import { expect, test } from '../../../www/playwright';

test('a frame stays until the next one comes, the last as long as the one before it', () => {
  expect(durationsOf([0, 0.02, 0.04, 0.24, 0.26], 40)).toEqual([20, 20, 200, 20, 20].map((ms) => expect.closeTo(ms, 6)));
  expect(durationsOf([0], 40)).toEqual([40]);
  // Frames of one time are each shown, if only for a moment.
  expect(durationsOf([0, 0, 0.1], 40)).toEqual([1, 100, 100]);
});

/** Plays frames that are there at once, by a clock that waits for nothing, and notes when each was handed out, in ms since the start. */
async function played(durations_ms: number[], rate: number, from = -1): Promise<[frame: number, at: number][]> {
  const frame = async (index: number): Promise<Frame> => ({ picture: { close: () => undefined } as ImageBitmap, index, grabbed: 0, key: '' });
  const { now, setTimeout } = { now: performance.now, setTimeout: globalThis.setTimeout };
  let time = 0;
  performance.now = () => time;
  globalThis.setTimeout = ((done: () => void, ms: number) => {
    time += ms;
    queueMicrotask(done);
  }) as unknown as typeof setTimeout;
  try {
    const stream = clocked({ frames: durations_ms.length, durations_ms, frame }, from, { rate, loop: false });
    const shown: [number, number][] = [];
    for (let next = await stream.next(); next !== null; next = await stream.next()) shown.push([next.index, Math.round(time)]);
    return shown;
  } finally {
    performance.now = now;
    globalThis.setTimeout = setTimeout;
  }
}

test('at play a frame stays as long as its own time says', async () => {
  expect(await played([40, 40, 400, 40], 1)).toEqual([[0, 0], [1, 40], [2, 80], [3, 480]]);
});

test('at twice the rate it stays half as long, and play goes on after the frame that is shown', async () => {
  expect(await played([40, 40, 400, 40], 2, 1)).toEqual([[2, 20], [3, 220]]);
});
