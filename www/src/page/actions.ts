// What the reader can do, and what the page does by itself when the worker fails. The files stay with the page, so a worker can be
// replaced at any time and brought back to where it was.

import { FailureError, messageOf, type Failure } from '../shared/messages';
import { baseUrl, forcedBackend, WorkerClient } from './client';
import { canSegment, type Store } from './state';

export class Actions {
  private client: WorkerClient | null = null;
  private avoidWebgpu: string | null = null;

  constructor(private readonly store: Store) {}

  async start(): Promise<void> {
    if (typeof WebAssembly === 'undefined') {
      const failure: Failure = {
        kind: 'no-webassembly',
        message: 'This browser has no WebAssembly, or it is switched off, so nothing can be computed here.',
        advice: 'Use a current Chrome, Edge, Firefox or Safari, without lockdown mode.',
      };
      this.store.update({ backend: { kind: 'failed', failure } });
      return;
    }
    await this.restartWorker();
  }

  async loadModel(file: File): Promise<void> {
    // A load that is under way cannot be taken back from the WASM module; a fresh worker can.
    if (this.store.state.model.kind === 'loading') await this.restartWorker();
    const client = this.client;
    if (client === null) return;
    this.store.update({ model: { kind: 'loading', file, read: 0 }, run: { kind: 'idle' }, notice: null });
    try {
      const { card, version } = await client.ask({ type: 'load-model', file }, (progress) => {
        if (progress.kind === 'bytes') this.store.update({ model: { kind: 'loading', file, read: progress.read } });
      });
      this.store.update({ model: { kind: 'ready', file, card, version }, look: { ...this.store.state.look, hidden: new Set() } });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'cancelled') return;
      if (await this.fallBack(failure)) return this.loadModel(file);
      if (failure.kind === 'crash') await this.restartWorker();
      this.store.update({ model: { kind: 'failed', file, failure } });
    }
  }

  async openPicture(file: File): Promise<void> {
    const client = this.client;
    if (client === null || this.store.state.run.kind === 'running') return;
    this.store.update({ picture: { kind: 'opening', file }, run: { kind: 'idle' } });
    const stillWanted = () => this.store.state.picture.kind === 'opening' && this.store.state.picture.file === file;
    try {
      const { bitmap } = await client.ask({ type: 'open-picture', file });
      if (stillWanted()) this.store.update({ picture: { kind: 'ready', file, bitmap } });
      else bitmap.close();
    } catch (error) {
      const failure = failureOf(error);
      if (!stillWanted()) return;
      if (failure.kind === 'cancelled') return this.openPicture(file);
      this.store.update({ picture: { kind: 'failed', file, failure } });
    }
  }

  async segment(): Promise<void> {
    const { state } = this.store;
    const client = this.client;
    if (!canSegment(state) || client === null || state.model.kind !== 'ready' || state.picture.kind !== 'ready') return;
    const { file: modelFile, card } = state.model;
    this.store.update({ run: { kind: 'running', stages: [] }, notice: null });
    try {
      const segmentation = await client.ask({ type: 'segment', picture: state.picture.file }, (progress) => {
        const { run } = this.store.state;
        if (progress.kind !== 'stage' || run.kind !== 'running') return;
        this.store.update({ run: { kind: 'running', stages: [...run.stages, { stage: progress.stage, started: performance.now() }] } });
      });
      this.store.update({ run: { kind: 'done', segmentation, card } });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'cancelled') return;
      if (await this.fallBack(failure)) {
        await this.loadModel(modelFile);
        this.store.update({ notice: this.fallBackNotice() });
        return this.segment();
      }
      if (failure.kind === 'crash') {
        await this.restartWorker();
        await this.loadModel(modelFile);
      }
      this.store.update({ run: { kind: 'failed', failure } });
    }
  }

  /** The WASM module cannot be interrupted, so its worker is replaced and the model loaded into the new one. */
  async cancel(): Promise<void> {
    const { model, run } = this.store.state;
    if (run.kind !== 'running' || model.kind !== 'ready') return;
    this.store.update({ run: { kind: 'cancelled' } });
    await this.restartWorker();
    await this.loadModel(model.file);
    if (this.store.state.run.kind === 'idle') this.store.update({ run: { kind: 'cancelled' } });
  }

  setOpacity(opacity: number): void {
    this.store.update({ look: { ...this.store.state.look, opacity } });
  }

  setVisible(structure: number, visible: boolean): void {
    const hidden = new Set(this.store.state.look.hidden);
    if (visible) hidden.delete(structure);
    else hidden.add(structure);
    this.store.update({ look: { ...this.store.state.look, hidden } });
  }

  private async restartWorker(): Promise<void> {
    this.client?.terminate();
    const client = new WorkerClient();
    this.client = client;
    try {
      const choice = await client.ask({ type: 'choose-backend', base: baseUrl(), forced: forcedBackend(), avoid_webgpu: this.avoidWebgpu });
      this.store.update({ backend: { kind: 'chosen', ...choice } });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind !== 'cancelled') this.store.update({ backend: { kind: 'failed', failure } });
    }
  }

  /** From WebGPU to the CPU, once, where the failure may be the GPU's. True where a fresh worker on the CPU stands ready. */
  private async fallBack({ kind, message }: Failure): Promise<boolean> {
    const { backend } = this.store.state;
    const gpusFault = kind === 'gpu' || kind === 'crash' || kind === 'bundle';
    if (!gpusFault || backend.kind !== 'chosen' || backend.backend !== 'webgpu') return false;
    this.avoidWebgpu = message.replace(/\.$/, '');
    await this.restartWorker();
    this.store.update({ notice: this.fallBackNotice() });
    return true;
  }

  private fallBackNotice(): string {
    return `WebGPU failed (${this.avoidWebgpu}). The page goes on with the CPU; nothing is lost. Reload the page to try WebGPU again.`;
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  return { kind: 'crash', message: messageOf(error), advice: 'Reload the page.' };
}
