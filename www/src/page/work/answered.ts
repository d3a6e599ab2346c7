// The frames that have an answer to the present question, as exports and measurements want them: in the frame's own pixels.

import { frameName } from '../../export/names';
import type { AreaSample, MadeBy, MeasurementRow } from '../../measure/frames';
import type { ClassMap } from '../../measure/mask';
import { calibrationOf } from '../../measure/spacing';
import type { Pixels } from '../../measure/structure';
import type { ModelCard } from '../../shared/api';
import { classIdsOf } from '../../shared/runs';
import type { Core } from '../core';
import { pictureName } from '../sources/types';
import { cardOf, questionAt, sameQuestion, type Answer, type State } from '../state';
import { pixelsAt } from './pixels';
import { writer } from './writer/client';
import type { RunsFrame } from './writer/messages';

export interface AnsweredFrame {
  /** Counted from 0. */
  frame: number;
  /** Since the first frame; null where the source does not say. */
  time_s: number | null;
  answer: Answer;
}

/** In the order of the frames. Of a live source, the frame on the stage alone. */
export function answeredFrames({ store, session }: Core): AnsweredFrame[] {
  const { state } = store;
  const { shown } = state;
  const { finite } = session;
  if (finite !== null) return session.answers().map(([frame, answer]) => ({ frame, time_s: finite.times_s?.[frame] ?? null, answer }));
  const question = shown?.answer && questionAt(state, shown.frame.index, shown.answer.size);
  return shown?.answer && question && sameQuestion(question, shown.answer.question) ? [{ frame: 0, time_s: null, answer: shown.answer }] : [];
}

export function namesOf(card: ModelCard | null): string[] {
  return card?.structures.map(({ name }) => name) ?? [];
}

/** The class ids of the whole frame: background outside the crop. */
export function wholeMap({ size, segmentation: { crop, runs } }: Answer): ClassMap {
  return { ...size, class_ids: classIdsOf(runs, crop, size) };
}

/** What a frame's picture is called: its file, or of a cine the name under which the frame is saved. */
export function frameNameOf({ source }: State, frame: number): string {
  if (source.kind !== 'open') return frameName('capture', frame, 'png');
  return source.source.kind === 'pictures' ? pictureName(source.source, frame) : frameName(source.source.name, frame, 'png');
}

/** Who stands for the masks. A review is of one answer: masks that changed since then are no longer reviewed. */
export function madeBy({ reviewed }: State, frame: number, { question, imported, following }: Answer): MadeBy {
  const seen = reviewed.get(frame);
  if (seen !== undefined && sameQuestion(seen, question)) return 'reviewed';
  if (imported) return 'imported';
  if (following !== undefined) return 'followed';
  return question.prompts.length > 0 || question.manual ? 'prompted' : 'autonomous';
}

/** The frame on the stage. */
export function isReviewed(state: State): boolean {
  const { shown } = state;
  return shown?.answer != null && shown.answer.question.model === cardOf(state) && madeBy(state, shown.frame.index, shown.answer) === 'reviewed';
}

/** As the worker takes it that measures and writes files. */
export function runsFrame(state: State, { frame, time_s, answer }: AnsweredFrame): RunsFrame {
  const { size, segmentation } = answer;
  const { crop, runs } = segmentation;
  const structures = segmentation.structures.map(({ structure, present, iou, object_score, expected_dice }) => ({ structure, present, iou, object_score, expected_dice }));
  return { frame, time_s, name: frameNameOf(state, frame), made_by: madeBy(state, frame, answer), structures, size, crop, runs };
}

const measured = new WeakMap<Answer, { pixels: Pixels; rows: Promise<MeasurementRow[]> }>();

/** The figures of one frame; computed once for an answer and a scale. */
export function rowsOf(state: State, answered: AnsweredFrame): Promise<MeasurementRow[]> {
  const { answer } = answered;
  const pixels = pixelsAt(state, answered.frame, answer.size);
  const known = measured.get(answer);
  if (known?.pixels === pixels) return known.rows;
  const rows = writer().ask({ type: 'measure', frame: runsFrame(state, answered), names: namesOf(cardOf(state)), pixels });
  measured.set(answer, { pixels, rows });
  rows.catch(() => measured.delete(answer));
  return rows;
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
