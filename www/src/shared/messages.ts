// Everything that crosses between page and worker. To add a call: a Request, its row in Replies, a case in worker/main.ts.

import type { ModelCard, Segmentation } from './api';

export type Backend = 'cpu' | 'webgpu';

export interface BackendChoice {
  backend: Backend;
  /** One line for the reader: why this one. */
  reason: string;
}

export type Request =
  | { type: 'choose-backend'; base: string; forced: Backend | null; avoid_webgpu: string | null }
  | { type: 'load-model'; file: File }
  | { type: 'open-picture'; file: Blob }
  | { type: 'segment'; picture: Blob };

export interface Replies {
  'choose-backend': BackendChoice;
  'load-model': { card: ModelCard; version: string };
  'open-picture': { bitmap: ImageBitmap };
  'segment': Segmentation;
}

export type Progress =
  | { kind: 'bytes'; read: number; total: number }
  | { kind: 'stage'; stage: string };

export type FailureKind =
  | 'no-webassembly'
  | 'bundle' // the WASM bundle could not be fetched or compiled
  | 'model' // the model file was refused
  | 'picture' // the picture could not be decoded
  | 'segment' // the model refused this picture
  | 'gpu' // the GPU device was lost
  | 'crash' // the WASM module panicked; the worker must be replaced
  | 'cancelled';

export interface Failure {
  kind: FailureKind;
  message: string;
  /** What the reader can do next. */
  advice: string;
}

export type ToWorker = { id: number; request: Request };

export type FromWorker =
  | { type: 'reply'; id: number; value: Replies[Request['type']] }
  | { type: 'progress'; id: number; progress: Progress }
  | { type: 'failed'; id: number; failure: Failure }
  | { type: 'crashed'; failure: Failure };

export class FailureError extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

export function failed(kind: FailureKind, message: string, advice: string): FailureError {
  return new FailureError({ kind, message, advice });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
