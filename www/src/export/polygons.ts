// A mask's outlines as polygons.

import type { Mask } from '../measure/mask';

/** x0, y0, x1, y1, ...: corners of pixels, as COCO has them; the last joins the first. */
export type Polygon = number[];

/** Right, down, left, up. */
const STEPS = [[1, 0], [0, 1], [-1, 0], [0, -1]] as const;

/** Around a mask: outlines run clockwise, with y pointing down, and holes the other way. */
export interface Contours {
  outlines: Polygon[];
  holes: Polygon[];
}

/**
 * The outline of each piece of a mask, and of each hole in it, along its pixels' edges, with no place between two corners. Pixels that touch
 * only at a corner are apart.
 */
export function contoursOf(mask: Mask): Contours {
  const { width, height, pixels } = mask;
  const inside = (x: number, y: number) => x >= 0 && x < width && y >= 0 && y < height && pixels[y * width + x] === 1;
  const traced = new Uint8Array(width * height);
  const contours: Contours = { outlines: [], holes: [] };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!inside(x, y) || inside(x, y - 1) || traced[y * width + x] === 1) continue;
      const corners = trace(inside, x, y, (at, row) => (traced[row * width + at] = 1));
      (isClockwise(corners) ? contours.outlines : contours.holes).push(corners.flatMap(([x, y]) => [mask.left + x, mask.top + y]));
    }
  }
  return contours;
}

/** Enclosed by a polygon, in pixels. */
export function areaOf(polygon: Polygon): number {
  let doubled = 0;
  for (let at = 0; at < polygon.length; at += 2) {
    const next = (at + 2) % polygon.length;
    doubled += polygon[at]! * polygon[next + 1]! - polygon[next]! * polygon[at + 1]!;
  }
  return Math.abs(doubled) / 2;
}

type Corner = [x: number, y: number];

/** Follows the edges from the upper left corner of a pixel that is open above, the mask on the right, back to where it began. */
function trace(
  inside: (x: number, y: number) => boolean,
  startX: number,
  startY: number,
  visitUpperEdge: (x: number, y: number) => void,
): Corner[] {
  const corners: Corner[] = [];
  let [x, y, direction] = [startX, startY, 0];
  do {
    const [stepX, stepY] = STEPS[direction]!;
    if (direction === 0) visitUpperEdge(x, y);
    [x, y] = [x + stepX, y + stepY];
    // The two pixels ahead, to the left and the right of the way.
    const aheadRight = inside(x + (stepX + -stepY - 1) / 2, y + (stepY + stepX - 1) / 2);
    const aheadLeft = inside(x + (stepX + stepY - 1) / 2, y + (stepY - stepX - 1) / 2);
    // Where the two touch at this corner only, the way turns right: they are apart.
    const turn = !aheadRight ? 1 : aheadLeft ? 3 : 0;
    if (turn !== 0) corners.push([x, y]);
    direction = (direction + turn) % 4;
  } while (x !== startX || y !== startY || direction !== 0);
  return corners;
}

function isClockwise(corners: readonly Corner[]): boolean {
  let doubledArea = 0;
  corners.forEach(([x, y], at) => {
    const [nextX, nextY] = corners[(at + 1) % corners.length]!;
    doubledArea += x * nextY - nextX * y;
  });
  return doubledArea > 0;
}
