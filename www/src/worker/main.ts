// The worker: owns the WASM module, its device and the loaded model. One request at a time changes the model.

import type { Model, Sam2RadModule, Segmentation } from '../shared/api';
import { failed, FailureError, messageOf, type Backend, type Failure, type FromWorker, type Progress, type Replies, type Request, type ToWorker } from '../shared/messages';
import { chooseBackend, prepareWebgpu } from './backend';
import { startBundle } from './bundle';
import { readModel } from './model';
import { decodePicture, readPixels } from './picture';

interface Scope {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
  addEventListener(type: 'error', listener: (event: ErrorEvent) => void): void;
  addEventListener(type: 'unhandledrejection', listener: (event: PromiseRejectionEvent) => void): void;
}
const scope = self as unknown as Scope;

let backend: Backend = 'cpu';
let base = '';
let bundle: Promise<Sam2RadModule> | null = null;
let model: Model | null = null;

scope.addEventListener('message', async ({ data: { id, request } }) => {
  try {
    const value = await answer(request, (progress) => scope.postMessage({ type: 'progress', id, progress }));
    scope.postMessage({ type: 'reply', id, value }, transferables(value));
  } catch (error) {
    scope.postMessage({ type: 'failed', id, failure: asFailure(error) });
  }
});

// A panic inside a Rust future never settles the promise that JavaScript holds; it surfaces here.
scope.addEventListener('error', (event) => {
  event.preventDefault();
  crashed(event.message);
});
scope.addEventListener('unhandledrejection', (event) => {
  event.preventDefault();
  crashed(messageOf(event.reason));
});

async function answer(request: Request, report: (progress: Progress) => void): Promise<Replies[Request['type']]> {
  switch (request.type) {
    case 'choose-backend': {
      const choice = await chooseBackend(request.forced, request.avoid_webgpu);
      ({ backend } = choice);
      ({ base } = request);
      return choice;
    }
    case 'load-model':
      return loadModel(request.file, report);
    case 'open-picture':
      return { bitmap: await decodePicture(request.file) };
    case 'segment':
      return segment(request.picture, report);
  }
}

async function loadModel(file: File, report: (progress: Progress) => void): Promise<Replies['load-model']> {
  // The bundle starts with the first model, so that a reader who only looks downloads nothing.
  bundle ??= start();
  const module = await bundle.catch((error: unknown) => {
    bundle = null;
    throw error;
  });
  model?.free();
  model = null;
  const total = file.size;
  model = await readModel(module, file, (read) => report({ kind: 'bytes', read, total }));
  return { card: model.card(), version: module.version() };
}

function start(): Promise<Sam2RadModule> {
  if (backend === 'webgpu') prepareWebgpu((message) => postCrash(gpuLost(message).failure));
  return startBundle(backend, base);
}

async function segment(picture: Blob, report: (progress: Progress) => void): Promise<Segmentation> {
  if (model === null) throw failed('segment', 'No model is loaded.', 'Choose a model file first.');
  const started = performance.now();
  report({ kind: 'stage', stage: 'decode picture' });
  const { rgba, width, height } = await readPixels(picture);
  const decoded = performance.now() - started;
  try {
    report({ kind: 'stage', stage: 'look at the picture' });
    model.encode(rgba, width, height);
    report({ kind: 'stage', stage: 'draw the masks' });
    const segmentation = await model.segment({});
    return { ...segmentation, timings: [{ stage: 'decode picture', milliseconds: decoded }, ...segmentation.timings] };
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) throw error;
    throw failed('segment', `The picture could not be segmented: ${messageOf(error)}`, 'Try another picture, or choose the model again.');
  }
}

function transferables(value: Replies[Request['type']]): Transferable[] {
  if ('bitmap' in value) return [value.bitmap];
  if ('class_ids' in value) return [value.class_ids.buffer];
  return [];
}

function asFailure(error: unknown): Failure {
  return error instanceof FailureError ? error.failure : crash(messageOf(error));
}

function gpuLost(message: string): FailureError {
  return failed('gpu', `The graphics device was lost: ${message}.`, 'The page goes on with the CPU.');
}

function crash(message: string): Failure {
  return {
    kind: 'crash',
    message: `The program stopped: ${message}.`,
    advice: 'It has been started again. If this repeats, the machine may be short of memory: close other tabs, or use a smaller model.',
  };
}

function crashed(message: string): void {
  postCrash(crash(message));
}

function postCrash(failure: Failure): void {
  scope.postMessage({ type: 'crashed', failure });
}
