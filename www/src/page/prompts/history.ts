// Undo and redo: every state of the prompts, as whole values that share what did not change.

import type { PromptsByFrame, PromptSet } from './prompts';

export interface History {
  past: readonly PromptsByFrame[];
  present: PromptsByFrame;
  future: readonly PromptsByFrame[];
}

export const EMPTY_HISTORY: History = { past: [], present: new Map(), future: [] };

export function changed({ past, present }: History, next: PromptsByFrame): History {
  return { past: [...past, present], present: next, future: [] };
}

/** The prompts of one frame, as they are from now on; an empty set stays, for it stops what is carried on. */
export function withFrame(byFrame: PromptsByFrame, index: number, prompts: PromptSet): PromptsByFrame {
  return new Map(byFrame).set(index, prompts);
}

export function undone(history: History): History {
  const before = history.past.at(-1);
  if (before === undefined) return history;
  return { past: history.past.slice(0, -1), present: before, future: [history.present, ...history.future] };
}

export function redone(history: History): History {
  const [after, ...future] = history.future;
  if (after === undefined) return history;
  return { past: [...history.past, history.present], present: after, future };
}
