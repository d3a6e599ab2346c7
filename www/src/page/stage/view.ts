// Where the picture lies on the stage: fitted at first, then as it was zoomed and moved. Lengths are in device pixels.

import type { PixelSize } from '../../measure/spacing';
import type { Point, Size } from '../../shared/geometry';

export interface View {
  /** Device pixels for the shorter side of a pixel of the frame. */
  scale: number;
  /** A pixel of the frame in its shorter side: those that are not square are drawn so. */
  shape: PixelSize;
  /** Of the frame's left top corner. */
  x: number;
  y: number;
}

const CLOSEST = 64;
/** Of the stage that stays empty around a fitted picture. */
const MARGIN = 0.02;

export function fitted(picture: Size, stage: Size, shape: PixelSize): View {
  const { width, height } = shaped(picture, shape);
  const scale = Math.min((stage.width * (1 - 2 * MARGIN)) / width, (stage.height * (1 - 2 * MARGIN)) / height);
  return { scale, shape, x: (stage.width - width * scale) / 2, y: (stage.height - height * scale) / 2 };
}

/** The size at which a picture is drawn at scale 1. */
export function shaped({ width, height }: Size, { x, y }: PixelSize): Size {
  return { width: width * x, height: height * y };
}

/** Nearer or farther, with the point of the picture under `at` staying there. */
export function zoomed(view: View, factor: number, at: Point, farthest: number): View {
  const scale = Math.max(farthest, Math.min(CLOSEST, view.scale * factor));
  const by = scale / view.scale;
  return { ...view, scale, x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by };
}

/** Moved, but never so far that the picture is lost. */
export function panned(view: View, by: Point, picture: Size, stage: Size): View {
  const clamp = (at: number, length: number, room: number) => Math.max(Math.min(0, room / 2 - length), Math.min(room / 2, at, Math.max(room / 2, room - length / 2)));
  const { width, height } = shaped(picture, view.shape);
  return { ...view, x: clamp(view.x + by.x, width * view.scale, stage.width), y: clamp(view.y + by.y, height * view.scale, stage.height) };
}

export function toFrame({ scale, shape, x, y }: View, at: Point): Point {
  return { x: (at.x - x) / (scale * shape.x), y: (at.y - y) / (scale * shape.y) };
}

export function toStage({ scale, shape, x, y }: View, at: Point): Point {
  return { x: at.x * scale * shape.x + x, y: at.y * scale * shape.y + y };
}
