// Closed polygons around the pixels of each class, along the pixels' edges.

import type { Segmentation, StructureResult } from '../shared/api';

type Bare = Omit<Segmentation, 'structures'> & { structures: (Omit<StructureResult, 'contours'> & { contours?: Float32Array<ArrayBuffer>[] })[] };

export function withContours(segmentation: Bare): Segmentation {
  const structures = segmentation.structures.map((found) => ({ ...found, contours: found.contours ?? trace(segmentation, found.structure + 1) }));
  return { ...segmentation, structures };
}

/** Each edge between the class and another goes with the class on its right; edges join end to start. */
function trace({ class_ids, width, height }: Bare, id: number): Float32Array<ArrayBuffer>[] {
  const inside = (x: number, y: number) => x >= 0 && y >= 0 && x < width && y < height && class_ids[y * width + x] === id;
  const stride = width + 1;
  const next = new Map<number, number[]>();
  const edge = (from: number, to: number) => {
    const ends = next.get(from);
    if (ends === undefined) next.set(from, [to]);
    else ends.push(to);
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!inside(x, y)) continue;
      const at = y * stride + x;
      if (!inside(x, y - 1)) edge(at, at + 1);
      if (!inside(x + 1, y)) edge(at + 1, at + 1 + stride);
      if (!inside(x, y + 1)) edge(at + 1 + stride, at + stride);
      if (!inside(x - 1, y)) edge(at + stride, at);
    }
  }
  const contours: Float32Array<ArrayBuffer>[] = [];
  for (const [start] of next) {
    const points: number[] = [];
    for (let at: number | undefined = start; ; ) {
      const to: number | undefined = next.get(at)?.pop();
      if (to === undefined) break;
      points.push(at % stride, Math.floor(at / stride));
      at = to;
    }
    if (points.length > 0) contours.push(new Float32Array(points));
  }
  return contours;
}
