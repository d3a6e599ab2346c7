// The page's hold on the worker: keeps a model in it, asks it about frames, and replaces it when it fails. At most one frame is in
// the worker; of those that come meanwhile only the newest waits.

import { failureOf, type Failure, type ModelOrigin } from '../../shared/messages';
import { requestOf } from '../prompts/prompts';
import type { Frame } from '../sources/types';
import type { Answer, Question } from '../state';
import type { Store } from '../store';
import { baseUrl, forcedBackend, WorkerClient } from './client';

interface Job {
  frame: Frame;
  question: Question;
  resolve(answer: Answer | null): void;
  reject(error: unknown): void;
}

export class Engine {
  private client = new WorkerClient();
  private avoidWebgpu: string | null = null;
  /** The worker has its backend, and the model if there is one. */
  private ready: Promise<unknown> = Promise.resolve();
  private encoded: { frame: Frame; question: Question } | null = null;
  private waiting: Job | null = null;
  private busy = false;

  constructor(private readonly store: Store) {}

  start(): void {
    this.ready = this.chooseBackend();
  }

  /** Another model, or the same at another image size. Where it is refused the one before stays. */
  async load(origin: ModelOrigin, imageSize: number | null = null): Promise<void> {
    const before = this.store.state.model;
    // A load that is under way cannot be taken back from the WASM module; a fresh worker can.
    if (before.kind === 'loading') this.replaceWorker();
    await this.ready;
    const total = origin.kind === 'file' ? origin.file.size : origin.bytes;
    const loading = { kind: 'loading', origin, read: 0, total } as const;
    this.store.update({ model: loading, notice: null });
    this.store.fail('model', null);
    this.encoded = null;
    try {
      const { card, version } = await this.client.ask({ type: 'load-model', origin, image_size: imageSize }, ({ read }) => {
        this.store.update({ model: { ...loading, read } });
      });
      this.store.update({ model: { kind: 'ready', origin, image_size: imageSize, card, version } });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'cancelled') return;
      if (this.fallBack(failure)) return this.load(origin, imageSize);
      if (failure.kind === 'crash') this.replaceWorker();
      this.store.fail('model', failure);
      this.store.update({ model: before.kind === 'ready' ? before : { kind: 'none' } });
      this.ready = this.ready.then(() => this.reload());
    }
  }

  /** The answer to a question about a frame; `null` where a newer question took its place or it was cancelled. */
  segment(frame: Frame, question: Question): Promise<Answer | null> {
    return new Promise((resolve, reject) => {
      this.waiting?.resolve(null);
      this.waiting = { frame, question, resolve, reject };
      void this.work();
    });
  }

  /** Forgets the question that waits; the one in the worker goes on. */
  cancelWaiting(): void {
    this.waiting?.resolve(null);
    this.waiting = null;
  }

  /** The WASM module cannot be interrupted, so its worker is replaced and the model loaded into the new one. */
  cancel(): void {
    this.cancelWaiting();
    if (this.busy) this.replaceWorker();
  }

  private async work(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    while (this.waiting !== null) {
      const job = this.waiting;
      this.waiting = null;
      await this.answer(job).then(job.resolve, job.reject);
    }
    this.busy = false;
  }

  private async answer({ frame, question }: Job): Promise<Answer | null> {
    try {
      await this.ready;
      // A closed picture has no size: the frame has left the stage meanwhile.
      const { width, height } = frame.picture;
      if (width === 0) return null;
      if (this.encoded?.frame !== frame || this.encoded.question.crop !== question.crop) await this.encode(frame, question);
      const segmentation = await this.client.ask({ type: 'segment', request: requestOf(question.prompts, question.manual) });
      return { question, size: { width, height }, segmentation };
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'cancelled') return null;
      if (this.fallBack(failure)) return this.answer({ frame, question } as Job);
      if (failure.kind === 'crash') this.replaceWorker();
      throw error;
    }
  }

  private async encode(frame: Frame, question: Question): Promise<void> {
    this.encoded = null;
    const { crop } = question;
    const [left, top, right, bottom] = crop;
    const picture = await createImageBitmap(frame.picture, left, top, right - left, bottom - top);
    await this.client.ask({ type: 'encode', picture, crop }, undefined, [picture]);
    this.encoded = { frame, question };
  }

  private replaceWorker(): void {
    this.client.terminate();
    this.client = new WorkerClient();
    this.encoded = null;
    this.ready = this.chooseBackend().then(() => this.reload());
  }

  private async chooseBackend(): Promise<void> {
    try {
      const choice = await this.client.ask({ type: 'choose-backend', base: baseUrl(), forced: forcedBackend(), avoid_webgpu: this.avoidWebgpu });
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
      if (failure.kind !== 'cancelled') this.store.fail('model', failure);
    }
  }

  /** From WebGPU to the CPU, once, where the failure may be the GPU's. True where a fresh worker on the CPU is on its way. */
  private fallBack({ kind, message }: Failure): boolean {
    const { backend } = this.store.state;
    const gpusFault = kind === 'gpu' || kind === 'crash' || kind === 'bundle';
    if (!gpusFault || backend.kind !== 'chosen' || backend.backend !== 'webgpu') return false;
    this.avoidWebgpu = message.replace(/\.$/, '');
    this.replaceWorker();
    this.store.update({ notice: `WebGPU failed (${this.avoidWebgpu}). The page goes on with the CPU; nothing is lost. Reload the page to try WebGPU again.` });
    return true;
  }
}
