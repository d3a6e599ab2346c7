// Measurements as a table for a spreadsheet or a script: RFC 4180, one row for each structure in each frame.

import type { MeasurementRow } from '../measure/frames';

/** Where the figures come from: the same in every row, so that rows of many files can be put together. */
export interface CsvOrigin {
  source: string;
  model: string;
  training_data: string;
}

/** Numbers in the unit that the header's suffix names; empty where something is unknown or the structure absent. */
const COLUMNS = [
  'source', 'frame', 'time_s', 'structure', 'class_id', 'present', 'area_px', 'area_mm2', 'feret_px', 'feret_mm', 'centreline_px',
  'centreline_mm', 'centroid_x_px', 'centroid_y_px', 'left_px', 'top_px', 'right_px', 'bottom_px', 'predicted_iou', 'object_score_logit',
  'model', 'training_data', 'note',
] as const;

const NOTE = 'Research and teaching only. Not a medical device.';

/** The table, lines ended by CR LF. Frames are counted from 0. */
export function measurementsCsv(rows: readonly MeasurementRow[], origin: CsvOrigin): string {
  const lines = rows.map(({ frame, time_s, structure, name, iou, object_score, measured }) => {
    const figures: Record<(typeof COLUMNS)[number], string | number | null | undefined> = {
      source: origin.source,
      frame,
      time_s,
      structure: name,
      class_id: structure + 1,
      present: measured === null ? 0 : 1,
      area_px: measured?.in_px.area ?? 0,
      area_mm2: measured === null ? null : measured.in_mm?.area,
      feret_px: measured?.in_px.feret.length,
      feret_mm: measured?.in_mm?.feret.length,
      centreline_px: measured?.in_px.centreline,
      centreline_mm: measured?.in_mm?.centreline,
      centroid_x_px: measured?.centroid.x,
      centroid_y_px: measured?.centroid.y,
      left_px: measured?.bounding_box[0],
      top_px: measured?.bounding_box[1],
      right_px: measured?.bounding_box[2],
      bottom_px: measured?.bounding_box[3],
      predicted_iou: iou,
      object_score_logit: object_score,
      model: origin.model,
      training_data: origin.training_data,
      note: NOTE,
    };
    return COLUMNS.map((column) => cell(figures[column]));
  });
  return [COLUMNS, ...lines].map((line) => `${line.join(',')}\r\n`).join('');
}

/** A cell that no reader takes for anything else: whole numbers as they are, others to 6 digits, text quoted where it must be, and never a spreadsheet's formula. */
export function cell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
  const harmless = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
