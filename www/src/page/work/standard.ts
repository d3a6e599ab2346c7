// What an answer's structures are measured for: lines on the stage, and figures for the panel and the table.

import type { StandardFigures } from '../../export/csv';
import { grafFigures, type GrafLines } from '../../measure/graf';
import { calibrationOf, pixelShape } from '../../measure/spacing';
import type { Ends, Measurement } from '../../shared/api';
import { boxBetween, type Point } from '../../shared/geometry';
import { cardOf, type Answer, type State } from '../state';
import { pixelsAt } from './pixels';

export type HipMeasured = Extract<Measurement, { kind: 'hip'; outcome: 'measured' }>;

/** The hip on the stage, where it could be measured. */
export function hipShown(state: State): HipMeasured | null {
  const { shown } = state;
  const measurement = shown?.answer?.question.model === cardOf(state) ? shown?.answer?.segmentation.measurement : null;
  return measurement?.kind === 'hip' && measurement.outcome === 'measured' ? measurement : null;
}

/** On a frame: as a person dragged them, else as they were found. */
export function grafLines(state: State, frame: number, hip: HipMeasured): GrafLines {
  return draggedLines(state, frame) ?? hip;
}

function draggedLines({ graf_draft, shown, history }: State, frame: number): GrafLines | null {
  return (shown?.frame.index === frame ? graf_draft : null) ?? history.present.graf.get(frame) ?? null;
}

/** Lengths in mm where a pixel's size is known, and none where pixels are not square. */
export function standardFigures(state: State, frame: number, { segmentation, size }: Answer): StandardFigures | null {
  const { measurement } = segmentation;
  if (measurement === null || measurement.kind === 'heart') return null;
  if (measurement.outcome === 'abstained') return { kind: 'none', message: measurement.message };
  const { scales, aspect } = pixelsAt(state, frame, size);
  if (measurement.kind === 'hip') {
    const figures = grafFigures(grafLines(state, frame, measurement), measurement.head, pixelShape(aspect));
    return { kind: 'hip', by_hand: draggedLines(state, frame) !== null, ...figures };
  }
  if (aspect !== 1) return null;
  const { mean_thickness_px, middle_thickness_px, angle_degrees, superficial, deep } = measurement;
  const calibration = calibrationOf(scales, boxBetween(pointOf(superficial[0]), pointOf(deep[1])));
  const [mm, unit] = calibration.kind === 'known' ? [calibration.spacing.y_mm, 'mm' as const] : [1, 'px' as const];
  return { kind: 'muscle', mean_thickness: mm * mean_thickness_px, middle_thickness: mm * middle_thickness_px, unit, angle_degrees };
}

/** The lines of the frame on the stage, each with what is said beside it. */
export function standardLines(state: State): { from: Point; to: Point; text: string }[] {
  const { shown } = state;
  const answer = shown?.answer;
  if (!answer || answer.question.model !== cardOf(state)) return [];
  const line = ([from, to]: Ends, text: string) => ({ from: pointOf(from), to: pointOf(to), text });
  const { measurement } = answer.segmentation;
  if (measurement === null || measurement.outcome === 'abstained' || measurement.kind === 'heart') return [];
  if (measurement.kind === 'muscle') return [line(measurement.superficial, ''), line(measurement.deep, '')];
  const { baseline, roof_line } = grafLines(state, shown!.frame.index, measurement);
  const figures = standardFigures(state, shown!.frame.index, answer);
  return [line(baseline, ''), line(roof_line, figures?.kind === 'hip' ? `α ${figures.alpha_degrees.toFixed(0)}°` : '')];
}

export function standardText(figures: StandardFigures): string {
  switch (figures.kind) {
    case 'hip':
      return `Alpha angle ${figures.alpha_degrees.toFixed(0)}°, head coverage ${(100 * figures.coverage).toFixed(0)} %${figures.by_hand ? ', by your lines' : ''}.`;
    case 'muscle':
      return `Muscle thickness ${figures.mean_thickness.toFixed(1)} ${figures.unit} (in the middle ${figures.middle_thickness.toFixed(1)}), ${figures.angle_degrees.toFixed(1)}° between the aponeuroses.`;
    case 'none':
      return `${figures.message.charAt(0).toUpperCase()}${figures.message.slice(1)}.`;
  }
}

export function pointOf([x, y]: readonly [number, number]): Point {
  return { x, y };
}
