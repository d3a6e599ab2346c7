// All that the page knows, in one value. Views read it and do not change it.

import type { GreyRange } from '../dicom/api';
import type { Print } from '../learn/advice';
import type { GrafLines } from '../measure/graf';
import type { Explanation, ModelCard, StructureResult } from '../shared/api';
import { clampBox, sameBox, wholeOf, type Box, type Point, type Size } from '../shared/geometry';
import type { BackendChoice, CroppedSegmentation, Failure, ModelOrigin } from '../shared/messages';
import type { LearningLog, LearningPlan, LearningTask, LearningValidation, LearntModel } from '../shared/learning';
import type { KeepStatus } from '../persist/keeper';
import type { KeptFile, WorkHead } from '../persist/work';
import { EMPTY_HISTORY, EVERY_PICTURE, type History } from './prompts/history';
import { NO_PROMPTS, ofModel, promptsAt, type PromptsByFrame, type PromptSet } from './prompts/prompts';
import type { CameraChoice } from './sources/capture';
import type { FileGroup } from './sources/open';
import type { Shipped } from './sources/shipped';
import { keyAt, type Frame, type FrameSource } from './sources/types';

export type BackendState = { kind: 'choosing' } | ({ kind: 'chosen' } & BackendChoice) | { kind: 'failed'; failure: Failure };

export type ModelState =
  | { kind: 'none' }
  | { kind: 'loading'; origin: ModelOrigin; image_size: number | null; read: number; total: number }
  | ReadyModel;

/** `image_size` as it was asked for. */
export interface ReadyModel {
  kind: 'ready';
  origin: ModelOrigin;
  image_size: number | null;
  card: ModelCard;
  version: string;
  manual_only: boolean;
  can_follow: boolean;
}

/** What a source was opened from: how it is found again. */
export type SourceOrigin = { kind: 'files'; files: readonly File[] } | { kind: 'demo'; name: string } | { kind: 'capture' };

export type SourceState = { kind: 'none' } | { kind: 'open'; source: FrameSource; origin: SourceOrigin };

/** What the worker is asked to do at the moment, as far as a person should know. */
export type WorkState =
  | { kind: 'idle' }
  | { kind: 'segmenting' }
  | { kind: 'processing'; done: number; total: number };

/** What a failure is about. Each has one at most: the next success or failure of its kind takes its place. */
export type FailureArea = 'model' | 'source' | 'work' | 'learn';

/** A training: `held` is what it last found on the frames that are kept apart, `memory` the bytes it takes. */
export type LearningState =
  | { kind: 'none' }
  | { kind: 'broken-off'; task: LearningTask }
  | { kind: 'running'; task: LearningTask; plan: LearningPlan | null; log: LearningLog; paused: boolean; held: LearningValidation | null; memory: number }
  | { kind: 'learnt'; model: LearntModel; log: LearningLog };

/** Everything that an answer depends on, beside the frame. Compared part by part. */
export interface Question {
  model: ModelCard;
  crop: Box;
  prompts: PromptSet;
  manual: boolean;
  tokens_off: readonly number[];
}

/** How masks came to a frame from another: where they began, and the prompts of all frames by then. */
export interface Following {
  from: number;
  prompts: PromptsByFrame;
}

export interface Answer {
  question: Question;
  /** Left out where the frame was answered by itself. */
  following?: Following | undefined;
  /** Of the whole frame. */
  size: Size;
  segmentation: CroppedSegmentation;
  /** From a file of masks: no model made them here. */
  imported?: boolean;
}

/** The magnification, 1 where all of the picture is seen, and the place in the middle, 0 to 1 of its width and height. */
export interface Place {
  zoom: number;
  x: number;
  y: number;
}

/** The frame on the stage and the answer drawn on it: always of the same frame. */
export interface Shown {
  frame: Frame;
  answer: Answer | null;
}

/** A look inside the answer on a frame; of one with all tokens on. */
export type InsideState = { kind: 'none' } | { kind: 'looking' } | { kind: 'seen'; frame: Frame; question: Question; explanation: Explanation };

/** The answer of the model that another was learnt from, drawn up to a share of the picture's width. */
export interface ComparisonState {
  origin: ModelOrigin;
  card: ModelCard;
  /** Null while the frame on the stage has none. */
  answer: { frame: Frame; size: Size; structures: readonly StructureResult[] } | null;
  share: number;
}

export interface Playback {
  playing: boolean;
  rate: number;
  loop: boolean;
}

/** Of the frames segmented while streaming. */
export interface Meter {
  frames_per_second: number;
  /** From the moment a frame was grabbed until its masks were drawn, the median. */
  latency_ms: number;
}

export type OverlayStyle = 'fill' | 'contour' | 'both';

export interface Look {
  style: OverlayStyle;
  opacity: number;
  /** Indices of structures. */
  hidden: ReadonlySet<number>;
  /** Colours that were chosen here instead of the model's, `#rrggbb` by index of the structure. */
  colors: ReadonlyMap<number, string>;
  predicted_box: boolean;
  /** The structure's name beside its mask. */
  names: boolean;
}

export type Tool = 'select' | 'inside' | 'outside' | 'box' | 'brush' | 'eraser' | 'caliper' | 'scale' | 'crop';

/** A distance that a person took, in pixels of the frame. */
export interface Caliper {
  from: Point;
  to: Point;
}

export const NO_CALIPERS: readonly Caliper[] = [];

export interface Tools {
  tool: Tool;
  /** The structure that prompts are for. */
  structure: number;
  /** In pixels of the frame. */
  brush_radius: number;
  /** A person's prompts alone. */
  manual: boolean;
  /** Prompts go on counting on the frames after theirs. */
  carry: boolean;
}

export interface State {
  backend: BackendState;
  model: ModelState;
  source: SourceState;
  /** Name of the source that is being opened; the one before stays until it is. */
  opening: string | null;
  work: WorkState;
  shown: Shown | null;
  crop: Box;
  playback: Playback;
  meter: Meter | null;
  /** How many frames of the source have an answer to the present question. */
  answered: number;
  history: History;
  /** What the numbers of prompts' structures mean: the model's structures, then those of earlier models that prompts still wait for. */
  structures: readonly string[];
  /** Drawn with the tool for it, and waiting for a person to say how long it is. */
  scale_line: Caliper | null;
  /** The lines of the hip on the stage while a person drags them. */
  graf_draft: GrafLines | null;
  /** Frames whose masks a person has looked at and accepted, each with the question that the masks answered. */
  reviewed: ReadonlyMap<number, Question>;
  tools: Tools;
  /** Learnt prompt tokens that are switched off, to see what they do. */
  tokens_off: readonly number[];
  inside: InsideState;
  look: Look;
  /** The person's own structure that is being labelled. */
  labelling: string | null;
  /** Tiny pictures of frames of the source, by their index: what is unlike is labelled next. */
  prints: ReadonlyMap<number, Print>;
  learning: LearningState;
  /** Null where nothing is compared. */
  comparison: ComparisonState | null;
  /** Models that were made here, the newest first. */
  learnt_models: readonly LearntModel[];
  shipped: Shipped;
  cameras: readonly CameraChoice[];
  /** Whether the work is kept in this browser. */
  keep: KeepStatus;
  /** Works that are kept here, the newest first, and whether a tab has one open. */
  works: readonly { head: WorkHead; open: 'here' | 'elsewhere' | null }[];
  /** Model files of the person's that are kept here. */
  own_models: readonly KeptFile[];
  /** The person agreed that copies of what they open are kept too. */
  keep_files: boolean;
  /** What was opened together and is more than one source. */
  worklist: readonly { group: FileGroup; failure: string | null }[];
  /** What a person wants for every file of the worklist: a crop of pictures of a size, and which grey values are shown. */
  for_worklist: { crop: { box: Box; size: Size } | null; window: GreyRange | null };
  /** A question that has to be answered before the page goes on. */
  asking: { text: string; yes: string; answer(agreed: boolean): void } | null;
  /** What of the picture a link asks to see. */
  place: Place | null;
  /** Something that happened on its own and that the reader should know. */
  notice: string | null;
  failures: Partial<Record<FailureArea, Failure>>;
}

export const INITIAL: State = {
  backend: { kind: 'choosing' },
  model: { kind: 'none' },
  source: { kind: 'none' },
  opening: null,
  work: { kind: 'idle' },
  shown: null,
  crop: wholeOf({ width: 0, height: 0 }),
  playback: { playing: false, rate: 1, loop: true },
  meter: null,
  answered: 0,
  history: EMPTY_HISTORY,
  structures: [],
  scale_line: null,
  graf_draft: null,
  reviewed: new Map(),
  tools: { tool: 'select', structure: 0, brush_radius: 8, manual: false, carry: true },
  tokens_off: [],
  inside: { kind: 'none' },
  look: { style: 'both', opacity: 0.35, hidden: new Set(), colors: new Map(), predicted_box: false, names: true },
  labelling: null,
  prints: new Map(),
  learning: { kind: 'none' },
  comparison: null,
  learnt_models: [],
  shipped: { demos: [], models: [] },
  cameras: [],
  keep: { kind: 'nothing' },
  works: [],
  own_models: [],
  keep_files: false,
  worklist: [],
  for_worklist: { crop: null, window: null },
  asking: null,
  place: null,
  notice: null,
  failures: {},
};

export function cardOf({ model }: State): ModelCard | null {
  return model.kind === 'ready' ? model.card : null;
}

/** The prompts that count on the frame shown. */
export function currentPrompts({ shown, history, tools, model }: State): PromptSet {
  if (shown === null || model.kind !== 'ready') return NO_PROMPTS;
  return ofModel(promptsAt(history.present.prompts, shown.frame.index, tools.carry), model.card.structures.length);
}

/** The distances that were taken on the frame shown. */
export function currentCalipers({ shown, history }: State): readonly Caliper[] {
  return (shown && history.present.calipers.get(shown.frame.index)) ?? NO_CALIPERS;
}

/** A crop is at least this wide and high, where the picture is. */
export const LEAST_CROP = 16;

/** What the model sees of a frame: what was drawn for it by hand, else for all pictures, else what its source suggests, else all of it. */
export function cropAt({ source, history }: State, index: number, size: Size): Box {
  if (source.kind === 'none') return wholeOf(size);
  const { crops } = history.present;
  const drawn = crops.get(keyAt(source.source, index, size)) ?? crops.get(EVERY_PICTURE);
  return clampBox(drawn ?? source.source.suggested_crop ?? wholeOf(size), size, LEAST_CROP);
}

/** What would be asked of a frame now; `null` without a model. */
export function questionAt(state: State, index: number, size: Size): Question | null {
  const model = cardOf(state);
  if (model === null) return null;
  const { history, tools, tokens_off } = state;
  const prompts = ofModel(promptsAt(history.present.prompts, index, tools.carry), model.structures.length);
  return { model, crop: cropAt(state, index, size), prompts, manual: tools.manual, tokens_off };
}

export function sameQuestion(a: Question, b: Question): boolean {
  return a.model === b.model && a.prompts === b.prompts && a.manual === b.manual && a.tokens_off === b.tokens_off && sameBox(a.crop, b.crop);
}

/** Whether the prompts between the frame where the following began and this one are still those of then. */
export function stillFollows({ from, prompts }: Following, index: number, now: PromptsByFrame): boolean {
  if (prompts === now) return true;
  const [first, last] = [Math.min(from, index), Math.max(from, index)];
  const changed = (frame: number) => frame >= first && frame <= last && prompts.get(frame) !== now.get(frame);
  return ![...prompts.keys(), ...now.keys()].some(changed);
}
