// Which answers of a GPU count as the CPU's.

import type { StructureResult } from '../../../www/src/shared/api';
import type { CroppedSegmentation } from '../../../www/src/shared/messages';
import { runsOf } from '../../../www/src/shared/runs';
import { sameAnswers } from '../../../www/src/page/stream/same';
import { expect, test } from '../../../www/playwright';

const SIDE = 64;

/** A square of `side` at the left top, and what the model says of it. */
function answer(side: number, scores: Partial<StructureResult> = {}): CroppedSegmentation {
  const class_ids = Uint8Array.from({ length: SIDE * SIDE }, (_, at) => Number(at % SIDE < side && at < SIDE * side));
  const structure = { structure: 0, present: true, iou: 0.9, object_score: 3, area_px: side * side, bounding_box: null, predicted_box: null, contours: [], ...scores };
  return { width: SIDE, height: SIDE, crop: [0, 0, SIDE, SIDE], runs: runsOf(class_ids), structures: [structure], measurement: null, timings: [] } as CroppedSegmentation;
}

test('masks whose Dice is 0.98 or more are the same, and in a small structure a few pixels may differ', () => {
  expect(sameAnswers(answer(60), answer(60))).toBe(true);
  // Dice 0.983 and 0.966.
  expect(sameAnswers(answer(60), answer(59))).toBe(true);
  expect(sameAnswers(answer(60), answer(58))).toBe(false);
  expect(sameAnswers(answer(3), answer(4))).toBe(true);
  expect(sameAnswers(answer(3), answer(0))).toBe(false);
});

test('scores that are apart, or no numbers, are not the same', () => {
  expect(sameAnswers(answer(9), answer(9, { iou: 0.905, object_score: 3.05 }))).toBe(true);
  expect(sameAnswers(answer(9), answer(9, { iou: 0.93 }))).toBe(false);
  expect(sameAnswers(answer(9), answer(9, { iou: NaN }))).toBe(false);
  expect(sameAnswers(answer(9), answer(9, { object_score: 2 }))).toBe(false);
  expect(sameAnswers(answer(9), answer(9, { present: false }))).toBe(false);
});
