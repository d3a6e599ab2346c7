// Both bundles on a frame that the CPU has just answered: the WebGPU bundle is started in a worker of its own, while the page goes on.

import type { SegmentRequest } from '../../shared/api';
import { baseUrl } from '../../shared/base-url';
import type { Box } from '../../shared/geometry';
import { failed, failureOf, type BackendChoice, type CroppedSegmentation } from '../../shared/messages';
import { requestOf } from '../prompts/prompts';
import type { Frame } from '../sources/types';
import type { Question, ReadyModel } from '../state';
import { startModelWorker, type ModelClient } from './client';
import { cut } from './cut';
import { beginTrial, conditionsOf, dropTrial, keepTrial, keyOf, verdict } from './preference';
import { sameAnswers } from './same';

/** Frames that count. */
const RUNS = 5;
/** No more frames are begun after so long; one that counts there is. */
const LONGEST_MS = 1000;
/** For each thing that is asked of the WebGPU bundle: loading it, and its first frame, for which the GPU's driver compiles. */
const PATIENCE_MS = 60_000;

/** What is asked of both. */
export interface Subject {
  model: ReadyModel;
  picture: ImageBitmap;
  crop: Box;
  request: SegmentRequest;
}

interface Timed {
  milliseconds: number;
  segmentation: CroppedSegmentation;
}

/** Waits until nobody has asked anything of the worker at work for a while, and lends it. `wanted` says that somebody waits. */
export type Lend = <T>(task: (client: ModelClient, wanted: () => boolean) => Promise<T>) => Promise<T>;

export async function subjectOf(model: ReadyModel, frame: Frame, { crop, prompts, manual, tokens_off }: Question): Promise<Subject> {
  return { model, picture: await cut(frame, crop), crop, request: requestOf(prompts, manual, tokens_off) };
}

/** The WebGPU bundle, in a worker of its own beside the one at work, which is the CPU's. */
export class Rival {
  readonly client = startModelWorker();
  private readonly key: string;
  private isSettled = false;

  constructor(
    private readonly adapter: string,
    private readonly subject: Subject,
  ) {
    this.key = keyOf(subject.model);
    beginTrial(adapter, this.key);
  }

  /** Keeps what is found; its own choice where it is to go on. The worker that is lent has answered the question before; this one looks at the
   *  frame once before it counts. */
  async meet(lend: Lend): Promise<BackendChoice | null> {
    const { client, subject, adapter, key } = this;
    const { origin, image_size, card } = subject.model;
    try {
      const choice = await patiently(client.ask({ type: 'choose-backend', base: baseUrl(), settled: { backend: 'webgpu', reason: 'it is tried' } }));
      await patiently(client.ask({ type: 'load-model', origin, image_size }));
      await patiently(look(client, subject));
      const cpu = await lend((other, wanted) => timed(other, subject, wanted));
      const gpu = await patiently(timed(client, subject, () => false));
      const same = sameAnswers(cpu.segmentation, gpu.segmentation);
      const trial = { conditions: conditionsOf(card, choice.threads), gpu_ms: gpu.milliseconds, cpu_ms: cpu.milliseconds, same };
      this.isSettled = true;
      keepTrial(adapter, key, trial);
      const preference = verdict(trial);
      return preference.backend === 'webgpu' ? { ...choice, ...preference, adapter } : null;
    } catch (error) {
      // A bundle that could not be fetched says nothing of the GPU.
      if (failureOf(error).kind !== 'bundle') this.isSettled = true;
      throw error;
    } finally {
      subject.picture.close();
    }
  }

  /** Where it was broken off nothing is known. */
  stop(): void {
    if (!this.isSettled) dropTrial(this.adapter, this.key);
    this.client.terminate();
    this.subject.picture.close();
  }
}

/** The least of a few frames: whatever else the machine does only adds to it. */
async function timed(client: ModelClient, subject: Subject, wanted: () => boolean): Promise<Timed> {
  const until = performance.now() + LONGEST_MS;
  const best = await look(client, subject);
  for (let run = 1; run < RUNS && performance.now() < until && !wanted(); run++) {
    best.milliseconds = Math.min(best.milliseconds, (await look(client, subject)).milliseconds);
  }
  return best;
}

async function look(client: ModelClient, { picture, crop, request }: Subject): Promise<Timed> {
  const copy = await createImageBitmap(picture);
  const started = performance.now();
  const encoding = client.ask({ type: 'encode', picture: copy, crop }, undefined, [copy]);
  const [segmentation] = await Promise.all([client.ask({ type: 'segment', request }), encoding]);
  return { milliseconds: performance.now() - started, segmentation };
}

async function patiently<T>(asked: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(failed('gpu', `no answer in ${PATIENCE_MS / 1000} seconds`, '')), PATIENCE_MS);
  });
  return Promise.race([asked, tooLong]).finally(() => clearTimeout(timer));
}
