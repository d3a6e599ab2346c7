// A model that was learnt beside the one that it comes from, on the frame that is shown: the base answers in a worker of its own.

import { baseUrl } from '../../shared/base-url';
import { fileName, openLearntModel } from '../../learn/learnt-models';
import { failed, FailureError, failureOf, type ModelOrigin } from '../../shared/messages';
import { requestOf, NO_PROMPTS } from '../prompts/prompts';
import { originOf } from '../sources/shipped';
import { cropAt } from '../state';
import type { Core } from '../core';
import { startModelWorker, type ModelClient } from '../stream/client';
import { cut } from '../stream/cut';

export class Comparison {
  private client: ModelClient | null = null;
  /** Counts the frames that were asked about: the last one counts. */
  private asked = 0;

  constructor(private readonly core: Core) {
    core.store.watch(({ shown, crop, comparison, playback }) => [shown?.frame, crop, comparison?.origin, playback.playing], () => void this.answer());
  }

  /** Whether the model of this name can be had: it ships, or was made here. */
  has(name: string): boolean {
    const { shipped, learnt_models } = this.core.store.state;
    return shipped.models.some(({ title }) => title === name) || learnt_models.some(({ title }) => fileName(title) === name);
  }

  /** With the model of this name. */
  async begin(name: string): Promise<void> {
    const { store } = this.core;
    this.end();
    const client = startModelWorker();
    this.client = client;
    try {
      const origin = await this.originOf(name);
      await client.ask({ type: 'choose-backend', base: baseUrl(), settled: { backend: 'cpu', reason: 'a comparison leaves the GPU to the model that is open' } });
      const { card } = await client.ask({ type: 'load-model', origin, image_size: null });
      if (this.client === client) store.update({ comparison: { origin, card, answer: null, share: 0.5 } });
    } catch (error) {
      this.failed(error);
    }
  }

  private async originOf(name: string): Promise<ModelOrigin> {
    const { shipped, learnt_models } = this.core.store.state;
    const entry = shipped.models.find(({ title }) => title === name);
    if (entry !== undefined) return originOf(entry);
    const own = learnt_models.find(({ title }) => fileName(title) === name);
    if (own === undefined) throw failed('model', `“${name}” is not in this browser any more.`, 'Load its file as a model to see its masks.');
    return { kind: 'file', file: await openLearntModel(own) };
  }

  /** Up to which share of the picture's width the base is shown. */
  setShare(share: number): void {
    const { store } = this.core;
    const { comparison } = store.state;
    if (comparison !== null) store.update({ comparison: { ...comparison, share } });
  }

  end(): void {
    this.client?.terminate();
    this.client = null;
    this.core.store.update({ comparison: null });
  }

  private async answer(): Promise<void> {
    const { store } = this.core;
    const { shown, comparison, playback } = store.state;
    const { client } = this;
    if (client === null || comparison === null || shown === null || playback.playing || comparison.answer?.frame === shown.frame) return;
    const { frame } = shown;
    const turn = ++this.asked;
    try {
      const { width, height } = frame.picture;
      const crop = cropAt(store.state, frame.index, frame.picture);
      const picture = await cut(frame, crop);
      await client.ask({ type: 'encode', picture, crop }, undefined, [picture]);
      const segmentation = await client.ask({ type: 'segment', request: requestOf(NO_PROMPTS, false, []) });
      const now = store.state.comparison;
      if (turn === this.asked && now !== null) store.update({ comparison: { ...now, answer: { frame, size: { width, height }, structures: segmentation.structures } } });
    } catch (error) {
      this.failed(error);
    }
  }

  private failed(error: unknown): void {
    if (error instanceof FailureError && error.failure.kind === 'cancelled') return;
    this.end();
    this.core.store.fail('model', failureOf(error));
  }
}
