// The figures of every structure in every frame: what the table shows, the plot draws and the CSV holds.

import type { ClassMap } from './mask';
import { millimetres, PIXELS, type Spacing } from './spacing';
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
    name: nameOf(names, structure),
    iou,
    object_score,
    measured: present ? measureStructure(map, structure + 1, spacing) : null,
  }));
}

/** The area of one structure in one frame; 0 where it is absent. */
export interface AreaSample {
  frame: number;
  time_s: number | null;
  structure: number;
  area_px: number;
}

/** The area of one structure over the frames. */
export interface AreaSeries {
  structure: number;
  name: string;
  unit: 'mm²' | 'px';
  /** In the order of the frames. */
  points: { frame: number; time_s: number | null; area: number }[];
}

/** The area of each structure over time, in mm² where the spacing is known, else in pixels. */
export function areaOverTime(samples: readonly AreaSample[], names: readonly string[], spacing: Spacing | null): AreaSeries[] {
  const size = spacing === null ? PIXELS : millimetres(spacing);
  const series = new Map<number, AreaSeries>();
  for (const { frame, time_s, structure, area_px } of [...samples].sort((a, b) => a.frame - b.frame)) {
    const of = series.get(structure) ?? { structure, name: nameOf(names, structure), unit: spacing === null ? 'px' : 'mm²', points: [] };
    series.set(structure, of);
    of.points.push({ frame, time_s, area: area_px * size.x * size.y });
  }
  return [...series.values()].sort((a, b) => a.structure - b.structure);
}

function nameOf(names: readonly string[], structure: number): string {
  return names[structure] ?? `structure ${structure + 1}`;
}
