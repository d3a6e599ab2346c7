// The worker: owns the WASM module, its device and the loaded model. Requests are answered one after the other.

import type { Model, SegmentRequest } from '../shared/api';
import type { Box } from '../shared/geometry';
import { failed, FailureError, messageOf, type Backend, type Failure, type FromWorker, type ModelOrigin, type Replies, type Request, type ToWorker } from '../shared/messages';
import type { Progress } from '../shared/worker-client';
import { chooseBackend, prepareWebgpu } from './backend';
import { startBundle, type Bundle } from './bundle';
import { explanationOntoFrame, intoCrop, ontoFrame } from './crop';
import { follow } from './follow';
import { readModel } from './model';
import { readPixels } from './pixels';

interface Scope {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
  addEventListener(type: 'error', listener: (event: ErrorEvent) => void): void;
  addEventListener(type: 'unhandledrejection', listener: (event: PromiseRejectionEvent) => void): void;
}
const scope = self as unknown as Scope;

let backend: Backend = 'cpu';
let base = '';
let bundle: Promise<Bundle> | null = null;
let model: Model | null = null;
/** Of the frame that was encoded last. */
let crop: Box | null = null;
let last: Promise<void> = Promise.resolve();

scope.addEventListener('message', ({ data }) => {
  last = last.then(() => respond(data));
});

async function respond({ id, request }: ToWorker): Promise<void> {
  try {
    const value = await answer(request, (progress) => scope.postMessage({ type: 'progress', id, progress }));
    scope.postMessage({ type: 'reply', id, value }, transferables(value));
  } catch (error) {
    scope.postMessage({ type: 'failed', id, failure: asFailure(error) });
  }
}

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
      const choice = await chooseBackend(request.settled);
      ({ backend } = choice);
      ({ base } = request);
      return choice;
    }
    case 'load-model':
      return loadModel(request.origin, request.image_size, report);
    case 'encode':
      return encode(request.picture, request.crop);
    case 'segment':
      return segment(request.request);
    case 'explain':
      return explain(request.request);
    case 'follow': {
      const { picture, crop: of, at, begins, step } = request;
      if (begins !== null) await guarded(() => loaded().start_video(begins));
      await encode(picture, of);
      return ontoFrame(await guarded(() => follow(loaded(), at, step, of)), of);
    }
    case 'memory':
      return { bytes: (await bundle)?.memory.buffer.byteLength ?? 0 };
  }
}

async function loadModel(origin: ModelOrigin, imageSize: number | null, report: (progress: Progress) => void): Promise<Replies['load-model']> {
  // The bundle starts with the first model, so that a reader who only looks downloads nothing.
  bundle ??= start();
  const { module } = await bundle.catch((error: unknown) => {
    bundle = null;
    throw error;
  });
  model?.free();
  model = null;
  crop = null;
  const total = origin.kind === 'file' ? origin.file.size : origin.bytes;
  const loaded = await readModel(module, base, origin, imageSize, (read) => report({ kind: 'bytes', read, total }));
  model = loaded.model;
  return { card: model.card(), version: module.version(), manual_only: model.is_manual_only(), can_follow: model.can_follow(), made: loaded.made };
}

function start(): Promise<Bundle> {
  if (backend === 'webgpu') prepareWebgpu((message) => postCrash(gpuLost(message).failure));
  return startBundle(backend, base);
}

async function encode(picture: ImageBitmap, of: Box): Promise<Replies['encode']> {
  const started = performance.now();
  const { width, height } = picture;
  const rgba = readPixels(picture);
  const milliseconds = performance.now() - started;
  crop = null;
  await guarded(() => loaded().encode(rgba, width, height));
  crop = of;
  return { milliseconds };
}

async function segment(request: SegmentRequest): Promise<Replies['segment']> {
  const within = cropOfFrame();
  return ontoFrame(await guarded(() => loaded().segment(intoCrop(request, within))), within);
}

async function explain(request: SegmentRequest): Promise<Replies['explain']> {
  const within = cropOfFrame();
  return explanationOntoFrame(await guarded(() => loaded().explain(intoCrop(request, within))), within);
}

function cropOfFrame(): Box {
  if (crop === null) throw failed('segment', 'There is no frame to segment yet.', 'Open a picture first.');
  return crop;
}

function loaded(): Model {
  if (model === null) throw failed('segment', 'No model is loaded.', 'Choose a model file first.');
  return model;
}

/** Names what the model refuses; a panic goes on as it is. */
async function guarded<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError || error instanceof FailureError) throw error;
    throw failed('segment', `The picture could not be segmented: ${messageOf(error)}.`, 'Try another picture, or choose the model again.');
  }
}

function transferables(value: Replies[Request['type']]): Transferable[] {
  if ('attention' in value) return [value.interim_mask.logits.buffer, ...value.attention.map(({ weights }) => weights.buffer), ...value.features.map(({ rgb }) => rgb.buffer)];
  if (!('runs' in value)) return [];
  return [value.runs.buffer, ...value.structures.flatMap(({ contours }) => contours.map(({ buffer }) => buffer))];
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
