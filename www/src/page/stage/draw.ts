// Draws the stage: the picture, the masks of the same frame as vector paths, and what a person put on it. Lines have a width on
// the screen, not in the picture, so they are crisp at any zoom.

import type { ModelCard } from '../../shared/api';
import { sameBox, wholeOf, type Box, type Point } from '../../shared/geometry';
import type { Prompt, PromptSet } from '../prompts/prompts';
import type { Answer, Caliper, Look } from '../state';
import { colorOf } from './colors';
import { drawNames } from './names';
import { DARK, setText, write, type Context } from './text';
import type { View } from './view';

export interface Scene {
  picture: ImageBitmap;
  view: View;
  /** The next frame comes soon: drawn quickly, for without a graphics card the cores that draw are those that segment. */
  moving: boolean;
  /** Device pixels for a CSS pixel. */
  density: number;
  card: ModelCard | null;
  answer: Answer | null;
  look: Look;
  prompts: PromptSet;
  calipers: readonly Caliper[];
  /** What a caliper shows, such as `12.3 mm`. */
  lengthOf(caliper: Caliper): string;
  /** Under the pointer at the moment: a box or a stroke on its way. */
  draft: Prompt | null;
  crop: Box;
  /** Shows the crop's handles. */
  cropping: boolean;
  /** Radius of the brush in pixels of the frame, where the pointer is. */
  brush: { at: Point; radius: number } | null;
}

export function draw(context: Context, scene: Scene): void {
  const { picture, view, look, card, answer } = scene;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.setTransform(view.scale, 0, 0, view.scale, view.x, view.y);
  context.imageSmoothingEnabled = view.scale < 6 * scene.density;
  context.imageSmoothingQuality = scene.moving ? 'low' : 'high';
  context.drawImage(picture, 0, 0);
  const line = (width: number) => (width * scene.density) / view.scale;
  if (card !== null && answer !== null && answer.question.model === card) {
    drawAnswer(context, answer, card, look, line);
    if (look.names) drawNames(context, answer, card, look, line(1));
  }
  drawCrop(context, scene, line);
  for (const caliper of scene.calipers) drawCaliper(context, caliper, scene.lengthOf(caliper), line);
  if (card === null) return;
  for (const prompt of scene.draft === null ? scene.prompts : [...scene.prompts, scene.draft]) {
    drawPrompt(context, prompt, colorOf(card, look, prompt.structure), line);
  }
  if (scene.brush !== null) drawBrush(context, scene.brush, line);
}

type Line = (width: number) => number;

function drawAnswer(context: Context, { segmentation }: Answer, card: ModelCard, look: Look, line: Line): void {
  context.lineJoin = 'round';
  for (const { structure, present, contours, predicted_box } of segmentation.structures) {
    if (look.hidden.has(structure)) continue;
    const color = colorOf(card, look, structure);
    if (look.predicted_box) {
      context.setLineDash([line(6), line(4)]);
      outline(context, boxPath(predicted_box), color, line(1.5), line(3));
      context.setLineDash([]);
    }
    if (!present) continue;
    const path = pathOf(contours);
    if (look.style !== 'contour') {
      context.globalAlpha = look.opacity;
      context.fillStyle = color;
      context.fill(path, 'evenodd');
      context.globalAlpha = 1;
    }
    if (look.style !== 'fill') outline(context, path, color, line(2), line(3.5));
  }
}

const paths = new WeakMap<object, Path2D>();

/** The contours as one path; made once, for a frame is drawn many times while a person zooms and draws. */
function pathOf(contours: readonly Float32Array[]): Path2D {
  const known = paths.get(contours);
  if (known !== undefined) return known;
  const path = new Path2D();
  for (const points of contours) {
    for (let i = 0; i < points.length; i += 2) {
      if (i === 0) path.moveTo(points[0]!, points[1]!);
      else path.lineTo(points[i]!, points[i + 1]!);
    }
    path.closePath();
  }
  paths.set(contours, path);
  return path;
}

/** A bright line with a dark rim: seen on any picture. */
function outline(context: Context, path: Path2D, color: string, width: number, rim: number): void {
  context.strokeStyle = DARK;
  context.lineWidth = rim;
  context.stroke(path);
  context.strokeStyle = color;
  context.lineWidth = width;
  context.stroke(path);
}

function boxPath([left, top, right, bottom]: Box): Path2D {
  const path = new Path2D();
  path.rect(left, top, right - left, bottom - top);
  return path;
}

function circle({ x, y }: Point, radius: number): Path2D {
  const path = new Path2D();
  path.arc(x, y, radius, 0, 2 * Math.PI);
  return path;
}

function drawPrompt(context: Context, prompt: Prompt, color: string, line: Line): void {
  switch (prompt.kind) {
    case 'point': {
      // A plus on the structure, a minus off it: told apart without colour.
      const { x, y } = prompt.at;
      context.fillStyle = prompt.inside ? color : '#ffffff';
      context.fill(circle(prompt.at, line(7)));
      outlineRim(context, circle(prompt.at, line(7)), prompt.inside ? '#ffffff' : color, line(2));
      const sign = new Path2D();
      sign.moveTo(x - line(3.5), y);
      sign.lineTo(x + line(3.5), y);
      if (prompt.inside) {
        sign.moveTo(x, y - line(3.5));
        sign.lineTo(x, y + line(3.5));
      }
      outlineRim(context, sign, '#000000', line(2));
      return;
    }
    case 'box':
      return outline(context, boxPath(prompt.box), color, line(2), line(4));
    case 'stroke': {
      const path = new Path2D();
      prompt.path.forEach(([x, y], i) => (i === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
      if (prompt.path.length === 1) path.lineTo(prompt.path[0]![0] + 1e-3, prompt.path[0]![1]);
      context.save();
      context.lineCap = context.lineJoin = 'round';
      context.globalAlpha = 0.25;
      outlineRim(context, path, prompt.inside ? color : '#ffffff', 2 * prompt.radius);
      context.globalAlpha = 1;
      context.setLineDash([line(3), line(4)]);
      outlineRim(context, path, prompt.inside ? color : '#ffffff', line(1.5));
      context.restore();
    }
  }
}

/** A line with a cross bar at each end, and its length beside its middle. */
function drawCaliper(context: Context, { from, to }: Caliper, length: string, line: Line): void {
  const far = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const [acrossX, acrossY] = [(-(to.y - from.y) / far) * line(6), ((to.x - from.x) / far) * line(6)];
  const path = new Path2D();
  path.moveTo(from.x, from.y);
  path.lineTo(to.x, to.y);
  for (const { x, y } of [from, to]) {
    path.moveTo(x - acrossX, y - acrossY);
    path.lineTo(x + acrossX, y + acrossY);
  }
  outline(context, path, '#ffffff', line(1.5), line(3.5));
  setText(context, line(1), 'left', 'middle');
  write(context, length, (from.x + to.x) / 2 + line(10), (from.y + to.y) / 2 + line(10), '#ffffff');
}

function outlineRim(context: Context, path: Path2D, color: string, width: number): void {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.stroke(path);
}

function drawBrush(context: Context, { at, radius }: { at: Point; radius: number }, line: Line): void {
  outline(context, circle(at, radius), '#ffffff', line(1.25), line(3));
}

/** What the model does not see is darker. */
function drawCrop(context: Context, { picture, crop, cropping }: Scene, line: Line): void {
  if (sameBox(crop, wholeOf(picture)) && !cropping) return;
  const shade = boxPath(wholeOf(picture));
  shade.addPath(boxPath(crop));
  context.fillStyle = 'rgb(0 0 0 / 55%)';
  context.fill(shade, 'evenodd');
  outlineRim(context, boxPath(crop), cropping ? '#ffffff' : 'rgb(255 255 255 / 35%)', line(cropping ? 2 : 1));
}
