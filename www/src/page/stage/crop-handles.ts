// The crop as a rectangle with eight handles.

import type { Box, Point } from '../../shared/geometry';
import type { Edits } from '../prompts/edits';
import { LEAST_CROP as LEAST } from '../state';
import type { Store } from '../store';
import type { Movable } from './handles';

/** Which sides of the box a handle moves: -1 left or top, 1 right or bottom. */
const HANDLES = [
  ['left top corner', -1, -1],
  ['top side', 0, -1],
  ['right top corner', 1, -1],
  ['right side', 1, 0],
  ['right bottom corner', 1, 1],
  ['bottom side', 0, 1],
  ['left bottom corner', -1, 1],
  ['left side', -1, 0],
] as const;

export class CropHandles implements Movable {
  readonly label = 'Crop: what the model sees';
  readonly handles = HANDLES.map(([name, x, y]) => ({ name: `Crop, ${name}`, cursor: x === 0 ? 'ns-resize' : y === 0 ? 'ew-resize' : x === y ? 'nwse-resize' : 'nesw-resize' }));
  private draft: Box | null = null;

  constructor(
    private readonly store: Store,
    private readonly edits: Edits,
    private readonly redraw: () => void,
  ) {}

  /** The crop as it is being dragged, else as it is. */
  get crop(): Box {
    return this.draft ?? this.store.state.crop;
  }

  places(): Point[] {
    const [left, top, right, bottom] = this.crop;
    const at = (side: number, low: number, high: number) => (side < 0 ? low : side > 0 ? high : (low + high) / 2);
    return HANDLES.map(([, x, y]) => ({ x: at(x, left, right), y: at(y, top, bottom) }));
  }

  move(handle: number, to: Point): void {
    const picture = this.store.state.shown?.frame.picture;
    if (picture === undefined) return;
    const [, x, y] = HANDLES[handle]!;
    const [left, top, right, bottom] = this.crop;
    const clamp = (value: number, low: number, high: number) => Math.max(low, Math.min(high, Math.round(value)));
    this.draft = [
      x < 0 ? clamp(to.x, 0, right - LEAST) : left,
      y < 0 ? clamp(to.y, 0, bottom - LEAST) : top,
      x > 0 ? clamp(to.x, left + LEAST, picture.width) : right,
      y > 0 ? clamp(to.y, top + LEAST, picture.height) : bottom,
    ];
    this.redraw();
  }

  settle(): void {
    const { draft } = this;
    this.draft = null;
    if (draft !== null) this.edits.setCrop(draft);
  }
}
