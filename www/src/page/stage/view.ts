// Where the picture lies on the stage: fitted at first, then as it was zoomed and moved. Lengths are in device pixels.

import type { Point, Size } from '../../shared/geometry';

export interface View {
  /** Device pixels for one pixel of the frame. */
  scale: number;
  /** Of the frame's left top corner. */
  x: number;
  y: number;
}

const CLOSEST = 64;
/** Of the stage that stays empty around a fitted picture. */
const MARGIN = 0.02;

export function fitted(picture: Size, stage: Size): View {
  const scale = Math.min((stage.width * (1 - 2 * MARGIN)) / picture.width, (stage.height * (1 - 2 * MARGIN)) / picture.height);
  return { scale, x: (stage.width - picture.width * scale) / 2, y: (stage.height - picture.height * scale) / 2 };
}

/** Nearer or farther, with the point of the picture under `at` staying there. */
export function zoomed(view: View, factor: number, at: Point, farthest: number): View {
  const scale = Math.max(farthest, Math.min(CLOSEST, view.scale * factor));
  const by = scale / view.scale;
  return { scale, x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by };
}

/** Moved, but never so far that the picture is lost. */
export function panned(view: View, by: Point, picture: Size, stage: Size): View {
  const clamp = (at: number, length: number, room: number) => Math.max(Math.min(0, room / 2 - length), Math.min(room / 2, at, Math.max(room / 2, room - length / 2)));
  return {
    ...view,
    x: clamp(view.x + by.x, picture.width * view.scale, stage.width),
    y: clamp(view.y + by.y, picture.height * view.scale, stage.height),
  };
}

export function toFrame({ scale, x, y }: View, at: Point): Point {
  return { x: (at.x - x) / scale, y: (at.y - y) / scale };
}
