// Pixels to millimetres.

import type { Point } from '../shared/geometry';

/** Millimetres from one pixel to the next along x and y; ultrasound pixels need not be square. */
export interface Spacing {
  x_mm: number;
  y_mm: number;
}

/** The size of a pixel in the unit that a length is wanted in. */
export interface PixelSize {
  x: number;
  y: number;
}

/** Lengths come out in pixels. */
export const PIXELS: PixelSize = { x: 1, y: 1 };

/** Lengths come out in mm. */
export function millimetres({ x_mm, y_mm }: Spacing): PixelSize {
  return { x: x_mm, y: y_mm };
}

/** The straight distance in words: mm where the spacing is known, else pixels. */
export function caliperText(from: Point, to: Point, spacing: Spacing | null): string {
  if (spacing === null) return `${distance(from, to, PIXELS).toFixed(1)} px`;
  return `${distance(from, to, millimetres(spacing)).toFixed(1)} mm`;
}

/** The straight distance between two places, in the unit of the pixel size: what a caliper shows. */
export function distance(from: Point, to: Point, size: PixelSize): number {
  return Math.hypot((to.x - from.x) * size.x, (to.y - from.y) * size.y);
}
