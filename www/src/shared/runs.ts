// Class ids of a picture as run lengths, row by row: a hundredth of the bytes, so that the answers of a long cine all fit in memory.

import { sizeOf, type Box, type Size } from './geometry';

/** Each run is `length * 256 + class id`. */
export type Runs = Uint32Array<ArrayBuffer>;

const LONGEST = (1 << 24) - 1;

export function runsOf(class_ids: Uint8Array): Runs {
  const runs: number[] = [];
  for (let at = 0; at < class_ids.length; ) {
    const id = class_ids[at]!;
    const start = at;
    while (at < class_ids.length && class_ids[at] === id && at - start < LONGEST) at++;
    runs.push((at - start) * 256 + id);
  }
  return Uint32Array.from(runs);
}

/** The class ids of the crop that the runs are of. */
export function bytesOf(runs: Runs): Uint8Array<ArrayBuffer> {
  const class_ids = new Uint8Array(runs.reduce((sum, run) => sum + (run >>> 8), 0));
  let at = 0;
  for (const run of runs) {
    const end = at + (run >>> 8);
    class_ids.fill(run & 255, at, end);
    at = end;
  }
  return class_ids;
}

/** The class ids of a whole frame: those of the runs inside the crop, background outside. */
export function classIdsOf(runs: Runs, crop: Box, { width, height }: Size): Uint8Array<ArrayBuffer> {
  const [left, top] = crop;
  const { width: cropWidth } = sizeOf(crop);
  const class_ids = new Uint8Array(width * height);
  let at = 0;
  for (const run of runs) {
    const id = run & 255;
    const end = at + (run >>> 8);
    while (at < end) {
      const x = at % cropWidth;
      const length = Math.min(end - at, cropWidth - x);
      if (id !== 0) {
        const from = (top + Math.floor(at / cropWidth)) * width + left + x;
        class_ids.fill(id, from, from + length);
      }
      at += length;
    }
  }
  return class_ids;
}
