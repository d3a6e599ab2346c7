// Masks with known sizes, and any masks at all.

import { fc } from '../../../www/packages-for-tests';
import type { ClassMap } from '../../../www/src/measure/mask';

/** A class map from rows of digits; '.' is background. */
export function mapOf(...rows: string[]): ClassMap {
  const class_ids = Uint8Array.from(rows.join(''), (character) => (character === '.' ? 0 : Number(character)));
  return { width: rows[0]!.length, height: rows.length, class_ids };
}

/** The pixels whose centres `contains`, as class 1. */
export function drawn(width: number, height: number, contains: (x: number, y: number) => boolean): ClassMap {
  const class_ids = Uint8Array.from({ length: width * height }, (_, at) => Number(contains((at % width) + 0.5, Math.floor(at / width) + 0.5)));
  return { width, height, class_ids };
}

/** The distance from a place to the straight line between two. */
export function toSegment(x: number, y: number, [ax, ay]: [number, number], [bx, by]: [number, number]): number {
  const along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2);
  const nearest = Math.max(0, Math.min(1, along));
  return Math.hypot(x - ax - nearest * (bx - ax), y - ay - nearest * (by - ay));
}

/** Small maps of background and three classes. */
export const anyMap: fc.Arbitrary<ClassMap> = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }))
  .chain(([width, height]) =>
    fc.uint8Array({ minLength: width * height, maxLength: width * height, max: 3 }).map((class_ids) => ({ width, height, class_ids })),
  );
