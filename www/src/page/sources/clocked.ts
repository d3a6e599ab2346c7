// Plays a source whose frames can be had one by one: a clock says which is due.

import type { Frame, FrameStream, Pace } from './types';

interface Reel {
  frames: number;
  frame(index: number): Promise<Frame>;
}

export function clocked(reel: Reel, frameTime: number, from: number, { rate, loop }: Pace): FrameStream {
  const step = frameTime / rate;
  // A frame that is shown already is not shown again: the next one is due a step after the start.
  let start = performance.now() - from * step;
  let shown = from;
  let stopped = false;
  let wake: () => void = () => undefined;

  /** The frame that is due now; may lie beyond the last. */
  const due = () => Math.floor((performance.now() - start) / step);

  return {
    async next() {
      for (;;) {
        if (stopped) return null;
        let index = due();
        if (index >= reel.frames) {
          if (!loop || reel.frames < 2) {
            if (shown === reel.frames - 1) return null;
            index = reel.frames - 1;
          } else {
            start += Math.floor(index / reel.frames) * reel.frames * step;
            index %= reel.frames;
          }
        }
        if (index !== shown) {
          const frame = await reel.frame(index);
          if (stopped) {
            frame.picture.close();
            return null;
          }
          shown = index;
          return frame;
        }
        const wait = Math.max(1, start + (index + 1) * step - performance.now());
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
