// The largest extent of a structure: its maximum Feret diameter, what a caliper from end to end would show.

import type { Point } from '../shared/geometry';
import type { Mask } from './mask';
import { distance, type PixelSize } from './spacing';

/** The largest distance between two places of a structure, and where it is taken. */
export interface Feret {
  /** In the unit of the pixel size. */
  length: number;
  from: Point;
  to: Point;
}

/**
 * The maximum Feret diameter: the largest distance between two corners of the structure's pixels. Pixels count as the rectangles
 * they are, so a row of n square pixels measures sqrt(n * n + 1).
 *
 * Both ends are vertices of the convex hull, of which a picture's mask has few: all pairs are compared.
 */
export function maximumFeret(mask: Mask, size: PixelSize): Feret {
  const hull = convexHull(cornersOf(mask));
  let longest: Feret = { length: 0, from: hull[0]!, to: hull[0]! };
  hull.forEach((from, at) => {
    for (const to of hull.slice(at + 1)) {
      const length = distance(from, to, size);
      if (length > longest.length) longest = { length, from, to };
    }
  });
  return longest;
}

/** The outermost pixel corners of each row, by x and then by y: all that can be on the hull. */
function cornersOf({ left, top, width, height, pixels }: Mask): Point[] {
  const corners: Point[] = [];
  for (let y = 0; y < height; y++) {
    const row = pixels.subarray(y * width, (y + 1) * width);
    const first = row.indexOf(1);
    if (first < 0) continue;
    const last = row.lastIndexOf(1) + 1;
    for (const x of [first, last]) corners.push({ x: left + x, y: top + y }, { x: left + x, y: top + y + 1 });
  }
  return corners.sort((a, b) => a.x - b.x || a.y - b.y);
}

/** Andrew's monotone chain over sorted points. */
function convexHull(sorted: Point[]): Point[] {
  return [...halfHull(sorted), ...halfHull([...sorted].reverse())];
}

/** From the first to the last but one vertex on one side. */
function halfHull(points: Point[]): Point[] {
  const chain: Point[] = [];
  for (const point of points) {
    while (chain.length >= 2 && !turnsLeft(chain.at(-2)!, chain.at(-1)!, point)) chain.pop();
    chain.push(point);
  }
  chain.pop();
  return chain;
}

function turnsLeft(a: Point, b: Point, c: Point): boolean {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x) > 0;
}
