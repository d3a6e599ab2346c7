// The frames that have an answer to the present question, as exports and measurements want them: in the frame's own pixels.

import type { ModelCard } from '../../shared/api';
import { measureFrame, type AreaSample, type MeasurementRow, type SegmentedFrame } from '../../measure/frames';
import type { ClassMap } from '../../measure/mask';
import { calibrationOf } from '../../measure/spacing';
import type { Pixels } from '../../measure/structure';
import { classIdsOf } from '../../shared/runs';
import type { App } from '../app';
import { cardOf, questionAt, sameButCrop, type Answer, type State } from '../state';
import { pixelsAt } from './pixels';

export interface AnsweredFrame {
  /** Counted from 0. */
  frame: number;
  /** Since the first frame; null where the source does not say. */
  time_s: number | null;
  answer: Answer;
}

/** In the order of the frames. Of a live source, the frame on the stage alone. */
export function answeredFrames({ store, session }: App): AnsweredFrame[] {
  const { state } = store;
  const { shown } = state;
  const { finite } = session;
  if (finite === null) return shown?.answer && isPresent(state, shown.frame.index, shown.answer) ? [{ frame: 0, time_s: null, answer: shown.answer }] : [];
  return [...session.results.entries()]
    .filter(([index, answer]) => isPresent(state, index, answer))
    .sort(([a], [b]) => a - b)
    .map(([frame, answer]) => ({ frame, time_s: finite.times_s?.[frame] ?? null, answer }));
}

function isPresent(state: State, index: number, { question }: Answer): boolean {
  const now = questionAt(state, index);
  return now !== null && sameButCrop(question, now);
}

export function namesOf(card: ModelCard | null): string[] {
  return card?.structures.map(({ name }) => name) ?? [];
}

/** The class ids of the whole frame: background outside the crop. */
export function wholeMap({ size, segmentation: { crop, runs } }: Answer): ClassMap {
  return { ...size, class_ids: classIdsOf(runs, crop, size) };
}

export function segmentedFrame({ frame, time_s, answer }: AnsweredFrame): SegmentedFrame {
  return { frame, time_s, map: wholeMap(answer), structures: answer.segmentation.structures };
}

const measured = new WeakMap<Answer, { pixels: Pixels; rows: MeasurementRow[] }>();

/** The figures of one frame; computed once for an answer and a scale. */
export function rowsOf(state: State, answered: AnsweredFrame): MeasurementRow[] {
  const pixels = pixelsAt(state, answered.frame, answered.answer.size);
  const known = measured.get(answered.answer);
  const rows = known?.pixels === pixels ? known.rows : measureFrame(segmentedFrame(answered), namesOf(cardOf(state)), pixels);
  measured.set(answered.answer, { pixels, rows });
  return rows.map((row) => ({ ...row, frame: answered.frame, time_s: answered.time_s }));
}

export function areaSamples(state: State, frames: readonly AnsweredFrame[]): AreaSample[] {
  return frames.flatMap(({ frame, time_s, answer }) => {
    const { scales } = pixelsAt(state, frame, answer.size);
    return answer.segmentation.structures.map(({ structure, present, area_px, bounding_box }) => {
      if (!present || bounding_box === null) return { frame, time_s, structure, area_px: 0, area_mm2: scales.length > 0 ? 0 : null };
      const calibration = calibrationOf(scales, bounding_box);
      const { x_mm, y_mm } = calibration.kind === 'known' ? calibration.spacing : { x_mm: 0, y_mm: 0 };
      return { frame, time_s, structure, area_px, area_mm2: calibration.kind === 'known' ? area_px * x_mm * y_mm : null };
    });
  });
}
