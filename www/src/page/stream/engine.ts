// The page's hold on the worker: keeps a model in it, asks it about frames, and replaces it when it fails. At most one frame is in
// the worker; of those that come meanwhile only the newest waits.

import { IMAGE_SIZES, type Explanation, type SegmentRequest } from '../../shared/api';
import { sameBox, type Box } from '../../shared/geometry';
import { baseUrl } from '../../shared/base-url';
import { atSize, FailureError, failureOf, type Failure, type FollowStep, type ModelOrigin } from '../../shared/messages';
import { requestOf } from '../prompts/prompts';
import type { Frame } from '../sources/types';
import type { Answer, ModelState, Question } from '../state';
import type { Store } from '../store';
import { forcedBackend, startModelWorker } from './client';

interface Job<T> {
  frame: Frame;
  question: Question;
  resolve(value: T | null): void;
  reject(error: unknown): void;
}

export class Engine {
  private client = startModelWorker();
  /** Why WebGPU is not used, for as long as the page is open or for the one model that it has no kernels for. */
  private avoidWebgpu: { reason: string; model: boolean } | null = null;
  /** The worker has its backend, and the model if there is one. */
  private ready: Promise<unknown> = Promise.resolve();
  private encoded: { frame: Frame; question: Question } | null = null;
  private waiting: Job<Answer> | null = null;
  /** A look inside waits until no question does. */
  private looking: Job<Explanation> | null = null;
  private busy = false;
  /** Counts them: the last one asked for wins. */
  private loads = 0;
  /** What was there before the load that is under way. */
  private before: ModelState = { kind: 'none' };

  constructor(private readonly store: Store) {}

  start(): void {
    this.ready = this.chooseBackend();
  }

  /** Another model, or the same at another image size. Where it is refused the one before stays. */
  async load(origin: ModelOrigin, imageSize: number | null = null): Promise<void> {
    // Another model may have the kernels that the one before lacks.
    if (this.avoidWebgpu?.model === true) {
      this.avoidWebgpu = null;
      this.replaceWorker();
    }
    await this.attempt(origin, imageSize);
  }

  private async attempt(origin: ModelOrigin, imageSize: number | null): Promise<void> {
    const turn = ++this.loads;
    const { model } = this.store.state;
    // A load that is under way cannot be taken back from the WASM module; a fresh worker can.
    if (model.kind === 'loading') this.replaceWorker();
    else this.before = model;
    const total = origin.kind === 'file' ? origin.file.size : origin.bytes;
    const loading = { kind: 'loading', origin, read: 0, total } as const;
    this.store.update({ model: loading });
    this.store.fail('model', null);
    await this.ready;
    if (turn !== this.loads) return;
    this.encoded = null;
    try {
      const { made, ...loaded } = await this.client.ask({ type: 'load-model', origin, image_size: imageSize }, ({ read }) => {
        this.store.update({ model: { ...loading, read } });
      });
      // What was made of a checkpoint takes its place: half as large, and read at once.
      this.store.update({ model: { kind: 'ready', origin: made === null ? origin : { kind: 'file', file: made }, image_size: imageSize, ...loaded } });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'cancelled') return;
      if (this.fallBack(failure)) return this.attempt(origin, imageSize);
      if (failure.kind === 'crash') this.replaceWorker();
      this.store.fail('model', smallerAfter(failure, origin, imageSize));
      this.store.update({ model: this.before });
      this.ready = this.ready.then(() => this.reload());
    }
  }

  /** Stops a load that is under way; the model before it stays. */
  cancelLoad(): void {
    if (this.store.state.model.kind !== 'loading') return;
    this.loads++;
    this.store.update({ model: this.before });
    this.replaceWorker();
  }

  /** The answer to a question about a frame; `null` where a newer question took its place or it was cancelled. */
  segment(frame: Frame, question: Question): Promise<Answer | null> {
    return new Promise((resolve, reject) => {
      this.waiting?.resolve(null);
      this.waiting = { frame, question, resolve, reject };
      void this.work();
    });
  }

  /** A look inside the answer to a question about a frame; `null` as for `segment`. */
  explain(frame: Frame, question: Question): Promise<Explanation | null> {
    return new Promise((resolve, reject) => {
      this.looking?.resolve(null);
      this.looking = { frame, question, resolve, reject };
      void this.work();
    });
  }

  /** Stands for the worker that answers, with whatever it remembers; another one after a crash. */
  async worker(): Promise<object> {
    await this.ready;
    return this.client;
  }

  /** What is found on the next frame of a video; `null` where it was cancelled. Nothing else may be asked meanwhile. A worker that
   *  crashes forgets the video: that is thrown, and the next step begins a new one. */
  async follow(frame: Frame, question: Question, at: number, begins: number | null, step: FollowStep): Promise<Answer | null> {
    await this.ready;
    const { width, height } = frame.picture;
    const picture = await cut(frame, question.crop);
    this.encoded = null;
    try {
      const segmentation = await this.client.ask({ type: 'follow', picture, crop: question.crop, at, begins, step }, undefined, [picture]);
      this.encoded = { frame, question };
      return { question, size: { width, height }, segmentation };
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'cancelled') return null;
      if (!this.fallBack(failure) && failure.kind === 'crash') this.replaceWorker();
      throw error;
    }
  }

  /** Forgets what waits; what is in the worker goes on. */
  cancelWaiting(): void {
    this.waiting?.resolve(null);
    this.waiting = null;
    this.looking?.resolve(null);
    this.looking = null;
  }

  /** The WASM module cannot be interrupted, so its worker is replaced and the model loaded into the new one. */
  cancel(): void {
    this.cancelWaiting();
    if (this.busy) this.replaceWorker();
  }

  private async work(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    for (;;) {
      const { waiting, looking } = this;
      if (waiting !== null) {
        this.waiting = null;
        // Asked now, for the frame may leave the stage and be closed meanwhile.
        const { width, height } = waiting.frame.picture;
        await this.answer(waiting, (request) => this.client.ask({ type: 'segment', request })).then(
          (segmentation) => waiting.resolve(segmentation && { question: waiting.question, size: { width, height }, segmentation }),
          waiting.reject,
        );
      } else if (looking !== null) {
        this.looking = null;
        await this.answer(looking, (request) => this.client.ask({ type: 'explain', request })).then(looking.resolve, looking.reject);
      } else break;
    }
    this.busy = false;
  }

  private async answer<T>({ frame, question }: { frame: Frame; question: Question }, ask: (request: SegmentRequest) => Promise<T>): Promise<T | null> {
    try {
      await this.ready;
      // A closed picture has no size: the frame has left the stage meanwhile.
      if (frame.picture.width === 0) return null;
      const { crop } = question;
      const known = this.encoded?.frame === frame && sameBox(this.encoded.question.crop, crop);
      const picture = known ? null : await cut(frame, crop);
      if (picture !== null) this.encoded = null;
      // Both at once, so that the worker need not wait for this thread in between.
      const encoding = picture && this.client.ask({ type: 'encode', picture, crop }, undefined, [picture]);
      const [answer] = await Promise.all([ask(requestOf(question.prompts, question.manual, question.tokens_off)), encoding]);
      this.encoded = { frame, question };
      return answer;
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'cancelled') return null;
      if (this.fallBack(failure)) return this.answer({ frame, question }, ask);
      if (failure.kind !== 'crash') throw error;
      this.replaceWorker();
      const { model } = this.store.state;
      throw new FailureError(model.kind === 'ready' ? smallerAfter(failure, model.origin, model.card.image_size) : failure);
    }
  }

  private replaceWorker(): void {
    this.client.terminate();
    this.client = startModelWorker();
    this.encoded = null;
    this.ready = this.chooseBackend().then(() => this.reload());
  }

  private async chooseBackend(): Promise<void> {
    try {
      const choice = await this.client.ask({ type: 'choose-backend', base: baseUrl(), forced: forcedBackend(), avoid_webgpu: this.avoidWebgpu?.reason ?? null });
      this.store.update({ backend: { kind: 'chosen', ...choice } });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind !== 'cancelled') this.store.update({ backend: { kind: 'failed', failure } });
    }
  }

  /** Puts the model that the page has into a worker that has it no more; its answers stay valid. */
  private async reload(): Promise<void> {
    const { model } = this.store.state;
    if (model.kind !== 'ready') return;
    try {
      await this.client.ask({ type: 'load-model', origin: model.origin, image_size: model.image_size });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind !== 'cancelled' && !this.fallBack(failure)) this.store.fail('model', failure);
    }
  }

  /** From WebGPU to the CPU, once, where the failure may be the GPU's. True where a fresh worker on the CPU is on its way. */
  private fallBack({ kind, message }: Failure): boolean {
    const { backend } = this.store.state;
    const gpusFault = kind === 'gpu' || kind === 'crash' || kind === 'bundle' || kind === 'not-on-gpu';
    if (!gpusFault || backend.kind !== 'chosen' || backend.backend !== 'webgpu') return false;
    const cause = message.replace(/\.$/, '');
    const model = kind === 'not-on-gpu';
    this.avoidWebgpu = { reason: model ? cause : `WebGPU failed on this machine (${cause})`, model };
    this.replaceWorker();
    const notice = model
      ? `${cause}: the page computes it on the CPU.`
      : `WebGPU failed (${cause}). The page goes on with the CPU; nothing is lost. Reload the page to try WebGPU again.`;
    this.store.update({ notice });
    return true;
  }
}

/** What the model is to see of a frame. */
function cut({ picture }: Frame, [left, top, right, bottom]: Box): Promise<ImageBitmap> {
  return createImageBitmap(picture, left, top, right - left, bottom - top);
}

/** A crash may have been for want of memory, of which a smaller image size takes less. */
function smallerAfter(failure: Failure, origin: ModelOrigin, imageSize: number | null): Failure {
  const smaller = IMAGE_SIZES.findLast((size) => imageSize !== null && size < imageSize);
  return failure.kind === 'crash' && smaller !== undefined ? { ...failure, ways: [atSize(origin, smaller)] } : failure;
}
