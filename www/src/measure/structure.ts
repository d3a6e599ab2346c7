// The figures of one structure in one frame.

import type { Box, Point } from '../shared/geometry';
import { centrelines, lengthOf } from './centreline';
import { maximumFeret, type Feret } from './feret';
import { centroidOf, maskOf, type ClassMap } from './mask';
import { calibrationOf, millimetres, pixelShape, type Calibration, type PixelSize, type Scale } from './spacing';
import { thin } from './thinning';

/** The sizes of a structure in one unit. */
export interface Sizes {
  /** Its pixels' area, in the unit squared. */
  area: number;
  /** Its largest extent: see {@link maximumFeret}. */
  feret: Feret;
  /** The length along its course, of all its pieces together and of gaps between them nothing: see {@link centrelines}. */
  centreline: number;
}

/** What is known of a picture's pixels. */
export interface Pixels {
  scales: readonly Scale[];
  /** Width of a pixel over its height. */
  aspect: number;
}

/** What can be measured of a structure that is there. */
export interface StructureMeasurement {
  /** The area in pixels as they are stored; lengths in the shorter side of a pixel, where they are not square. */
  in_px: Sizes;
  /** Null where the size of a pixel is not known, or not one and the same for all of it. */
  in_mm: Sizes | null;
  calibration: Calibration;
  /** The mean place of its pixels, in pixels of the frame. */
  centroid: Point;
  /** In pixels of the frame; right and bottom are past the last pixel. */
  bounding_box: Box;
}

/** Measures the pixels with `classId`; null where there is none. */
export function measureStructure(map: ClassMap, classId: number, { scales, aspect }: Pixels): StructureMeasurement | null {
  const mask = maskOf(map, classId);
  if (mask === null) return null;
  const skeleton = thin(mask);
  const sizes = (size: PixelSize, area: number): Sizes => ({
    area,
    feret: maximumFeret(mask, size),
    centreline: centrelines(mask, skeleton, size).reduce((sum, line) => sum + lengthOf(line, size), 0),
  });
  const bounding_box: Box = [mask.left, mask.top, mask.left + mask.width, mask.top + mask.height];
  const calibration = calibrationOf(scales, bounding_box);
  const size = calibration.kind === 'known' ? millimetres(calibration.spacing) : null;
  return {
    in_px: sizes(pixelShape(aspect), mask.area),
    in_mm: size && sizes(size, mask.area * size.x * size.y),
    calibration,
    centroid: centroidOf(mask),
    bounding_box,
  };
}
