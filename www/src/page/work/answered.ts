// The frames that have an answer to the present question, as exports and measurements want them: in the frame's own pixels.

import type { ModelCard } from '../../shared/api';
import { measureFrame, type AreaSample, type MeasurementRow, type SegmentedFrame } from '../../measure/frames';
import type { ClassMap } from '../../measure/mask';
import { classIdsOf } from '../../shared/runs';
import type { App } from '../app';
import { isFinite, type Spacing } from '../sources/types';
import { cardOf, questionAt, sameButCrop, type Answer, type State } from '../state';

export interface AnsweredFrame {
  /** Counted from 0. */
  frame: number;
  /** Since the first frame; null for a picture. */
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
    .map(([frame, answer]) => ({ frame, time_s: finite.frame_time_ms === null ? null : (frame * finite.frame_time_ms) / 1000, answer }));
}

function isPresent(state: State, index: number, { question }: Answer): boolean {
  const now = questionAt(state, index);
  return now !== null && sameButCrop(question, now);
}

export function spacingOf({ source }: State): Spacing | null {
  return source.kind === 'open' ? source.source.spacing : null;
}

/** Frames of a source in time, of which there is more than one. */
export function isCine({ source }: State): boolean {
  return source.kind === 'open' && isFinite(source.source) && source.source.frames > 1 && source.source.frame_time_ms !== null;
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

const measured = new WeakMap<Answer, MeasurementRow[]>();

/** The figures of one frame; computed once for an answer. */
export function rowsOf(state: State, answered: AnsweredFrame): MeasurementRow[] {
  let rows = measured.get(answered.answer);
  if (rows === undefined) {
    rows = measureFrame(segmentedFrame(answered), namesOf(cardOf(state)), spacingOf(state));
    measured.set(answered.answer, rows);
  }
  return rows;
}

export function areaSamples(frames: readonly AnsweredFrame[]): AreaSample[] {
  return frames.flatMap(({ frame, time_s, answer }) =>
    answer.segmentation.structures.map(({ structure, present, area_px }) => ({ frame, time_s, structure, area_px: present ? area_px : 0 })),
  );
}
