// Plays a source whose frames can be had one by one: a clock says which is due.

import type { Frame, FrameStream, Pace } from './types';

interface Reel {
  frames: number;
  durations_ms: readonly number[];
  frame(index: number): Promise<Frame>;
}

export function clocked(reel: Reel, from: number, { rate, loop }: Pace): FrameStream {
  const { frames } = reel;
  // When each frame begins, in ms at this rate; the last entry is the end.
  const begins = [0];
  for (const duration of reel.durations_ms) begins.push(begins.at(-1)! + duration / rate);
  const end = begins[frames]!;
  // A frame that is shown already is not shown again: the next one is due when its time is over.
  let start = performance.now() - (from < 0 ? 0 : begins[from]!);
  let shown = from;
  let stopped = false;
  let wake: () => void = () => undefined;

  /** The frame that is due after this time of play. */
  const due = (time: number) => {
    let [low, high] = [0, frames - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (begins[middle]! <= time) low = middle;
      else high = middle - 1;
    }
    return low;
  };

  return {
    async next() {
      for (;;) {
        if (stopped) return null;
        const played = performance.now() - start;
        if (played >= end) {
          if (!loop || frames < 2) {
            if (shown === frames - 1) return null;
          } else start += Math.floor(played / end) * end;
        }
        const index = due(performance.now() - start);
        if (index !== shown) {
          // Noted before it is decoded: one that is damaged is not tried again.
          shown = index;
          const frame = await reel.frame(index);
          if (stopped) {
            frame.picture.close();
            return null;
          }
          return frame;
        }
        const wait = Math.max(1, start + begins[index + 1]! - performance.now());
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, wait);
        });
      }
    },
    stop() {
      stopped = true;
      wake();
    },
  };
}
