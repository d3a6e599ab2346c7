// Places in a picture. One system everywhere on the page: pixels of the whole frame, 0 at its left and top edge.

export interface Point {
  x: number;
  y: number;
}

/** From left, top up to right, bottom. */
export type Box = [left: number, top: number, right: number, bottom: number];

export interface Size {
  width: number;
  height: number;
}

export function wholeOf({ width, height }: Size): Box {
  return [0, 0, width, height];
}

export function sizeOf([left, top, right, bottom]: Box): Size {
  return { width: right - left, height: bottom - top };
}

export function sameBox(a: Box, b: Box): boolean {
  return a.every((value, i) => value === b[i]);
}

export function inBox({ x, y }: Point, [left, top, right, bottom]: Box): boolean {
  return x >= left && y >= top && x < right && y < bottom;
}

/** Whether a place lies inside closed polygons (x, y, x, y, ...), of which those within others are holes. */
export function isInside({ x, y }: Point, polygons: readonly ArrayLike<number>[]): boolean {
  let inside = false;
  for (const points of polygons) {
    for (let i = 0, before = points.length - 2; i < points.length; before = i, i += 2) {
      const [ax, ay, bx, by] = [points[before]!, points[before + 1]!, points[i]!, points[i + 1]!];
      if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
    }
  }
  return inside;
}

/** The box with these two corners, whichever they are. */
export function boxBetween(a: Point, b: Point): Box {
  return [Math.min(a.x, b.x), Math.min(a.y, b.y), Math.max(a.x, b.x), Math.max(a.y, b.y)];
}

/** Whole pixels inside the frame, at least `least` wide and high where the frame is. */
export function clampBox([left, top, right, bottom]: Box, { width, height }: Size, least = 1): Box {
  const clamp = (value: number, from: number, to: number) => Math.max(from, Math.min(to, Math.round(value)));
  const x = clamp(left, 0, Math.max(0, width - least));
  const y = clamp(top, 0, Math.max(0, height - least));
  return [x, y, clamp(right, Math.min(width, x + least), width), clamp(bottom, Math.min(height, y + least), height)];
}
