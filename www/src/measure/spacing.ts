// Pixels to millimetres: where in a picture lengths are known, and what a pixel is there.

import { boxBetween, type Box, type Point } from '../shared/geometry';

/** Millimetres from one pixel to the next along x and y; ultrasound pixels need not be square. */
export interface Spacing {
  x_mm: number;
  y_mm: number;
}

/** Who says how large a pixel is. */
export type ScaleOrigin = 'ultrasound region' | 'pixel spacing' | 'imager pixel spacing' | 'nominal scanned pixel spacing' | 'cine file' | 'set by hand';

/** A part of a picture, in its pixels, and what a pixel is there. */
export interface Scale {
  box: Box;
  /** Null where its axes are no lengths, as along the seconds of an M-mode. */
  spacing: Spacing | null;
  origin: ScaleOrigin;
}

/** A length that a person knows, such as 40 mm along a depth ruler; `from` and `to` are in pixels of the frame. */
export interface HandScale {
  from: Point;
  to: Point;
  mm: number;
}

/** What is known of lengths in a part of a picture. */
export type Calibration =
  | { kind: 'known'; spacing: Spacing; origin: ScaleOrigin }
  /** Nothing says how large a pixel is there. */
  | { kind: 'unknown' }
  /** It reaches over the edge of a calibrated region: pixels on the two sides are of different sizes, or none is known. */
  | { kind: 'across' };

/** The size of a pixel in the unit that a length is wanted in. */
export interface PixelSize {
  x: number;
  y: number;
}

/** Lengths come out in pixels. */
export const PIXELS: PixelSize = { x: 1, y: 1 };

/** The box of a scale that holds everywhere. */
export const EVERYWHERE: Box = [-Infinity, -Infinity, Infinity, Infinity];

/** The size of a pixel in its own shorter side, from its width over its height: lengths come out alike in every direction. */
export function pixelShape(aspect: number): PixelSize {
  return { x: Math.max(1, aspect), y: Math.max(1, 1 / aspect) };
}

/** Lengths come out in mm. */
export function millimetres({ x_mm, y_mm }: Spacing): PixelSize {
  return { x: x_mm, y: y_mm };
}

/** The scale of a whole picture, from a length known in it. `shape` is a pixel's in its shorter side. */
export function scaleByHand({ from, to, mm }: HandScale, shape: PixelSize): Scale {
  const unit = mm / distance(from, to, shape);
  return { box: EVERYWHERE, spacing: { x_mm: unit * shape.x, y_mm: unit * shape.y }, origin: 'set by hand' };
}

/** What counts for all of a box: the smallest part that holds it, unless a smaller one with another spacing reaches into it. */
export function calibrationOf(scales: readonly Scale[], box: Box): Calibration {
  const bySize = [...scales].sort((a, b) => areaOf(a.box) - areaOf(b.box));
  const holder = bySize.findIndex((scale) => holds(scale.box, box));
  const meets = (scale: Scale) => scale.spacing !== null && overlaps(scale.box, box);
  if (holder < 0) return bySize.some(meets) ? { kind: 'across' } : { kind: 'unknown' };
  const { spacing, origin } = bySize[holder]!;
  if (spacing === null) return { kind: 'unknown' };
  const other = bySize.slice(0, holder).some((scale) => meets(scale) && !sameSpacing(scale.spacing!, spacing));
  return other ? { kind: 'across' } : { kind: 'known', spacing, origin };
}

export function sameSpacing(a: Spacing, b: Spacing): boolean {
  const near = (a: number, b: number) => Math.abs(a - b) <= 1e-3 * Math.max(a, b);
  return near(a.x_mm, b.x_mm) && near(a.y_mm, b.y_mm);
}

/** The straight distance in words: mm where the size of a pixel is known, else pixels, and neither where the two ends have no pixel size in common. */
export function lengthText(from: Point, to: Point, { scales, aspect }: { scales: readonly Scale[]; aspect: number }): string {
  const calibration = calibrationOf(scales, boxBetween(from, to));
  switch (calibration.kind) {
    case 'known':
      return `${distance(from, to, millimetres(calibration.spacing)).toFixed(1)} mm`;
    case 'unknown':
      return `${distance(from, to, pixelShape(aspect)).toFixed(1)} px`;
    case 'across':
      return 'no length: not in one region';
  }
}

/** The straight distance between two places, in the unit of the pixel size: what a caliper shows. */
export function distance(from: Point, to: Point, size: PixelSize): number {
  return Math.hypot((to.x - from.x) * size.x, (to.y - from.y) * size.y);
}

function areaOf([left, top, right, bottom]: Box): number {
  return (right - left) * (bottom - top);
}

function holds(outer: Box, inner: Box): boolean {
  return outer[0] <= inner[0] && outer[1] <= inner[1] && outer[2] >= inner[2] && outer[3] >= inner[3];
}

/** More than an edge in common; `inner` may be a line. */
function overlaps(region: Box, inner: Box): boolean {
  return region[0] < inner[2] && inner[0] < region[2] && region[1] < inner[3] && inner[1] < region[3];
}
