// The figures of every structure in every frame: what the table shows, the plot draws and the CSV holds.

import type { ClassMap } from './mask';
import { measureStructure, type Pixels, type StructureMeasurement } from './structure';

/** What the model says of one structure, as the WASM surface gives it. */
export interface FoundStructure {
  /** Which of the model's, counted from 0. */
  structure: number;
  present: boolean;
  /** The model's own estimate of its mask's overlap with the truth, 0 to 1; null of masks from a file. */
  iou: number | null;
  /** Logit of its presence; below 0 is absent. Null where the model has no object score. */
  object_score: number | null;
  /** The Dice that its mask may be expected to have; null or left out where the model has no calibration. */
  expected_dice?: number | null | undefined;
}

/** Who stands for a frame's masks: the model alone, the model or a decoder with a person's prompts, the model that followed them from another
 *  frame, a file of masks that was opened, or a person who looked at them and accepted them. */
export type MadeBy = 'autonomous' | 'prompted' | 'followed' | 'imported' | 'reviewed';

/** A frame with what the model found in it. */
export interface SegmentedFrame {
  /** Counted from 0. */
  frame: number;
  /** Of its picture: a file's, or what the picture is called where it is saved. */
  name: string;
  made_by: MadeBy;
  /** Since the first frame; null where the source does not say. */
  time_s: number | null;
  map: ClassMap;
  structures: readonly FoundStructure[];
}

/** One structure in one frame. */
export interface MeasurementRow extends Omit<FoundStructure, 'present'> {
  /** Of the structure. */
  name: string;
  /** Null where the structure is absent. */
  measured: StructureMeasurement | null;
}

/** A row for each structure that was asked for, in the model's order. */
export function measureFrame(
  { map, structures }: Pick<SegmentedFrame, 'map' | 'structures'>,
  names: readonly string[],
  pixels: Pixels,
): MeasurementRow[] {
  return structures.map(({ structure, present, iou, object_score, expected_dice }) => ({
    structure,
    name: nameOf(names, structure),
    iou,
    object_score,
    ...(expected_dice == null ? {} : { expected_dice }),
    measured: present ? measureStructure(map, structure + 1, pixels) : null,
  }));
}

/** The area of one structure in one frame; 0 where it is absent. */
export interface AreaSample {
  frame: number;
  time_s: number | null;
  structure: number;
  area_px: number;
  /** Null where the size of a pixel is not known. */
  area_mm2: number | null;
}

/** The area of one structure over the frames. */
export interface AreaSeries {
  structure: number;
  name: string;
  unit: 'mm²' | 'px';
  /** In the order of the frames. */
  points: { frame: number; time_s: number | null; area: number }[];
}

/** The area of each structure over time: in mm² where it is known in every frame, else in pixels. */
export function areaOverTime(samples: readonly AreaSample[], names: readonly string[]): AreaSeries[] {
  const unit = samples.every(({ area_mm2 }) => area_mm2 !== null) ? 'mm²' : 'px';
  const series = new Map<number, AreaSeries>();
  for (const { frame, time_s, structure, area_px, area_mm2 } of [...samples].sort((a, b) => a.frame - b.frame)) {
    const of = series.get(structure) ?? { structure, name: nameOf(names, structure), unit, points: [] };
    series.set(structure, of);
    of.points.push({ frame, time_s, area: unit === 'px' ? area_px : area_mm2! });
  }
  return [...series.values()].sort((a, b) => a.structure - b.structure);
}

function nameOf(names: readonly string[], structure: number): string {
  return names[structure] ?? `structure ${structure + 1}`;
}
