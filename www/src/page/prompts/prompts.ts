// What a person says of the structures: prompts of frames, and how they change. Plain values; nothing here draws or computes.

import type { Mode, SegmentRequest, StructurePrompts } from '../../shared/api';
import type { Box, Point } from '../../shared/geometry';

/** In pixels of the frame; `structure` counts the model's from 0. */
export type Prompt =
  | { kind: 'point'; structure: number; at: Point; inside: boolean }
  | { kind: 'box'; structure: number; box: Box }
  | { kind: 'stroke'; structure: number; path: [x: number, y: number][]; radius: number; inside: boolean };

export type PromptSet = readonly Prompt[];

/** The prompts that were given on each frame, by its index. */
export type PromptsByFrame = ReadonlyMap<number, PromptSet>;

export const NO_PROMPTS: PromptSet = [];

/** What counts on a frame: its own prompts, else, where prompts are carried on, those of the nearest frame before it. */
export function promptsAt(byFrame: PromptsByFrame, index: number, carry: boolean): PromptSet {
  const own = byFrame.get(index);
  if (own !== undefined || !carry) return own ?? NO_PROMPTS;
  let nearest = -1;
  for (const frame of byFrame.keys()) if (frame < index && frame > nearest) nearest = frame;
  return byFrame.get(nearest) ?? NO_PROMPTS;
}

const filtered = new WeakMap<PromptSet, Map<number, PromptSet>>();

/** Those for the first `structures`; the same value each time. */
export function ofModel(prompts: PromptSet, structures: number): PromptSet {
  if (prompts.every(({ structure }) => structure < structures)) return prompts;
  const known = filtered.get(prompts) ?? new Map<number, PromptSet>();
  filtered.set(prompts, known);
  const left = known.get(structures) ?? prompts.filter(({ structure }) => structure < structures);
  known.set(structures, left);
  return left;
}

/** The prompts of one frame, as they are from now on; an empty set stays, for it stops what is carried on. */
export function withFrame(byFrame: PromptsByFrame, index: number, prompts: PromptSet): PromptsByFrame {
  return new Map(byFrame).set(index, prompts);
}

/** One more prompt. A structure has one box: a new one takes the old one's place. */
export function withPrompt(prompts: PromptSet, prompt: Prompt): PromptSet {
  const kept = prompt.kind === 'box' ? prompts.filter((other) => other.kind !== 'box' || other.structure !== prompt.structure) : prompts;
  return [...kept, prompt];
}

export function withoutStructure(prompts: PromptSet, structure: number): PromptSet {
  return prompts.filter((prompt) => prompt.structure !== structure);
}

export function modeOf(prompts: PromptSet, manual: boolean): Mode {
  if (manual) return 'manual';
  return prompts.length === 0 ? 'autonomous' : 'semi-autonomous';
}

export function requestOf(prompts: PromptSet, manual: boolean, tokensOff: readonly number[]): SegmentRequest {
  const structures = [...new Set(prompts.map(({ structure }) => structure))].sort((a, b) => a - b);
  return {
    mode: modeOf(prompts, manual),
    tokens_off: tokensOff,
    prompts: structures.map((structure) => structurePrompts(structure, prompts.filter((prompt) => prompt.structure === structure))),
  };
}

function structurePrompts(structure: number, prompts: PromptSet): StructurePrompts {
  const asked: StructurePrompts = { structure, points: [], strokes: [] };
  for (const prompt of prompts) {
    if (prompt.kind === 'point') asked.points!.push({ ...prompt.at, inside: prompt.inside });
    else if (prompt.kind === 'box') asked.bounding_box = prompt.box;
    else asked.strokes!.push({ path: prompt.path, radius: prompt.radius, inside: prompt.inside });
  }
  return asked;
}
