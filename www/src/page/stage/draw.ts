// Draws the stage: the picture, the masks of the same frame as vector paths, and what a person put on it. Lines have a width on
// the screen, not in the picture, so they are crisp at any zoom.

import { contoursOf } from '../../export/polygons';
import { maskOf } from '../../measure/mask';
import type { PixelSize } from '../../measure/spacing';
import type { ModelCard, StructureResult } from '../../shared/api';
import { sameBox, wholeOf, type Box, type Point, type Size } from '../../shared/geometry';
import { classIdsOf, type Runs } from '../../shared/runs';
import type { Prompt, PromptSet } from '../prompts/prompts';
import type { Answer, Caliper, Look } from '../state';
import { colorOf } from './colors';
import { drawNames } from './names';
import { DARK, setText, write, type Context } from './text';
import type { View } from './view';

/** What is drawn of an answer. */
export interface DrawnAnswer {
  /** Of the whole frame. */
  size: Size;
  structures: readonly StructureResult[];
}

/** A structure of the person's own on a frame of this size. */
export interface DrawnLabel {
  color: string;
  size: Size;
  mask: Runs;
}

/** A straight line with what it says of itself, such as `12.3 mm`. */
export interface Length extends Caliper {
  text: string;
}

export interface Scene {
  picture: ImageBitmap;
  view: View;
  /** The next frame comes soon: drawn quickly, for without a graphics card the cores that draw are those that segment. */
  moving: boolean;
  /** Device pixels for a CSS pixel. */
  density: number;
  card: ModelCard | null;
  /** Of the card's model. */
  answer: DrawnAnswer | null;
  look: Look;
  /** Another model's answer, which is seen up to a share of the picture's width in place of the model's. */
  before: { card: ModelCard; answer: DrawnAnswer; share: number } | null;
  prompts: PromptSet;
  lengths: readonly Length[];
  /** Where the person's own structures are labelled. */
  labels: readonly DrawnLabel[];
  /** Under the pointer at the moment: a box or a stroke on its way. */
  draft: Prompt | null;
  crop: Box;
  /** Shows the crop's handles. */
  cropping: boolean;
  /** Radius of the brush in pixels of the frame, where the pointer is. */
  brush: { at: Point; radius: number } | null;
}

/** The answer where it is one of this model. */
export function drawnAnswer(answer: Answer | null, card: ModelCard | null): DrawnAnswer | null {
  return answer !== null && answer.question.model === card ? { size: answer.size, structures: answer.segmentation.structures } : null;
}

export function draw(context: Context, scene: Scene): void {
  const { picture, view, look, card, answer } = scene;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  const { scale, shape } = view;
  context.setTransform(scale * shape.x, 0, 0, scale * shape.y, view.x, view.y);
  context.imageSmoothingEnabled = scale < 6 * scene.density;
  context.imageSmoothingQuality = scene.moving ? 'low' : 'high';
  context.drawImage(picture, 0, 0);
  // From here on places are stretched and lines are not, so that a line is as wide in every direction.
  context.setTransform(scale, 0, 0, scale, view.x, view.y);
  const line = (width: number) => (width * scene.density) / view.scale;
  const answered = (card: ModelCard, answer: DrawnAnswer, look: Look) => {
    drawAnswer(context, answer, card, look, line, shape);
    if (look.names) drawNames(context, answer, card, look, line(1), shape);
  };
  const { before } = scene;
  if (before !== null) drawWipe(context, scene, before.share, line, () => answered(before.card, before.answer, PLAIN), () => card !== null && answer !== null && answered(card, answer, look));
  else if (card !== null && answer !== null) answered(card, answer, look);
  drawCrop(context, scene, line);
  for (const label of scene.labels) drawLabel(context, label, line, shape);
  for (const length of scene.lengths) drawLength(context, length, line, shape);
  if (card === null) return;
  for (const prompt of scene.draft === null ? scene.prompts : [...scene.prompts, scene.draft]) {
    drawPrompt(context, prompt, colorOf(card, look, prompt.structure), line, shape);
  }
  if (scene.brush !== null) drawBrush(context, scene.brush, line, shape);
}

type Line = (width: number) => number;

function drawAnswer(context: Context, { structures }: DrawnAnswer, card: ModelCard, look: Look, line: Line, shape: PixelSize): void {
  context.lineJoin = 'round';
  for (const { structure, present, contours, predicted_box } of structures) {
    if (look.hidden.has(structure)) continue;
    const color = colorOf(card, look, structure);
    if (look.predicted_box && predicted_box !== null) {
      context.setLineDash([line(6), line(4)]);
      outline(context, stretched(boxPath(predicted_box), shape), color, line(1.5), line(3));
      context.setLineDash([]);
    }
    if (!present) continue;
    const path = stretched(pathOf(contours), shape);
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

function stretched(path: Path2D, { x, y }: PixelSize): Path2D {
  if (x === 1 && y === 1) return path;
  const made = new Path2D();
  made.addPath(path, { a: x, d: y });
  return made;
}

function stretchedPoint({ x, y }: Point, shape: PixelSize): Point {
  return { x: x * shape.x, y: y * shape.y };
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

function drawPrompt(context: Context, prompt: Prompt, color: string, line: Line, shape: PixelSize): void {
  switch (prompt.kind) {
    case 'point': {
      // A plus on the structure, a minus off it: told apart without colour.
      const at = stretchedPoint(prompt.at, shape);
      const { x, y } = at;
      context.fillStyle = prompt.inside ? color : '#ffffff';
      context.fill(circle(at, line(7)));
      outlineRim(context, circle(at, line(7)), prompt.inside ? '#ffffff' : color, line(2));
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
      return outline(context, stretched(boxPath(prompt.box), shape), color, line(2), line(4));
    case 'stroke': {
      const path = new Path2D();
      prompt.path.forEach(([x, y], i) => (i === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
      if (prompt.path.length === 1) path.lineTo(prompt.path[0]![0] + 1e-3, prompt.path[0]![1]);
      context.save();
      context.lineCap = context.lineJoin = 'round';
      context.globalAlpha = 0.25;
      // What the brush covers is round in the frame's pixels.
      context.scale(shape.x, shape.y);
      outlineRim(context, path, prompt.inside ? color : '#ffffff', 2 * prompt.radius);
      context.scale(1 / shape.x, 1 / shape.y);
      context.globalAlpha = 1;
      context.setLineDash([line(3), line(4)]);
      outlineRim(context, stretched(path, shape), prompt.inside ? color : '#ffffff', line(1.5));
      context.restore();
    }
  }
}

/** A line with a cross bar at each end, and its length beside its middle. */
function drawLength(context: Context, length: Length, line: Line, shape: PixelSize): void {
  const [from, to] = [stretchedPoint(length.from, shape), stretchedPoint(length.to, shape)];
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
  if (length.text === '') return;
  // Beside the middle, or beyond the end of a line so short that its handles would lie on the text.
  const isShort = far < line(90);
  const [aheadX, aheadY] = [((to.x - from.x) / far) * line(18), ((to.y - from.y) / far) * line(18)];
  const [x, y] = isShort ? [to.x + aheadX, to.y + aheadY] : [(from.x + to.x) / 2 + line(10), (from.y + to.y) / 2 + line(10)];
  setText(context, line(1), isShort && aheadX < 0 ? 'right' : 'left', 'middle');
  write(context, length.text, x, y, '#ffffff');
}

function outlineRim(context: Context, path: Path2D, color: string, width: number): void {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.stroke(path);
}

function drawBrush(context: Context, { at, radius }: { at: Point; radius: number }, line: Line, shape: PixelSize): void {
  outline(context, stretched(circle(at, radius), shape), '#ffffff', line(1.25), line(3));
}

/** How another model's masks are drawn. */
const PLAIN: Look = { style: 'both', opacity: 0.35, hidden: new Set(), colors: new Map(), predicted_box: false, names: true };

/** One drawing to the left of a line, another to its right. */
function drawWipe(context: Context, { picture, view: { shape } }: Scene, share: number, line: Line, left: () => void, right: () => void): void {
  const [width, height] = [picture.width * shape.x, picture.height * shape.y];
  for (const [from, to, part] of [[0, share, left], [share, 1, right]] as const) {
    context.save();
    context.beginPath();
    context.rect(from * width, 0, (to - from) * width, height);
    context.clip();
    part();
    context.restore();
  }
  const edge = new Path2D();
  edge.moveTo(share * width, 0);
  edge.lineTo(share * width, height);
  outline(context, edge, '#ffffff', line(1.5), line(3.5));
}

/** Dashed: what the model finds has a line without gaps. */
function drawLabel(context: Context, { color, size, mask }: DrawnLabel, line: Line, shape: PixelSize): void {
  let path = labelPaths.get(mask);
  if (path === undefined) {
    const found = maskOf({ ...size, class_ids: classIdsOf(mask, wholeOf(size), size) }, 1);
    const { outlines, holes } = found === null ? { outlines: [], holes: [] } : contoursOf(found);
    labelPaths.set(mask, (path = pathOf([...outlines, ...holes].map((polygon) => new Float32Array(polygon)))));
  }
  context.setLineDash([line(7), line(4)]);
  outline(context, stretched(path, shape), color, line(2), line(3.5));
  context.setLineDash([]);
}

const labelPaths = new WeakMap<Runs, Path2D>();

/** What the model does not see is darker. */
function drawCrop(context: Context, { picture, crop, cropping, view: { shape } }: Scene, line: Line): void {
  if (sameBox(crop, wholeOf(picture)) && !cropping) return;
  const shade = boxPath(wholeOf(picture));
  shade.addPath(boxPath(crop));
  context.fillStyle = 'rgb(0 0 0 / 55%)';
  context.fill(stretched(shade, shape), 'evenodd');
  outlineRim(context, stretched(boxPath(crop), shape), cropping ? '#ffffff' : 'rgb(255 255 255 / 35%)', line(cropping ? 2 : 1));
}
