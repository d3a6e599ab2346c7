// Everything that crosses between the page and the worker that measures and writes files: what takes long never holds up the page.
// To add a call: a Request, its row in Replies, a case in worker.ts.

import type { CocoOrigin, SegmentationForm } from '../../../export/coco';
import type { CsvOrigin, CsvStyle, MeasuredFrame } from '../../../export/csv';
import type { DatasetDescription } from '../../../export/dataset';
import type { CineShape } from '../../../export/video';
import type { MeasurementRow, SegmentedFrame } from '../../../measure/frames';
import type { Pixels } from '../../../measure/structure';
import type { Box, Size } from '../../../shared/geometry';
import type { Runs } from '../../../shared/runs';
import type { Asked, Told } from '../../../shared/worker-client';
import type { Labelled } from './labelled';

/** A frame with what was found in it; the masks as run lengths of the crop, which weigh little on the way. */
export interface RunsFrame extends Omit<SegmentedFrame, 'map'> {
  size: Size;
  crop: Box;
  runs: Runs;
}

export type Request =
  | { type: 'measure'; frame: Pick<RunsFrame, 'size' | 'crop' | 'runs' | 'structures'>; names: readonly string[]; pixels: Pixels }
  /** Class ids of each frame as a PNG of the frame's name: alone, or an archive of them. */
  | { type: 'masks'; frames: readonly RunsFrame[]; comment: string }
  | { type: 'coco'; frames: readonly RunsFrame[]; origin: CocoOrigin; form: SegmentationForm }
  | { type: 'csv'; frames: readonly MeasuredFrame[]; origin: CsvOrigin; style: CsvStyle }
  /** One picture as it is drawn on the stage. */
  | { type: 'overlay'; labelled: Labelled }
  /** Pictures and labels in the reference's layout: begun, given frame by frame, ended. Pictures are transferred. */
  | { type: 'begin-dataset' }
  | { type: 'add-to-dataset'; picture: ImageBitmap; frame: RunsFrame; spacing_mm: number | null; comment: string }
  | { type: 'end-dataset'; origin: CocoOrigin; description: DatasetDescription }
  | { type: 'begin-video'; shape: CineShape }
  | { type: 'add-to-video'; labelled: Labelled; time_s: number; duration_s: number }
  | { type: 'end-video' }
  /** Drops what was begun. */
  | { type: 'cancel' };

export interface Replies {
  'measure': MeasurementRow[];
  'masks': Blob;
  /** What the file does not say of itself, in words; empty where there is nothing. */
  'coco': { blob: Blob; note: string };
  'csv': Blob;
  'overlay': Blob;
  'begin-dataset': null;
  'add-to-dataset': null;
  'end-dataset': Blob;
  'begin-video': null;
  'add-to-video': null;
  'end-video': Blob;
  'cancel': null;
}

export type ToWorker = Asked<Request>;
export type FromWorker = Told<Replies[Request['type']]>;
