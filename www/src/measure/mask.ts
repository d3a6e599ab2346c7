// One structure cut out of a class map: the ground on which everything is measured.

import type { Point } from '../shared/geometry';

/** Which structure each pixel belongs to, as the WASM surface gives it: 0 is background, structure + 1 elsewhere; row by row. */
export interface ClassMap {
  width: number;
  height: number;
  class_ids: Uint8Array;
}

/** The pixels of one class inside the smallest box around them. */
export interface Mask {
  /** Where the box begins in the class map, in pixels. */
  left: number;
  top: number;
  width: number;
  height: number;
  /** 1 inside, 0 outside; `width * height`, row by row. */
  pixels: Uint8Array;
  /** How many are inside. */
  area: number;
}

/** Cuts the structure with `classId` out of a class map; null where it has no pixel. */
export function maskOf({ width, height, class_ids }: ClassMap, classId: number): Mask | null {
  let left = width;
  let right = -1;
  let top = height;
  let bottom = -1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (class_ids[y * width + x] !== classId) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  if (right < 0) return null;
  const mask: Mask = { left, top, width: right - left + 1, height: bottom - top + 1, pixels: new Uint8Array(), area: 0 };
  mask.pixels = new Uint8Array(mask.width * mask.height);
  for (let y = 0; y < mask.height; y++) {
    for (let x = 0; x < mask.width; x++) {
      if (class_ids[(top + y) * width + left + x] !== classId) continue;
      mask.pixels[y * mask.width + x] = 1;
      mask.area++;
    }
  }
  return mask;
}

/** The mean place of a mask's pixels, in pixels of the class map: a single pixel's centre lies at + 0.5. */
export function centroidOf({ left, top, width, pixels, area }: Mask): Point {
  let x = 0;
  let y = 0;
  pixels.forEach((inside, at) => {
    if (inside === 0) return;
    x += at % width;
    y += Math.floor(at / width);
  });
  return { x: left + x / area + 0.5, y: top + y / area + 0.5 };
}
