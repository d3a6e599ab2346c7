// Everything that crosses between page and DICOM worker. To add a call: a Request, its row in Replies, a case in worker.ts.

import type { Asked, Told } from '../shared/worker-client';
import type { DicomFrame, DicomInfo, SegmentationRequest } from './api';

/** `file` is the number that `open` gave. */
export type Request =
  | { type: 'open'; base: string; file: File }
  | { type: 'frame'; file: number; index: number }
  | { type: 'segmentation'; file: number; request: SegmentationRequest }
  | { type: 'close'; file: number };

export interface Replies {
  open: { file: number; info: DicomInfo };
  frame: DicomFrame;
  segmentation: { bytes: Uint8Array<ArrayBuffer> };
  close: null;
}

export type ToWorker = Asked<Request>;
export type FromWorker = Told<Replies[Request['type']]>;
