// The figures of one structure in one frame.

import type { Box, Point } from '../shared/geometry';
import { centrelines, lengthOf } from './centreline';
import { maximumFeret, type Feret } from './feret';
import { centroidOf, maskOf, type ClassMap } from './mask';
import { millimetres, PIXELS, type PixelSize, type Spacing } from './spacing';

/** The sizes of a structure in one unit. */
export interface Sizes {
  /** Its pixels' area, in the unit squared. */
  area: number;
  /** Its largest extent: see {@link maximumFeret}. */
  feret: Feret;
  /** The length along its course, of all its pieces together and of gaps between them nothing: see {@link centrelines}. */
  centreline: number;
}

/** What can be measured of a structure that is there. */
export interface StructureMeasurement {
  in_px: Sizes;
  /** Null where the pixel spacing is not known. */
  in_mm: Sizes | null;
  /** The mean place of its pixels, in pixels of the frame. */
  centroid: Point;
  /** In pixels of the frame; right and bottom are past the last pixel. */
  bounding_box: Box;
}

/** Measures the pixels with `classId`; null where there is none. */
export function measureStructure(map: ClassMap, classId: number, spacing: Spacing | null): StructureMeasurement | null {
  const mask = maskOf(map, classId);
  if (mask === null) return null;
  const sizes = (size: PixelSize): Sizes => ({
    area: mask.area * size.x * size.y,
    feret: maximumFeret(mask, size),
    centreline: centrelines(mask, size).reduce((sum, line) => sum + lengthOf(line, size), 0),
  });
  return {
    in_px: sizes(PIXELS),
    in_mm: spacing === null ? null : sizes(millimetres(spacing)),
    centroid: centroidOf(mask),
    bounding_box: [mask.left, mask.top, mask.left + mask.width, mask.top + mask.height],
  };
}
