// Masks as COCO run lengths, plain and as the string that pycocotools writes (format: pycocotools' maskApi.c, rleEncode, rleToString and
// rleFrString).

import type { ClassMap } from '../measure/mask';

/** Run lengths down the columns, from the left: background and foreground in turn, background first (0 where the mask begins at once). */
export type Counts = number[];

/** A mask as COCO JSON has it: `size` is height and width, `counts` a compressed string. */
export interface Rle {
  size: [height: number, width: number];
  counts: string;
}

/** The run lengths of the pixels with `classId`. */
export function countsOf({ width, height, class_ids }: ClassMap, classId: number): Counts {
  const counts: Counts = [];
  let inside = false;
  let run = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      if ((class_ids[y * width + x] === classId) !== inside) {
        counts.push(run);
        run = 0;
        inside = !inside;
      }
      run++;
    }
  }
  counts.push(run);
  return counts;
}

/** Writes `classId` into the class map wherever the mask is. Throws a RangeError where the mask is of another size or not whole. */
export function paintRle({ size: [height, width], counts }: Rle, map: ClassMap, classId: number): void {
  if (height !== map.height || width !== map.width) {
    throw new RangeError(`the mask is ${width} x ${height} pixels, the frame ${map.width} x ${map.height}`);
  }
  const runs = decompress(counts);
  const total = runs.reduce((sum, run) => sum + run, 0);
  if (total !== width * height || runs.some((run) => run < 0)) {
    throw new RangeError(`the mask's runs cover ${total} of ${width * height} pixels`);
  }
  let at = 0;
  runs.forEach((run, which) => {
    const end = at + run;
    for (; at < end; at++) {
      if (which % 2 === 1) map.class_ids[(at % height) * width + Math.floor(at / height)] = classId;
    }
  });
}

/**
 * Run lengths as a string: from the third on as the difference to the last but one, each number in groups of 5 bits from the lowest, with
 * bit 5 set where more follow, from the character '0' on.
 */
export function compress(counts: Counts): string {
  let text = '';
  counts.forEach((count, at) => {
    let rest = at > 2 ? count - counts[at - 2]! : count;
    for (;;) {
      const group = rest & 31;
      rest >>= 5;
      // Done once all that is left is the sign, which the last group's highest bit says.
      const done = (group & 16) === 0 ? rest === 0 : rest === -1;
      text += String.fromCharCode(48 + (done ? group : group | 32));
      if (done) break;
    }
  });
  return text;
}

/** The run lengths of a compressed string. Throws a RangeError where it is not one. */
export function decompress(text: string): Counts {
  const counts: Counts = [];
  let value = 0;
  let shift = 0;
  for (const character of text) {
    const group = character.charCodeAt(0) - 48;
    if (group < 0 || group > 63 || shift > 30) throw new RangeError('the mask is not a compressed run-length string');
    value |= (group & 31) << shift;
    shift += 5;
    if ((group & 32) !== 0) continue;
    if ((group & 16) !== 0 && shift < 32) value |= -1 << shift;
    counts.push(counts.length > 2 ? value + counts[counts.length - 2]! : value);
    value = 0;
    shift = 0;
  }
  if (shift !== 0) throw new RangeError('the mask is cut off');
  return counts;
}

/** The mask of the pixels with `classId`, compressed. */
export function rleOf(map: ClassMap, classId: number): Rle {
  return { size: [map.height, map.width], counts: compress(countsOf(map, classId)) };
}
