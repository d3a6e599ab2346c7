// What on the stage can be taken hold of and moved: points, corners of boxes, ends of distances.

import { boxBetween, type Box, type Point } from '../../shared/geometry';
import type { Prompt } from '../prompts/prompts';
import { currentCalipers, currentPrompts, type Caliper, type State, type Tool } from '../state';
import { toStage, type View } from './view';

/** In CSS pixels; a finger needs more. */
const REACH = { touch: 22, other: 9 };

/** A place of something, and what becomes of it where that place is moved. */
export type Grip =
  | { kind: 'prompt'; at: Point; prompt: Prompt; moved(to: Point): Prompt }
  | { kind: 'caliper'; at: Point; caliper: Caliper; moved(to: Point): Caliper };

/** Those of the frame shown that a tool moves: each its own, and the hand all of them. */
function gripsOf(state: State, tool: Tool): Grip[] {
  const points = tool === 'select' || tool === 'inside' || tool === 'outside';
  const prompts = currentPrompts(state).flatMap((prompt): Grip[] => {
    if (prompt.kind === 'point' && points) return [{ kind: 'prompt', at: prompt.at, prompt, moved: (at) => ({ ...prompt, at }) }];
    if (prompt.kind === 'box' && (tool === 'select' || tool === 'box')) return cornersOf(prompt);
    return [];
  });
  const calipers = tool !== 'select' && tool !== 'caliper' ? [] : currentCalipers(state).flatMap(endsOf);
  return [...prompts, ...calipers];
}

/** The nearest one within reach of a place on the screen, in device pixels. */
export function gripAt(state: State, view: View, at: Point, pointer: string, density: number): Grip | null {
  const reach = (pointer === 'touch' ? REACH.touch : REACH.other) * density;
  const near = gripsOf(state, state.tools.tool).map((grip) => ({ grip, far: distance(toStage(view, grip.at), at) }));
  return near.filter(({ far }) => far <= reach).sort((a, b) => a.far - b.far)[0]?.grip ?? null;
}

function cornersOf(prompt: Prompt & { kind: 'box' }): Grip[] {
  const [left, top, right, bottom] = prompt.box;
  const corner = (at: Point, across: Point): Grip => ({ kind: 'prompt', at, prompt, moved: (to) => ({ ...prompt, box: atLeastAPixel(boxBetween(across, to)) }) });
  const [a, b, c, d] = [{ x: left, y: top }, { x: right, y: top }, { x: right, y: bottom }, { x: left, y: bottom }];
  return [corner(a, c), corner(b, d), corner(c, a), corner(d, b)];
}

function endsOf(caliper: Caliper): Grip[] {
  return [
    { kind: 'caliper', at: caliper.from, caliper, moved: (from) => ({ ...caliper, from }) },
    { kind: 'caliper', at: caliper.to, caliper, moved: (to) => ({ ...caliper, to }) },
  ];
}

function atLeastAPixel([left, top, right, bottom]: Box): Box {
  return [left, top, Math.max(right, left + 1), Math.max(bottom, top + 1)];
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
