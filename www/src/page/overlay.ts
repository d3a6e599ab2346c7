// Class ids over a picture: a translucent fill and an opaque contour for each visible structure.

import type { Rgb, Segmentation } from '../shared/api';

/** Marks every pixel within `reach` of another class, straight up, down, left or right. */
export function contourOf({ class_ids, width, height }: Segmentation, reach: number): Uint8Array {
  const contour = new Uint8Array(class_ids.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const id = class_ids[at];
      if (id === 0) continue;
      for (let step = 1; step <= reach; step++) {
        if (
          (x >= step && class_ids[at - step] !== id) ||
          (x + step < width && class_ids[at + step] !== id) ||
          (y >= step && class_ids[at - step * width] !== id) ||
          (y + step < height && class_ids[at + step * width] !== id)
        ) {
          contour[at] = 1;
          break;
        }
      }
    }
  }
  return contour;
}

export function paintOverlay(
  segmentation: Segmentation,
  contour: Uint8Array,
  colors: readonly Rgb[],
  look: { opacity: number; hidden: ReadonlySet<number> },
): ImageData {
  const { class_ids, width, height } = segmentation;
  const image = new ImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  const fills = new Uint32Array(256);
  const lines = new Uint32Array(256);
  colors.forEach((color, index) => {
    if (look.hidden.has(index)) return;
    fills[index + 1] = word(color, Math.round(look.opacity * 255));
    lines[index + 1] = word(color, 255);
  });
  for (let at = 0; at < words.length; at++) {
    const id = class_ids[at]!;
    if (id !== 0) words[at] = (contour[at] === 1 ? lines : fills)[id]!;
  }
  return image;
}

/** The four bytes R, G, B, A as they lie in memory (every machine that runs WebAssembly is little-endian). */
function word([red, green, blue]: readonly [number, number, number], alpha: number): number {
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
