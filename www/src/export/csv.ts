// Measurements as a table for a script or a spreadsheet: RFC 4180, one row for each structure in each frame, and for each distance taken.

import type { MadeBy, MeasurementRow } from '../measure/frames';
import type { GrafFigures } from '../measure/graf';
import { distance, millimetres, pixelShape, type Calibration } from '../measure/spacing';
import type { Point } from '../shared/geometry';

/** Where the figures come from: the same in every row, so that rows of many files can be put together. */
export interface CsvOrigin {
  source: string;
  model: string;
  training_data: string;
}

/** What was measured in one frame. */
export interface MeasuredFrame {
  /** Counted from 0. */
  frame: number;
  /** Of its picture. */
  name: string;
  /** Null where the source does not say. */
  time_s: number | null;
  /** Null where the frame was not segmented. */
  made_by: MadeBy | null;
  rows: readonly MeasurementRow[];
  distances: readonly MeasuredDistance[];
  /** Of a hip or a muscle as a whole; null where nothing of the kind is measured. */
  standard: StandardFigures | null;
}

/** What structures together are measured for, or why they are not. */
export type StandardFigures =
  | ({ kind: 'hip'; by_hand: boolean } & GrafFigures)
  | { kind: 'muscle'; mean_thickness: number; middle_thickness: number; unit: 'mm' | 'px'; angle_degrees: number }
  | { kind: 'none'; message: string };

/** A distance that a person took. */
export interface MeasuredDistance {
  from: Point;
  to: Point;
  calibration: Calibration;
  /** Width of a pixel over its height. */
  aspect: number;
}

/** How the table is written: `,` and `.` for scripts; a spreadsheet expects the marks of its country, and a byte order mark before UTF-8. */
export interface CsvStyle {
  separator: ',' | ';';
  decimal: '.' | ',';
  byte_order_mark: boolean;
}

export const FOR_SCRIPTS: CsvStyle = { separator: ',', decimal: '.', byte_order_mark: false };

/** As a spreadsheet of this language reads it without asking. */
export function forSpreadsheet(language: string): CsvStyle {
  const mark = new Intl.NumberFormat(language).formatToParts(1.5).find(({ type }) => type === 'decimal')?.value;
  return mark === ',' ? { separator: ';', decimal: ',', byte_order_mark: true } : { ...FOR_SCRIPTS, byte_order_mark: true };
}

/** Numbers in the unit that the header's suffix names; empty where something is unknown or the structure absent. */
const COLUMNS = [
  'source', 'frame', 'time_s', 'structure', 'class_id', 'present', 'area_px', 'area_mm2', 'feret_px', 'feret_mm', 'centreline_px',
  'centreline_mm', 'centroid_x_px', 'centroid_y_px', 'left_px', 'top_px', 'right_px', 'bottom_px', 'predicted_iou', 'object_score_logit',
  'expected_dice',
  'picture', 'made_by', 'distance_px', 'distance_mm', 'from_x_px', 'from_y_px', 'to_x_px', 'to_y_px', 'mm_by',
  'alpha_degrees', 'head_coverage', 'thickness_px', 'thickness_mm', 'middle_thickness_px', 'middle_thickness_mm', 'angle_degrees', 'lines_by', 'not_measured', 'model', 'training_data', 'note',
] as const;

type Figures = Partial<Record<(typeof COLUMNS)[number], string | number | null | undefined>>;

const NOTE = 'Research and teaching only. Not a medical device.';

/** The table, lines ended by CR LF. Frames are counted from 1, as the page counts them. */
export function measurementsCsv(frames: readonly MeasuredFrame[], origin: CsvOrigin, style: CsvStyle = FOR_SCRIPTS): string {
  const figures = frames.flatMap(({ frame, name, time_s, made_by, rows, distances, standard }): Figures[] => {
    const common = { ...origin, frame: frame + 1, time_s, picture: name, note: NOTE };
    const whole = standard === null ? [] : [{ ...common, made_by, ...standardOf(standard) }];
    return [...rows.map((row) => ({ ...common, made_by, ...figuresOf(row) })), ...whole, ...distances.map((taken) => ({ ...common, ...lengthOf(taken) }))];
  });
  const lines = figures.map((row) => COLUMNS.map((column) => cell(row[column], style)));
  const text = [COLUMNS, ...lines].map((line) => `${line.join(style.separator)}\r\n`).join('');
  return style.byte_order_mark ? `\ufeff${text}` : text;
}

function figuresOf({ structure, name, iou, object_score, expected_dice, measured }: MeasurementRow): Figures {
  const which: Figures = { structure: name, class_id: structure + 1, predicted_iou: iou, object_score_logit: object_score, expected_dice };
  if (measured === null) return { ...which, present: 0, area_px: 0 };
  const { in_px, in_mm, calibration, centroid, bounding_box } = measured;
  return {
    ...which,
    present: 1,
    area_px: in_px.area,
    area_mm2: in_mm?.area,
    feret_px: in_px.feret.length,
    feret_mm: in_mm?.feret.length,
    centreline_px: in_px.centreline,
    centreline_mm: in_mm?.centreline,
    centroid_x_px: centroid.x,
    centroid_y_px: centroid.y,
    left_px: bounding_box[0],
    top_px: bounding_box[1],
    right_px: bounding_box[2],
    bottom_px: bounding_box[3],
    mm_by: mmBy(calibration),
  };
}

function standardOf(figures: StandardFigures): Figures {
  switch (figures.kind) {
    case 'hip':
      return { structure: 'hip', alpha_degrees: figures.alpha_degrees, head_coverage: figures.coverage, lines_by: figures.by_hand ? 'hand' : 'masks' };
    case 'muscle': {
      const { mean_thickness: mean, middle_thickness: middle, unit, angle_degrees } = figures;
      const sizes = unit === 'mm' ? { thickness_mm: mean, middle_thickness_mm: middle } : { thickness_px: mean, middle_thickness_px: middle };
      return { structure: 'muscle', angle_degrees, ...sizes };
    }
    case 'none':
      return { structure: 'whole', not_measured: figures.message };
  }
}

/** Where its ends have no pixel size in common it has no length. */
function lengthOf({ from, to, calibration, aspect }: MeasuredDistance): Figures {
  return {
    structure: 'distance',
    distance_px: calibration.kind === 'across' ? null : distance(from, to, pixelShape(aspect)),
    distance_mm: calibration.kind === 'known' ? distance(from, to, millimetres(calibration.spacing)) : null,
    from_x_px: from.x,
    from_y_px: from.y,
    to_x_px: to.x,
    to_y_px: to.y,
    mm_by: mmBy(calibration),
  };
}

/** Who says how large a pixel is. */
function mmBy(calibration: Calibration): string {
  return calibration.kind === 'known' ? calibration.origin : calibration.kind === 'across' ? 'not in one region' : '';
}

/** A cell that no reader takes for anything else: whole numbers as they are, others to 6 digits, text quoted where it must be, and never a spreadsheet's formula. */
export function cell(value: string | number | null | undefined, { separator, decimal }: CsvStyle = FOR_SCRIPTS): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(Number.isInteger(value) ? value : Number(value.toPrecision(6))).replace('.', decimal);
  const harmless = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return harmless.includes(separator) || /["\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
