// The crop as a rectangle with eight handles: buttons, so that a keyboard reaches and moves them too.

import { type Box, type Point } from '../../shared/geometry';
import { h } from '../dom';
import type { Store } from '../store';
import type { Edits } from '../prompts/edits';
import { LEAST_CROP as LEAST } from '../state';
import { toFrame, toStage, type View } from './view';

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

export class CropHandles {
  readonly element = h('div', { className: 'crop-handles', hidden: true });
  private draft: Box | null = null;

  constructor(
    private readonly store: Store,
    private readonly edits: Edits,
    private readonly layout: () => { view: View; density: number },
    private readonly redraw: () => void,
  ) {
    this.element.role = 'group';
    this.element.ariaLabel = 'Crop: what the model sees';
    this.element.append(...HANDLES.map(([name, x, y]) => this.handle(name, x, y)));
  }

  /** The crop as it is being dragged, else as it is. */
  get crop(): Box {
    return this.draft ?? this.store.state.crop;
  }

  /** Puts the handles where the crop is on the stage. */
  place(shown: boolean): void {
    this.element.hidden = !shown;
    if (!shown) return;
    const { view, density } = this.layout();
    const [left, top, right, bottom] = this.crop;
    [...this.element.children].forEach((child, i) => {
      const [, x, y] = HANDLES[i]!;
      const at = (side: number, low: number, high: number) => (side < 0 ? low : side > 0 ? high : (low + high) / 2);
      const place = toStage(view, { x: at(x, left, right), y: at(y, top, bottom) });
      (child as HTMLElement).style.translate = `${place.x / density}px ${place.y / density}px`;
    });
  }

  private handle(name: string, x: number, y: number): HTMLElement {
    const button = h('button', { type: 'button', className: 'crop-handle', title: `Drag, or use the arrow keys (Shift: 10 px)` });
    button.ariaLabel = `Crop, ${name}`;
    button.style.cursor = x === 0 ? 'ns-resize' : y === 0 ? 'ew-resize' : x === y ? 'nwse-resize' : 'nesw-resize';
    button.addEventListener('pointerdown', (event) => {
      button.setPointerCapture(event.pointerId);
      event.stopPropagation();
    });
    button.addEventListener('pointermove', (event) => {
      if (button.hasPointerCapture(event.pointerId)) this.drag(this.under(event), x, y);
    });
    button.addEventListener('lostpointercapture', () => this.settle());
    button.addEventListener('keydown', (event) => {
      const by = event.shiftKey ? 10 : 1;
      const moves: Record<string, Point> = { ArrowLeft: { x: -by, y: 0 }, ArrowRight: { x: by, y: 0 }, ArrowUp: { x: 0, y: -by }, ArrowDown: { x: 0, y: by } };
      const move = moves[event.key];
      if (move === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      const [left, top, right, bottom] = this.crop;
      this.drag({ x: (x < 0 ? left : right) + move.x, y: (y < 0 ? top : bottom) + move.y }, x, y);
      this.settle();
    });
    return button;
  }

  private drag(to: Point, x: number, y: number): void {
    const picture = this.store.state.shown?.frame.picture;
    if (picture === undefined) return;
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

  private settle(): void {
    const { draft } = this;
    this.draft = null;
    if (draft !== null) this.edits.setCrop(draft);
  }

  private under(event: PointerEvent): Point {
    const { view, density } = this.layout();
    const { left, top } = this.element.getBoundingClientRect();
    return toFrame(view, { x: (event.clientX - left) * density, y: (event.clientY - top) * density });
  }
}
