// Undo and redo: every state of what a person made, as whole values that share what did not change.

import type { GrafLines } from '../../measure/graf';
import type { HandScale } from '../../measure/spacing';
import { NO_LABELS, type Labels } from '../../learn/labels';
import type { Box } from '../../shared/geometry';
import type { Caliper } from '../state';
import type { PromptsByFrame } from './prompts';

/** By the index of the frame. */
export type CalipersByFrame = ReadonlyMap<number, readonly Caliper[]>;

/** What a person made on a source. */
export interface Made {
  prompts: PromptsByFrame;
  calipers: CalipersByFrame;
  /** Drawn by hand, by the frame's key; {@link EVERY_PICTURE} is for all that have none of their own. */
  crops: ReadonlyMap<string, Box>;
  /** Of hips, the lines that a person dragged, by the index of the frame. */
  graf: ReadonlyMap<number, GrafLines>;
  /** Lengths that a person said, by the key of the frame they were drawn on, or for every picture. */
  scales: ReadonlyMap<string, HandScale>;
  /** Structures of the person's own, and where they are: what is learnt from. */
  labels: Labels;
}

/** In place of a frame's key: for every picture that is open. */
export const EVERY_PICTURE = '';

interface Step {
  made: Made;
  /** The frame that was on the stage when this was changed. */
  frame: number;
}

export interface History {
  past: readonly Step[];
  present: Made;
  future: readonly Step[];
}

export const EMPTY_HISTORY: History = { past: [], present: { prompts: new Map(), calipers: new Map(), crops: new Map(), graf: new Map(), scales: new Map(), labels: NO_LABELS }, future: [] };

export function changed({ past, present }: History, frame: number, change: Partial<Made>): History {
  return { past: [...past, { made: present, frame }], present: { ...present, ...change }, future: [] };
}

/** The history one step back, and the frame which that step was on; null where there is none. */
export function undone({ past, present, future }: History): { history: History; frame: number } | null {
  const step = past.at(-1);
  if (step === undefined) return null;
  const { made, frame } = step;
  return { history: { past: past.slice(0, -1), present: made, future: [{ made: present, frame }, ...future] }, frame };
}

export function redone({ past, present, future }: History): { history: History; frame: number } | null {
  const [step, ...rest] = future;
  if (step === undefined) return null;
  const { made, frame } = step;
  return { history: { past: [...past, { made: present, frame }], present: made, future: rest }, frame };
}

/** A history that begins with this. */
export function beginning(present: Made): History {
  return { past: [], present, future: [] };
}

/** Every state in a history through `change`. */
export function mapped({ past, present, future }: History, change: (made: Made) => Made): History {
  const step = ({ made, frame }: Step): Step => ({ made: change(made), frame });
  return { past: past.map(step), present: change(present), future: future.map(step) };
}

export function isEmpty({ prompts, calipers, crops, graf, scales, labels }: Made): boolean {
  const marked = crops.size + graf.size + scales.size + labels.structures.length;
  return marked === 0 && [...prompts.values()].every(({ length }) => length === 0) && [...calipers.values()].every(({ length }) => length === 0);
}
