// The structures' names on the stage.

import type { PixelSize } from '../../measure/spacing';
import type { ModelCard } from '../../shared/api';
import type { Point } from '../../shared/geometry';
import type { Look } from '../state';
import { colorOf } from './colors';
import type { DrawnAnswer } from './draw';
import { setText, write, type Context } from './text';

/** A line of text in pixels of the picture; `at` is the middle of its lower edge. */
export interface Name {
  at: Point;
  width: number;
}

/** Draws the names of the structures that are present and shown; `pixel` is one of the screen's in the picture. */
export function drawNames(context: Context, { structures, size }: DrawnAnswer, card: ModelCard, look: Look, pixel: number, shape: PixelSize): void {
  setText(context, pixel, 'center', 'bottom');
  const names = structures.flatMap(({ structure, present, contours }) => {
    const top = present && !look.hidden.has(structure) ? topOf(contours) : null;
    if (top === null) return [];
    const text = card.structures[structure]!.name;
    // With its dark rim, and room beside it.
    const width = context.measureText(text).width + 10 * pixel;
    const x = Math.max(width / 2, Math.min(size.width * shape.x - width / 2, top.x * shape.x));
    return [{ text, color: colorOf(card, look, structure), at: { x, y: top.y * shape.y - 5 * pixel }, width }];
  });
  for (const { text, color, at } of apart(names, 17 * pixel)) write(context, text, at.x, at.y, color);
}

/** The highest place of a mask's longest contour. */
function topOf(contours: readonly Float32Array[]): Point | null {
  const [longest] = [...contours].sort((a, b) => b.length - a.length);
  if (longest === undefined) return null;
  let top = { x: 0, y: Infinity };
  for (let i = 0; i < longest.length; i += 2) if (longest[i + 1]! < top.y) top = { x: longest[i]!, y: longest[i + 1]! };
  return top;
}

/** The lowest name stays, and each that would lie on one below it moves up on top of it. */
export function apart<T extends Name>(names: readonly T[], height: number): T[] {
  const placed: T[] = [];
  for (const name of [...names].sort((a, b) => b.at.y - a.at.y)) {
    let { x, y } = name.at;
    // Those placed are gone through from the lowest, so a name that moves up may meet only those still to come.
    for (const other of placed) {
      const beside = Math.abs(x - other.at.x) >= (name.width + other.width) / 2;
      if (!beside && Math.abs(y - other.at.y) < height) y = other.at.y - height;
    }
    placed.push({ ...name, at: { x, y } });
    placed.sort((a, b) => b.at.y - a.at.y);
  }
  return placed;
}
