// The ends of a hip's baseline and roof line as handles: buttons, so that a keyboard reaches and moves them too.

import type { GrafLines } from '../../measure/graf';
import type { Point } from '../../shared/geometry';
import { h } from '../dom';
import type { Store } from '../store';
import { grafLines, hipShown, pointOf, type HipMeasured } from '../work/standard';
import { toFrame, toStage, type View } from './view';

const HANDLES = [
  ['Baseline, cranial end', 'baseline', 0],
  ['Baseline, at the bony rim', 'baseline', 1],
  ['Roof line, at the bony rim', 'roof_line', 0],
  ['Roof line, lower limb', 'roof_line', 1],
] as const;

export class GrafHandles {
  readonly element = h('div', { className: 'crop-handles', hidden: true });

  constructor(
    private readonly store: Store,
    private readonly layout: () => { view: View; density: number },
  ) {
    this.element.role = 'group';
    this.element.ariaLabel = 'Baseline and roof line of the hip';
    this.element.append(...HANDLES.map(([name, line, end]) => this.handle(name, line, end)));
  }

  /** Puts the handles where the lines are on the stage. */
  place(shown: boolean): void {
    const hip = shown ? hipShown(this.store.state) : null;
    this.element.hidden = hip === null;
    if (hip === null) return;
    const { view, density } = this.layout();
    const lines = grafLines(this.store.state, hip);
    [...this.element.children].forEach((child, i) => {
      const [, line, end] = HANDLES[i]!;
      const { x, y } = toStage(view, pointOf(lines[line][end]));
      (child as HTMLElement).style.translate = `${x / density}px ${y / density}px`;
    });
  }

  private handle(name: string, line: keyof GrafLines, end: 0 | 1): HTMLElement {
    const button = h('button', { type: 'button', className: 'crop-handle', title: 'Drag, or use the arrow keys (Shift: 10 px)' });
    button.ariaLabel = name;
    button.style.cursor = 'move';
    button.addEventListener('pointerdown', (event) => {
      button.setPointerCapture(event.pointerId);
      event.stopPropagation();
    });
    button.addEventListener('pointermove', (event) => {
      if (button.hasPointerCapture(event.pointerId)) this.drag(line, end, () => this.under(event));
    });
    button.addEventListener('keydown', (event) => {
      const by = event.shiftKey ? 10 : 1;
      const moves: Record<string, Point> = { ArrowLeft: { x: -by, y: 0 }, ArrowRight: { x: by, y: 0 }, ArrowUp: { x: 0, y: -by }, ArrowDown: { x: 0, y: by } };
      const move = moves[event.key];
      if (move === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.drag(line, end, ({ x, y }) => ({ x: x + move.x, y: y + move.y }));
    });
    return button;
  }

  private drag(line: keyof GrafLines, end: 0 | 1, move: (from: Point) => Point): void {
    const { state } = this.store;
    const hip: HipMeasured | null = hipShown(state);
    if (hip === null) return;
    const lines = grafLines(state, hip);
    const to = move(pointOf(lines[line][end]));
    const other = lines[line][1 - end]!;
    const moved: GrafLines = { baseline: lines.baseline, roof_line: lines.roof_line, [line]: end === 0 ? [[to.x, to.y], other] : [other, [to.x, to.y]] };
    // Of the latest answers alone: the lines belong to their masks.
    const kept = [...state.graf_lines].filter(([of]) => of !== hip).slice(-255);
    this.store.update({ graf_lines: new Map([...kept, [hip, moved]]) });
  }

  private under(event: PointerEvent): Point {
    const { view, density } = this.layout();
    const { left, top } = this.element.getBoundingClientRect();
    return toFrame(view, { x: (event.clientX - left) * density, y: (event.clientY - top) * density });
  }
}
