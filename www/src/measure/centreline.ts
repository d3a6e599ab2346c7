// How long a thin structure is along its course: the length a bone's surface has on the picture, bends included.

import type { Point } from '../shared/geometry';
import type { Mask } from './mask';
import { distance, type PixelSize } from './spacing';
import type { Skeleton } from './thinning';

/** Pixels to either side over which the course is averaged: a line of pixels is a staircase, longer than what it stands for. */
const SMOOTHING = 4;
/** Step in pixels with which an end is followed to the outline. */
const STEP = 0.25;

/**
 * The centreline of each piece of a structure, longest first, as places in pixels of the class map. A piece's centreline is the longest of
 * the shortest paths through its skeleton, smoothed, and continued straight at both ends to the outline. Branches off it do not count;
 * where the skeleton has a loop the path takes one side of it. The skeleton is the mask's: it is the same in every unit.
 */
export function centrelines(mask: Mask, skeleton: Skeleton, size: PixelSize): Point[][] {
  const seen = new Uint8Array(skeleton.pixels.length);
  const lines: Point[][] = [];
  skeleton.pixels.forEach((inside, at) => {
    if (inside === 0 || seen[at] === 1) return;
    const piece = shortestPaths(skeleton, at, size);
    for (const reached of piece.order) seen[reached] = 1;
    // On a tree, the farthest place from anywhere is one end of the longest path.
    const path = pathTo(shortestPaths(skeleton, piece.order.at(-1)!, size));
    const places = path.map((p): Point => ({ x: (p % skeleton.width) - 0.5, y: Math.floor(p / skeleton.width) - 0.5 }));
    const line = continued(continued(smoothed(places), mask).reverse(), mask);
    lines.push(line.map(({ x, y }): Point => ({ x: x + mask.left, y: y + mask.top })));
  });
  return lines.sort((a, b) => lengthOf(b, size) - lengthOf(a, size));
}

/** The length of a line of places, in the unit of the pixel size. */
export function lengthOf(line: readonly Point[], size: PixelSize): number {
  return line.slice(1).reduce((sum, place, at) => sum + distance(line[at]!, place, size), 0);
}

interface Paths {
  /** The pixels of the piece by their distance from the start. */
  order: number[];
  /** The pixel before each on its path; the start is before itself. */
  before: Map<number, number>;
}

/** Dijkstra's shortest paths through the skeleton from one pixel to all of its piece. */
function shortestPaths({ width, pixels }: Skeleton, start: number, size: PixelSize): Paths {
  const diagonal = Math.hypot(size.x, size.y);
  const steps: [number, number][] = [
    [1, size.x], [-1, size.x], [width, size.y], [-width, size.y],
    [width + 1, diagonal], [width - 1, diagonal], [-width + 1, diagonal], [-width - 1, diagonal],
  ];
  const far = new Map([[start, 0]]);
  const before = new Map([[start, start]]);
  const order: number[] = [];
  const done = new Set<number>();
  // A skeleton's front is a few pixels wide, so the nearest is found by looking at all of them.
  const front = new Set([start]);
  while (front.size > 0) {
    let nearest = -1;
    for (const at of front) if (nearest < 0 || far.get(at)! < far.get(nearest)!) nearest = at;
    front.delete(nearest);
    done.add(nearest);
    order.push(nearest);
    for (const [step, length] of steps) {
      const next = nearest + step;
      const reached = far.get(nearest)! + length;
      if (pixels[next] !== 1 || done.has(next) || reached >= (far.get(next) ?? Infinity)) continue;
      far.set(next, reached);
      before.set(next, nearest);
      front.add(next);
    }
  }
  return { order, before };
}

/** From the farthest pixel back to the start. */
function pathTo({ order, before }: Paths): number[] {
  const path = [order.at(-1)!];
  while (before.get(path.at(-1)!) !== path.at(-1)) path.push(before.get(path.at(-1)!)!);
  return path;
}

/** The moving average, over fewer places towards the ends, which stay. */
function smoothed(line: readonly Point[]): Point[] {
  return line.map((_, at) => {
    const reach = Math.min(SMOOTHING, at, line.length - 1 - at);
    const places = line.slice(at - reach, at + reach + 1);
    const mean = (axis: 'x' | 'y') => places.reduce((sum, place) => sum + place[axis], 0) / places.length;
    return { x: mean('x'), y: mean('y') };
  });
}

/** The line with the place where it would leave the mask, were it to go on past its last place in its direction there. */
function continued(line: Point[], { width, height, pixels }: Mask): Point[] {
  const end = line.at(-1)!;
  const earlier = line.at(-1 - 2 * SMOOTHING) ?? line[0]!;
  const length = Math.hypot(end.x - earlier.x, end.y - earlier.y);
  if (length === 0) return line;
  const [stepX, stepY] = [((end.x - earlier.x) / length) * STEP, ((end.y - earlier.y) / length) * STEP];
  let { x, y } = end;
  const inside = (x: number, y: number) =>
    x >= 0 && x < width && y >= 0 && y < height && pixels[Math.floor(y) * width + Math.floor(x)] === 1;
  while (inside(x + stepX, y + stepY)) [x, y] = [x + stepX, y + stepY];
  return [...line, { x, y }];
}
