// The figures of every structure in every frame: what the table shows, the plot draws and the CSV holds.

import type { ClassMap } from './mask';
import type { Spacing } from './spacing';
import { measureStructure, type StructureMeasurement } from './structure';

/** What the model says of one structure, as the WASM surface gives it. */
export interface FoundStructure {
  /** Which of the model's, counted from 0. */
  structure: number;
  present: boolean;
  /** The model's own estimate of its mask's overlap with the truth, 0 to 1. */
  iou: number;
  /** Logit of its presence; below 0 is absent. */
  object_score: number;
}

/** A frame with what the model found in it. */
export interface SegmentedFrame {
  /** Counted from 0. */
  frame: number;
  /** Since the first frame; null for a picture. */
  time_s: number | null;
  map: ClassMap;
  structures: readonly FoundStructure[];
}

/** One structure in one frame. */
export interface MeasurementRow extends Omit<FoundStructure, 'present'> {
  frame: number;
  time_s: number | null;
  name: string;
  /** Null where the structure is absent. */
  measured: StructureMeasurement | null;
}

/** A row for each structure that was asked for, in the model's order. */
export function measureFrame(
  { frame, time_s, map, structures }: SegmentedFrame,
  names: readonly string[],
  spacing: Spacing | null,
): MeasurementRow[] {
  return structures.map(({ structure, present, iou, object_score }) => ({
    frame,
    time_s,
    structure,
    name: names[structure] ?? `structure ${structure + 1}`,
    iou,
    object_score,
    measured: present ? measureStructure(map, structure + 1, spacing) : null,
  }));
}

/** The area of one structure over the frames. */
export interface AreaSeries {
  structure: number;
  name: string;
  unit: 'mm²' | 'px';
  /** In the order of the frames; an absent structure has the area 0. */
  points: { frame: number; time_s: number | null; area: number }[];
}

/** The area of each structure over time, in mm² where every frame knows its spacing, else in pixels. */
export function areaOverTime(rows: readonly MeasurementRow[]): AreaSeries[] {
  const found = rows.flatMap(({ measured }) => measured ?? []);
  const unit = found.length > 0 && found.every(({ in_mm }) => in_mm !== null) ? 'mm²' : 'px';
  const series = new Map<number, AreaSeries>();
  for (const { frame, time_s, structure, name, measured } of [...rows].sort((a, b) => a.frame - b.frame)) {
    const of = series.get(structure) ?? { structure, name, unit, points: [] };
    series.set(structure, of);
    const area = (unit === 'mm²' ? measured?.in_mm?.area : measured?.in_px.area) ?? 0;
    of.points.push({ frame, time_s, area });
  }
  return [...series.values()].sort((a, b) => a.structure - b.structure);
}
