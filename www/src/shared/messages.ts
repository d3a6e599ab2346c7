// Everything that crosses between page and worker. To add a call: a Request, its row in Replies, a case in worker/main.ts.
//
// The page speaks in pixels of the whole frame; the model sees the crop alone. worker/crop.ts is where one becomes the other.

import type { Explanation, ModelCard, Segmentation, SegmentRequest } from './api';
import type { Box } from './geometry';
import type { Runs } from './runs';
import type { Asked, Told } from './worker-client';

export type Backend = 'cpu' | 'webgpu';

export interface BackendChoice {
  backend: Backend;
  /** Of the CPU bundle; more than one where the page may share memory: it is cross-origin isolated. */
  threads: number;
  /** One line for the reader: why this one. */
  reason: string;
  /** The graphics adapter that can compute instead; null where there is none, or where the backend was settled beforehand. */
  adapter: string | null;
}

/** Where to compute, and one line for the reader: why there. */
export interface Preference {
  backend: Backend;
  reason: string;
}

/** Where a model file comes from. `dataset` chooses the learnt prompts where a trainer's checkpoint has several. */
export type ModelOrigin = { kind: 'file'; file: File; dataset?: string } | { kind: 'shipped'; name: string; url: string; bytes: number; sha256: string };

export type Request =
  /** `settled` leaves nothing to choose; without it a graphics adapter is looked for. Counts until the first model is loaded. */
  | { type: 'choose-backend'; base: string; settled: Preference | null }
  | { type: 'load-model'; origin: ModelOrigin; image_size: number | null }
  /** Looks at a frame: `picture` (transferred) shows what lies in `crop`. */
  | { type: 'encode'; picture: ImageBitmap; crop: Box }
  /** Answers from the frame that was encoded last: the decoder alone. */
  | { type: 'segment'; request: SegmentRequest }
  /** Looks inside that answer; the decoder runs once for each prompt token. */
  | { type: 'explain'; request: SegmentRequest }
  /** Looks at frame `at` of a video, as `encode` does, and finds there what is followed; `frames` of the video where it begins with this frame. */
  | { type: 'follow'; picture: ImageBitmap; crop: Box; at: number; begins: number | null; step: FollowStep }
  | { type: 'memory' };

/** What is known of a frame of a video beforehand. */
export type FollowStep =
  /** A person's prompts; after `followed`, they correct what is followed to this frame. */
  | { kind: 'prompted'; request: SegmentRequest; followed: boolean; backward: boolean }
  /** Masks of the crop that are right. */
  | { kind: 'accepted'; class_ids: Uint8Array<ArrayBuffer>; structures: number[] }
  | { kind: 'followed'; backward: boolean };

export interface Replies {
  'choose-backend': BackendChoice;
  /** `manual_only`: the file has no prompt predictor. `made`: the model file that was made of a checkpoint. */
  'load-model': { card: ModelCard; version: string; manual_only: boolean; can_follow: boolean; made: File | null };
  'encode': { milliseconds: number };
  'segment': CroppedSegmentation;
  'follow': CroppedSegmentation;
  /** Boxes are in pixels of the whole frame; maps are of the crop. */
  'explain': Explanation;
  /** Bytes of the WASM module, the most it has had; a GPU's own are not among them. */
  'memory': { bytes: number };
}

/** Boxes and contours are in pixels of the whole frame; `runs` are the class ids of the crop alone, `width` × `height`. */
export interface CroppedSegmentation extends Omit<Segmentation, 'class_ids'> {
  crop: Box;
  runs: Runs;
}

export type ToWorker = Asked<Request>;
export type FromWorker = Told<Replies[Request['type']]>;

export type FailureKind =
  | 'no-webassembly'
  | 'bundle' // the WASM bundle could not be fetched or compiled
  | 'model' // the model file was refused
  | 'picture' // a picture, video or DICOM file could not be decoded
  | 'capture' // a camera or a screen could not be opened, or ended
  | 'segment' // the model refused this picture
  | 'learn' // a training stopped or could not begin
  | 'gpu' // the GPU device was lost
  | 'not-on-gpu' // the WebGPU bundle has no kernels for the model
  | 'crash' // a WASM module panicked; its worker must be replaced
  | 'page' // a fault of the page itself; its workers are well
  | 'cancelled';

export interface Failure {
  kind: FailureKind;
  message: string;
  /** What the reader can do next. */
  advice: string;
  /** Other ways to load the model, each a button with this text. */
  ways?: readonly WayOn[];
}

export interface WayOn {
  text: string;
  origin: ModelOrigin;
  image_size: number | null;
}

/** The same model at another image size. */
export function atSize(origin: ModelOrigin, image_size: number): WayOn {
  return { text: `Go on at ${image_size} px`, origin, image_size };
}

export class FailureError extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

export function failed(kind: FailureKind, message: string, advice: string): FailureError {
  return new FailureError({ kind, message, advice });
}

/** What went wrong, where it may be anything that was thrown. */
export function failureOf(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  return { kind: 'page', message: messageOf(error), advice: 'Try again; if it stays so, reload the page.' };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What a model is called. */
export function nameOf(origin: ModelOrigin): string {
  return origin.kind === 'file' ? origin.file.name : origin.name;
}
