// Learning a person's own structures: what the learning bundle offers, and what crosses between page and its worker.

import type { Rgb, Sam2RadModule } from './api';
import type { Size } from './geometry';
import type { Failure } from './messages';

/** What is learnt, from what. src/web/learn.rs is the other side. */
export interface LearningJob {
  /** The base model's file name. */
  base: string;
  /** All structures that the learnt model has; class id i + 1 of a labelled frame is number i. */
  structures: { name: string; color: Rgb }[];
  /** Those of them whose masks the base model gives on frames that nobody labelled them on. */
  kept: number[];
  seed: number;
  /** As many as fit the frames where it is left out. */
  steps?: number;
  /** Where frames and labels come from, for the model's card. */
  training_data: string;
}

export interface LearningPlan {
  steps: number;
  /** Steps done, where it goes on from a checkpoint. */
  step: number;
  mode: 'peft' | 'ppn-only';
  /** One sentence: why that mode. */
  reason: string;
  weights: { trained: number; all: number };
  /** Frames that are not learnt from but judge the result, by their number. */
  held_back: number[];
}

export interface LearningStep {
  step: number;
  total: number;
  dice: number;
}

export interface LearningValidation {
  step: number;
  /** Of each structure; null where it is in none of the frames that are kept apart. */
  dice: (number | null)[];
  mean_dice: number;
  is_best: boolean;
  /** On each of those frames. */
  answers: { frame: number; width: number; height: number; class_ids: Uint8Array<ArrayBuffer> }[];
}

export interface LabelledFrames {
  add(name: string, rgba: Uint8Array, width: number, height: number, class_ids: Uint8Array, structures: Uint32Array): void;
}

/** A training, done step by step. */
export interface Learning {
  plan(): LearningPlan;
  is_finished(): boolean;
  /** Whether `validate` is to be called before the next step. */
  is_validation_due(): boolean;
  step(): LearningStep;
  /** Null where no frame is kept apart. */
  validate(): LearningValidation | null;
  /** A checkpoint to go on from. */
  save(): Uint8Array<ArrayBuffer>;
  /** The network as it is now. */
  model_file(): Uint8Array<ArrayBuffer>;
  free(): void;
}

export interface LearningModule extends Sam2RadModule {
  LabelledFrames: new () => LabelledFrames;
  Learning: new (base: Uint8Array, frames: LabelledFrames, job: LearningJob, checkpoint?: Uint8Array) => Learning;
}

/** A frame as it is learnt from: what the model sees of it. */
export interface LessonFrame extends Size {
  name: string;
  /** Its number in the source, counted from 0. */
  index: number;
  rgba: Uint8Array<ArrayBuffer>;
  class_ids: Uint8Array<ArrayBuffer>;
  /** What is outlined in it, or said to be absent. */
  structures: number[];
}

/** What is learnt and where the page knows it from again after a reload. */
export interface LearningTask {
  job: LearningJob;
  /** Of the frames, in their order. */
  frames: Omit<LessonFrame, 'rgba' | 'class_ids'>[];
  /** What the model will be called. */
  title: string;
  /** What the frames' source is called. */
  source: string;
  /** All frames follow each other in one cine. */
  one_recording: boolean;
}

/** How a training went so far. */
export interface LearningLog {
  plan: LearningPlan | null;
  steps: LearningStep[];
  validations: Omit<LearningValidation, 'answers'>[];
  /** Seconds of computing. */
  seconds: number;
}

export type LearnRequest =
  /** Begins; what was begun before and is not ended is dropped. */
  | { type: 'begin'; base: string; task: LearningTask; model: Uint8Array<ArrayBuffer>; frames: LessonFrame[] }
  /** Goes on with what a reload or a crash broke off. */
  | { type: 'go-on'; base: string }
  | { type: 'pause' }
  | { type: 'resume' }
  /** Ends now, with the best network so far. */
  | { type: 'stop' };

/** What the worker tells on its own. */
export type LearnEvent =
  | { kind: 'task'; task: LearningTask; log: LearningLog }
  | { kind: 'plan'; plan: LearningPlan }
  | { kind: 'step'; step: LearningStep; seconds: number; memory: number }
  | { kind: 'validation'; validation: LearningValidation; structures: LearningJob['structures'] }
  | { kind: 'saved'; step: number }
  | { kind: 'paused' }
  | { kind: 'resumed' };

/** How it ended. */
export interface Learnt {
  /** The model's file. */
  file: Uint8Array<ArrayBuffer>;
  task: LearningTask;
  log: LearningLog;
  /** Of the network in the file: its held-back Dice and the step it is of; null where no frame was kept apart. */
  best: { step: number; mean_dice: number; dice: (number | null)[] } | null;
}

/** The channel on which a thread of the learning bundle says that it ended by an error, as text. */
export const ENDED_THREADS = 'sam2rad learning threads';

export type FromLearner =
  | { type: 'event'; event: LearnEvent }
  | { type: 'done'; learnt: Learnt }
  | { type: 'failed'; failure: Failure };

/** What the list of a person's models says of one. */
export interface LearntModel {
  id: string;
  title: string;
  /** The base model's name. */
  base: string;
  structures: { name: string; color: Rgb }[];
  /** Frames that were learnt from, and those kept apart. */
  frames: number;
  held_back: number;
  source: string;
  one_recording: boolean;
  /** On the frames that were kept apart; null where there were none. */
  dice: number | null;
  steps: number;
  minutes: number;
  date: string;
  bytes: number;
}

