// What a person drew with the brush as a mask of its own, without a model: strokes cover what they went over, and one that comes back to
// where it began is an outline, filled inside. Where there are taps alone they are the corners of a polygon. The eraser takes away.

import type { Size } from '../../shared/geometry';
import type { Prompt, PromptSet } from '../prompts/prompts';

type Stroke = Extract<Prompt, { kind: 'stroke' }>;

/** A stroke whose ends are as near as this many of its radii is an outline. */
const CLOSED_RADII = 4;

/** 1 inside; null where nothing was drawn. */
export function drawnMask(prompts: PromptSet, { width, height }: Size): Uint8Array<ArrayBuffer> | null {
  const strokes = prompts.filter((prompt): prompt is Stroke => prompt.kind === 'stroke');
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (context === null || strokes.length === 0) return null;
  context.lineCap = context.lineJoin = 'round';
  const corners = cornersOf(strokes);
  for (const stroke of corners === null ? strokes : [corners]) paint(context, stroke);
  const { data } = context.getImageData(0, 0, width, height);
  const mask = Uint8Array.from({ length: width * height }, (_, at) => Number(data[4 * at + 3]! > 127));
  return mask.includes(1) ? mask : null;
}

/** Taps as one outline through them; null where there is anything else, or no area between them. */
function cornersOf(strokes: readonly Stroke[]): Stroke | null {
  if (strokes.length < 3 || strokes.some(({ path, inside }) => path.length > 1 || !inside)) return null;
  const path = strokes.flatMap(({ path }) => path);
  // Back to the first one: however far that is, it is closed.
  return { ...strokes[0]!, path: [...path, path[0]!] };
}

function paint(context: OffscreenCanvasRenderingContext2D, { path, radius, inside }: Stroke): void {
  context.globalCompositeOperation = inside ? 'source-over' : 'destination-out';
  context.lineWidth = 2 * radius;
  const line = new Path2D();
  path.forEach(([x, y], i) => (i === 0 ? line.moveTo(x, y) : line.lineTo(x, y)));
  const [[fromX, fromY], [toX, toY]] = [path[0]!, path.at(-1)!];
  if (path.length === 1) line.lineTo(fromX + 1e-3, fromY);
  const isOutline = path.length > 3 && Math.hypot(toX - fromX, toY - fromY) <= CLOSED_RADII * radius;
  if (isOutline) {
    line.closePath();
    context.fill(line);
    // The edge runs along the middle of the brush.
    context.lineWidth = 1;
  }
  context.stroke(line);
}
