// Places on the picture that a person moves: buttons, so that a keyboard reaches and moves them too.

import type { Point } from '../../shared/geometry';
import { h } from '../dom';
import { toFrame, toStage, type View } from './view';

/** What the handles move. */
export interface Movable {
  /** Of all of them together. */
  label: string;
  handles: readonly { name: string; cursor: string }[];
  /** Where they are now, in pixels of the frame; null while there are none. */
  places(): readonly Point[] | null;
  move(handle: number, to: Point): void;
  /** The person let go. */
  settle(): void;
}

export class Handles {
  readonly element = h('div', { className: 'handles', hidden: true });

  constructor(
    private readonly movable: Movable,
    private readonly layout: () => { view: View; density: number },
  ) {
    this.element.role = 'group';
    this.element.ariaLabel = movable.label;
    this.element.append(...movable.handles.map(({ name, cursor }, at) => this.handle(at, name, cursor)));
  }

  /** Puts the handles where their places are on the stage. */
  place(shown: boolean): void {
    const places = shown ? this.movable.places() : null;
    this.element.hidden = places === null;
    if (places === null) return;
    const { view, density } = this.layout();
    [...this.element.children].forEach((child, at) => {
      const { x, y } = toStage(view, places[at]!);
      (child as HTMLElement).style.translate = `${x / density}px ${y / density}px`;
    });
  }

  private handle(at: number, name: string, cursor: string): HTMLElement {
    const button = h('button', { type: 'button', className: 'handle', title: 'Drag, or use the arrow keys (Shift: 10 px)' });
    button.ariaLabel = name;
    button.style.cursor = cursor;
    button.addEventListener('pointerdown', (event) => {
      button.setPointerCapture(event.pointerId);
      event.stopPropagation();
    });
    button.addEventListener('pointermove', (event) => {
      if (button.hasPointerCapture(event.pointerId)) this.movable.move(at, this.under(event));
    });
    button.addEventListener('lostpointercapture', () => this.movable.settle());
    button.addEventListener('keydown', (event) => {
      const by = event.shiftKey ? 10 : 1;
      const steps: Record<string, Point> = { ArrowLeft: { x: -by, y: 0 }, ArrowRight: { x: by, y: 0 }, ArrowUp: { x: 0, y: -by }, ArrowDown: { x: 0, y: by } };
      const step = steps[event.key];
      const from = this.movable.places()?.[at];
      if (step === undefined || from === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.movable.move(at, { x: from.x + step.x, y: from.y + step.y });
      this.movable.settle();
    });
    return button;
  }

  private under(event: PointerEvent): Point {
    const { view, density } = this.layout();
    const { left, top } = this.element.getBoundingClientRect();
    return toFrame(view, { x: (event.clientX - left) * density, y: (event.clientY - top) * density });
  }
}
