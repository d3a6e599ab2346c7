// Everything that crosses between page and DICOM worker. To add a call: a Request, its row in Replies, a case in worker.ts.

import type { Asked, Told } from '../shared/worker-client';
import type { DicomFrame, DicomInfo, DicomKind, DirectoryEntry, GreyRange, SegmentationMasks, SegmentationRequest } from './api';

/** `file` is the number that `open` gave. */
export type Request =
  /** What a file is, from its first bytes. */
  | { type: 'identify'; base: string; head: Uint8Array }
  | { type: 'open'; base: string; file: File }
  /** `window`: which grey values are shown, `null` for the file's own. */
  | { type: 'frame'; file: number; index: number; window: GreyRange | null }
  | { type: 'segmentation'; file: number; request: SegmentationRequest }
  /** The masks of a segmentation object that was made for the file. */
  | { type: 'masks'; file: number; segmentation: File }
  /** What a DICOMDIR lists. */
  | { type: 'directory'; base: string; directory: File }
  | { type: 'close'; file: number };

export interface Replies {
  identify: DicomKind | null;
  /** `window`: what is shown where none is chosen, `null` in colour. */
  open: { file: number; info: DicomInfo; window: GreyRange | null };
  frame: DicomFrame;
  segmentation: { bytes: Uint8Array<ArrayBuffer> };
  masks: SegmentationMasks;
  directory: DirectoryEntry[];
  close: null;
}

export type ToWorker = Asked<Request>;
export type FromWorker = Told<Replies[Request['type']]>;
