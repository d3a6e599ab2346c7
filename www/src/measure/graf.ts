// An infant's hip by two lines, as Graf draws them, whether the model's masks or a person gave them.

import type { Ellipse, Ends } from '../shared/api';
import type { PixelSize } from './spacing';

/** In pixels of the frame: the baseline from cranial to the bony rim, the roof line from there to the lower limb of the ilium. */
export interface GrafLines {
  baseline: Ends;
  roof_line: Ends;
}

export interface GrafFigures {
  /** Between the lines. */
  alpha_degrees: number;
  /** The part of the head's diameter, at right angles to the baseline, that is below it: 0 to 1. */
  coverage: number;
}

/** Computed where pixels are square, so `size` stretches them first. */
export function grafFigures({ baseline, roof_line }: GrafLines, head: Ellipse, size: PixelSize): GrafFigures {
  const [bx, by] = directionOf(baseline, size);
  const [rx, ry] = directionOf(roof_line, size);
  const alpha_degrees = (Math.acos(Math.max(-1, Math.min(1, bx * rx + by * ry))) * 180) / Math.PI;
  // At right angles to the baseline, pointing down.
  const [nx, ny] = bx >= 0 ? [-by, bx] : [by, -bx];
  const [xx, xy, yy] = head.covariance;
  const reach = 2 * Math.sqrt(Math.max(0, xx * (size.x * nx) ** 2 + 2 * xy * size.x * nx * size.y * ny + yy * (size.y * ny) ** 2));
  const [[x, y]] = baseline;
  const depth = (head.centre[0] - x) * size.x * nx + (head.centre[1] - y) * size.y * ny;
  return { alpha_degrees, coverage: reach === 0 ? 0 : Math.max(0, Math.min(1, (depth + reach) / (2 * reach))) };
}

function directionOf([[x0, y0], [x1, y1]]: Ends, { x, y }: PixelSize): [number, number] {
  const [dx, dy] = [(x1 - x0) * x, (y1 - y0) * y];
  const length = Math.hypot(dx, dy) || 1;
  return [dx / length, dy / length];
}
