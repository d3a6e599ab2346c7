// The page's hold on the worker: keeps a model in it, asks it about frames, and replaces it when it fails. At most one frame is in
// the worker; of those that come meanwhile only the newest waits. Another worker takes its place in a quiet moment alone, or when it failed.

import { IMAGE_SIZES, type Explanation, type SegmentRequest } from '../../shared/api';
import { sameBox } from '../../shared/geometry';
import { baseUrl } from '../../shared/base-url';
import { atSize, FailureError, failureOf, type Backend, type BackendChoice, type Failure, type FollowStep, type ModelOrigin, type Preference } from '../../shared/messages';
import { isMetered } from '../connection';
import { requestOf } from '../prompts/prompts';
import type { Frame } from '../sources/types';
import type { Answer, ModelState, Question, ReadyModel } from '../state';
import type { Store } from '../store';
import { forcedBackend, startModelWorker, type ModelClient } from './client';
import { cut } from './cut';
import { canTry, chooseByHand, conditionsOf, holdsTrial, keyOf, loseTrial, preferenceFor } from './preference';
import { Rival, subjectOf, type Lend } from './trial';

/** Nothing was asked for so long: whoever uses the page looks at it, or thinks. */
const QUIET_MS = 500;

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
  /** Waits for a quiet moment. */
  private aside: (() => Promise<void>) | null = null;
  private untilQuiet: ReturnType<typeof setTimeout> | undefined;
  /** The WebGPU bundle, while it is tried beside the worker. */
  private rival: Rival | null = null;
  /** The model that it was tried with last: once a visit is enough. */
  private tried: ReadyModel | null = null;
  /** What was asked last and found something. */
  private found: Job<Answer> | null = null;
  /** Has a video in mind, which another worker would not know. */
  private remembering: ModelClient | null = null;
  /** Counts them: the last one asked for wins. */
  private loads = 0;
  /** What was there before the load that is under way. */
  private before: ModelState = { kind: 'none' };

  constructor(private readonly store: Store) {}

  start(): void {
    // A trial that never ends counts as a failure; a tab that is closed is none.
    addEventListener('pagehide', () => this.stopTrial());
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
    const loading = { kind: 'loading', origin, image_size: imageSize, read: 0, total } as const;
    this.store.update({ model: loading });
    this.store.fail('model', null);
    this.stopTrial();
    await this.ready;
    if (turn !== this.loads) return;
    if (!this.isWhereItShould()) this.replaceWorker();
    await this.ready;
    if (turn !== this.loads) return;
    this.encoded = null;
    this.remembering = null;
    try {
      const { made, ...loaded } = await this.client.ask({ type: 'load-model', origin, image_size: imageSize }, ({ read }) => {
        this.store.update({ model: { ...loading, read } });
      });
      // What was made of a checkpoint takes its place: half as large, and read at once.
      this.store.update({ model: { kind: 'ready', origin: made === null ? origin : { kind: 'file', file: made }, image_size: imageSize, ...loaded } });
      if (!this.isWhereItShould()) this.replaceWorker();
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'cancelled') return;
      if (this.fallBack(failure)) return this.attempt(origin, imageSize);
      this.store.fail('model', smallerAfter(failure, origin, imageSize));
      this.store.update({ model: this.before });
      if (failure.kind === 'crash' || !this.isWhereItShould()) this.replaceWorker();
      else this.ready = this.ready.then(() => this.reload());
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

  /** Stands for the worker that answers, with whatever it remembers; another one after a crash. It stays until then, however fast another
   *  would be. */
  async worker(): Promise<object> {
    await this.ready;
    this.stopTrial();
    this.remembering = this.client;
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

  /** `quiet`: nothing was asked for a while. */
  private async work(quiet = false): Promise<void> {
    clearTimeout(this.untilQuiet);
    if (this.busy) return;
    this.busy = true;
    for (;;) {
      const { waiting, looking } = this;
      if (waiting !== null) {
        this.waiting = null;
        // Asked now, for the frame may leave the stage and be closed meanwhile.
        const { width, height } = waiting.frame.picture;
        quiet = false;
        await this.answer(waiting, (request) => this.client.ask({ type: 'segment', request })).then((segmentation) => {
          waiting.resolve(segmentation && { question: waiting.question, size: { width, height }, segmentation });
          // Where nothing was found there is little to compare.
          if (segmentation?.structures.some(({ present }) => present)) this.found = waiting;
        }, waiting.reject);
        this.tryRival();
      } else if (looking !== null) {
        this.looking = null;
        quiet = false;
        await this.answer(looking, (request) => this.client.ask({ type: 'explain', request })).then(looking.resolve, looking.reject);
      } else if (this.aside !== null && this.isUndisturbed(quiet)) {
        const { aside } = this;
        this.aside = null;
        await aside().catch(reportError);
      } else break;
    }
    this.busy = false;
    this.awaitQuiet();
  }

  private awaitQuiet(): void {
    clearTimeout(this.untilQuiet);
    if (this.aside !== null && !this.busy) this.untilQuiet = setTimeout(() => void this.work(true), QUIET_MS);
  }

  /** Nobody waits for anything. A stream never pauses, and may lose a frame or two. */
  private isUndisturbed(quiet: boolean): boolean {
    const { model, work, playback } = this.store.state;
    return (quiet || playback.playing) && model.kind !== 'loading' && work.kind !== 'processing' && document.visibilityState === 'visible';
  }

  /** Does `task` in a quiet moment, while nothing else is asked. */
  private quietly(task: () => Promise<void>): void {
    this.aside = task;
    this.awaitQuiet();
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
    this.stopTrial();
    this.client.terminate();
    this.client = startModelWorker();
    this.encoded = null;
    this.ready = this.chooseBackend().then(() => this.reload());
  }

  private chosen() {
    const { backend } = this.store.state;
    return backend.kind === 'chosen' ? backend : null;
  }

  /** What the model of now is known by before and after it is loaded. */
  private key(): string | null {
    const { model } = this.store.state;
    return model.kind === 'none' ? null : keyOf(model);
  }

  private async chooseBackend(): Promise<void> {
    const ask = (settled: Preference | null) => this.client.ask({ type: 'choose-backend', base: baseUrl(), settled });
    try {
      const avoided: Preference | null = this.avoidWebgpu && { backend: 'cpu', reason: this.avoidWebgpu.reason };
      const choice = await ask(avoided ?? forcedBackend());
      const { adapter } = choice;
      const preference = adapter === null ? choice : preferenceFor(adapter, this.key());
      if (preference.backend !== choice.backend) await ask(preference);
      this.store.update({ backend: { kind: 'chosen', ...choice, ...preference, adapter } });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind !== 'cancelled') this.store.update({ backend: { kind: 'failed', failure } });
    }
  }

  /** Whether the worker computes where the model of now should be; says why. */
  private isWhereItShould(): boolean {
    const { model } = this.store.state;
    const chosen = this.chosen();
    if (chosen?.adapter == null) return true;
    if (model.kind === 'ready') holdsTrial(chosen.adapter, keyOf(model), conditionsOf(model.card, chosen.threads));
    const preference = preferenceFor(chosen.adapter, this.key());
    if (preference.backend !== chosen.backend) return false;
    this.store.update({ backend: { ...chosen, ...preference } });
    return true;
  }

  /** Where a person wants it computed; `null` is the faster one. */
  choose(backend: Backend | null): void {
    const adapter = this.chosen()?.adapter ?? null;
    if (adapter === null) return;
    this.stopTrial();
    this.tried = null;
    chooseByHand(adapter, backend);
    this.quietly(async () => {
      if (!this.isWhereItShould()) this.replaceWorker();
      await this.ready;
      this.tryRival();
    });
  }

  /** Once for an adapter and a model the WebGPU bundle is tried on what was just found, and goes on where it is faster. Nobody waits for it: it
   *  begins, borrows the worker and replaces it in quiet moments. */
  private tryRival(): void {
    if (this.rival !== null || this.aside !== null || this.canBeTried() === null) return;
    this.quietly(async () => {
      const what = this.canBeTried();
      if (what === null) return;
      const { model, frame, question, adapter } = what;
      const rival = new Rival(adapter, await subjectOf(model, frame, question));
      this.rival = rival;
      this.tried = model;
      void this.meet(rival);
    });
  }

  private canBeTried() {
    const { found } = this;
    const { model } = this.store.state;
    const chosen = this.chosen();
    // A closed picture has no size.
    if (model.kind !== 'ready' || model === this.tried || found === null || found.question.model !== model.card || found.frame.picture.width === 0) return null;
    if (chosen?.adapter == null || chosen.backend === 'webgpu' || this.remembering === this.client || isMetered()) return null;
    const { adapter } = chosen;
    return canTry(adapter, keyOf(model)) ? { ...found, model, adapter } : null;
  }

  private async meet(rival: Rival): Promise<void> {
    try {
      const choice = await rival.meet(this.lend);
      if (this.rival !== rival) return;
      if (choice !== null) return this.quietly(async () => this.succeed(rival, choice));
      this.isWhereItShould();
    } catch (error) {
      const chosen = this.chosen();
      // It was stopped.
      if (this.rival !== rival || chosen === null) return;
      this.store.update({ backend: { ...chosen, reason: `the GPU was tried in vain (${failureOf(error).message.replace(/\.$/, '')})` } });
    }
    this.stopTrial();
  }

  private readonly lend: Lend = (task) =>
    new Promise((resolve, reject) =>
      this.quietly(async () => {
        await this.ready;
        this.encoded = null;
        try {
          resolve(await task(this.client, () => this.waiting !== null || this.looking !== null));
        } catch (error) {
          if (this.client.crashed) this.replaceWorker();
          reject(error);
        }
      }),
    );

  /** It has the model: what is asked from now on goes to it. */
  private succeed(rival: Rival, choice: BackendChoice): void {
    this.client.terminate();
    this.client = rival.client;
    this.rival = null;
    this.encoded = null;
    this.store.update({ backend: { kind: 'chosen', ...choice } });
  }

  private stopTrial(): void {
    if (this.rival === null) return;
    this.rival.stop();
    this.rival = null;
    this.aside = null;
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
    const key = this.key();
    if (backend.adapter !== null && key !== null && (kind === 'gpu' || kind === 'crash')) loseTrial(backend.adapter, key);
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

/** A crash may have been for want of memory, of which a smaller image size takes less. */
function smallerAfter(failure: Failure, origin: ModelOrigin, imageSize: number | null): Failure {
  const smaller = IMAGE_SIZES.findLast((size) => imageSize !== null && size < imageSize);
  return failure.kind === 'crash' && smaller !== undefined ? { ...failure, ways: [atSize(origin, smaller)] } : failure;
}
