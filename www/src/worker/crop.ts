// From pixels of the whole frame to those of the crop, which the model sees, and back.

import type { Ends, Explanation, Measurement, Segmentation, SegmentRequest } from '../shared/api';
import type { Box } from '../shared/geometry';
import type { CroppedSegmentation } from '../shared/messages';
import { runsOf } from '../shared/runs';

export function intoCrop(request: SegmentRequest, [left, top]: Box): SegmentRequest {
  const prompts = (request.prompts ?? []).map(({ structure, points, bounding_box, strokes }) => ({
    structure,
    ...(points && { points: points.map(({ x, y, inside }) => ({ x: x - left, y: y - top, inside })) }),
    ...(bounding_box && { bounding_box: moved(bounding_box, -left, -top) }),
    ...(strokes && { strokes: strokes.map((stroke) => ({ ...stroke, path: stroke.path.map(([x, y]): [number, number] => [x - left, y - top]) })) }),
  }));
  return { ...request, prompts };
}

export function ontoFrame({ class_ids, ...segmentation }: Segmentation, crop: Box): CroppedSegmentation {
  const [left, top] = crop;
  const structures = segmentation.structures.map((found) => ({
    ...found,
    bounding_box: found.bounding_box && moved(found.bounding_box, left, top),
    predicted_box: found.predicted_box && moved(found.predicted_box, left, top),
    contours: found.contours.map((contour) => contour.map((value, i) => value + (i % 2 === 0 ? left : top))),
  }));
  const measurement = segmentation.measurement && measurementOntoFrame(segmentation.measurement, crop);
  return { ...segmentation, runs: runsOf(class_ids), structures, measurement, crop };
}

export function explanationOntoFrame(explanation: Explanation, [left, top]: Box): Explanation {
  return { ...explanation, predicted_boxes: explanation.predicted_boxes.map((box) => moved(box, left, top)) };
}

function measurementOntoFrame(measurement: Measurement, [left, top]: Box): Measurement {
  const place = ([x, y]: [number, number]): [number, number] => [x + left, y + top];
  const line = ([from, to]: Ends): Ends => [place(from), place(to)];
  if (measurement.outcome === 'abstained') return measurement;
  switch (measurement.kind) {
    case 'hip':
      return { ...measurement, baseline: line(measurement.baseline), roof_line: line(measurement.roof_line), head: { ...measurement.head, centre: place(measurement.head.centre) } };
    case 'muscle':
      return { ...measurement, superficial: line(measurement.superficial), deep: line(measurement.deep) };
    case 'heart':
      return measurement;
  }
}

function moved([left, top, right, bottom]: Box, x: number, y: number): Box {
  return [left + x, top + y, right + x, bottom + y];
}
