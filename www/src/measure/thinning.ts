// A mask worn down to lines one pixel wide, with no piece lost, joined, opened or closed.

import type { Mask } from './mask';

/** A mask's skeleton, with a margin of one background pixel around it. */
export interface Skeleton {
  /** The mask's width + 2, height + 2. */
  width: number;
  height: number;
  /** 1 on the skeleton; `width * height`, row by row. */
  pixels: Uint8Array;
}

/**
 * Thins by directions: from above, below, left and right in turn, every border pixel goes that is neither the end of a line nor holds
 * two parts of its surroundings together (a simple point of an 8-connected figure: Yokoi's connectivity number is 1).
 *
 * Only the border is looked at, so the work grows with the area alone.
 */
export function thin(mask: Mask): Skeleton {
  const width = mask.width + 2;
  const height = mask.height + 2;
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < mask.height; y++) {
    pixels.set(mask.pixels.subarray(y * mask.width, (y + 1) * mask.width), (y + 1) * width + 1);
  }
  // The neighbours in a circle, beginning at the right; straight ones at even places.
  const around = [1, 1 - width, -width, -width - 1, -1, width - 1, width, width + 1];
  const removable = (at: number) => {
    let neighbours = 0;
    let connectivity = 0;
    for (let k = 0; k < 8; k++) {
      neighbours += pixels[at + around[k]!]!;
      if (k % 2 === 1 || pixels[at + around[k]!] === 1) continue;
      if (pixels[at + around[(k + 1) % 8]!] === 1 || pixels[at + around[(k + 2) % 8]!] === 1) connectivity++;
    }
    return neighbours > 1 && connectivity === 1;
  };

  let border = new Set<number>();
  pixels.forEach((inside, at) => inside === 1 && border.add(at));
  while (border.size > 0) {
    const uncovered = new Set<number>();
    for (const side of [-width, width, -1, 1]) {
      // Which pixels lie open on this side is settled before any of them goes: the figure shrinks evenly.
      const open = [...border].filter((at) => pixels[at] === 1 && pixels[at + side] === 0);
      for (const at of open) {
        if (!removable(at)) continue;
        pixels[at] = 0;
        for (const step of around) if (pixels[at + step] === 1) uncovered.add(at + step);
      }
    }
    border = uncovered;
  }
  return { width, height, pixels };
}
