// The stage without a pointer: Enter calls up a cross, arrows move it, Enter presses and lets go there, Escape puts it away. To the tools
// it is one more pointer.

import { h } from '../dom';
import type { Store } from '../store';

/** In CSS pixels. */
const STEP = 8;
const FINE_STEP = 1;
/** No device's: browsers count theirs from 1. */
const POINTER = -1;
const STEPS: Record<string, readonly [x: number, y: number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class KeyboardCursor {
  readonly element = h('div', { className: 'keyboard-cursor', hidden: true });
  /** What the cross is on, for those who do not see it. */
  readonly spoken = h('p', { id: 'cursor-place', className: 'visually-hidden', role: 'status' });
  /** Of the canvas, in CSS pixels; `null` while there is no cross: arrows step through the frames then. */
  private at: { x: number; y: number } | null = null;
  private held = false;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly store: Store,
    /** Says what is at a place of the canvas, in CSS pixels. */
    private readonly describe: (at: { x: number; y: number }) => string,
  ) {
    canvas.addEventListener('keydown', (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey && this.press(event)) {
        event.preventDefault();
        event.stopPropagation();
      }
    });
    canvas.addEventListener('blur', () => this.leave());
    canvas.addEventListener('pointermove', ({ pointerId }) => pointerId !== POINTER && this.leave());
    store.watch(({ tools }) => [tools.tool], () => this.leave());
  }

  private press({ key, shiftKey }: KeyboardEvent): boolean {
    const { shown, tools } = this.store.state;
    if (shown === null || tools.tool === 'select' || tools.tool === 'crop') return false;
    if (this.at === null) {
      if (key === 'Enter') this.place({ x: this.canvas.clientWidth / 2, y: this.canvas.clientHeight / 2 });
      return key === 'Enter';
    }
    const step = STEPS[key];
    if (step !== undefined) {
      const by = shiftKey ? FINE_STEP : STEP;
      this.place({ x: this.at.x + step[0] * by, y: this.at.y + step[1] * by });
      return true;
    }
    if (key === 'Escape') {
      this.leave();
      return true;
    }
    if (key !== 'Enter') return false;
    // A point is a click; everything else is drawn from one Enter to the next.
    const click = tools.tool === 'inside' || tools.tool === 'outside';
    this.tell(this.held ? 'pointerup' : 'pointerdown');
    this.held = !this.held && !click;
    if (click) this.tell('pointerup');
    this.speak(click ? 'Point set. ' : this.held ? 'Drawing. ' : 'Drawn. ');
    return true;
  }

  private place({ x, y }: { x: number; y: number }): void {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    this.at = { x: Math.max(0, Math.min(width, x)), y: Math.max(0, Math.min(height, y)) };
    this.element.hidden = false;
    this.element.style.translate = `${this.at.x}px ${this.at.y}px`;
    this.tell('pointermove');
    this.speak('');
  }

  private speak(what: string): void {
    if (this.at !== null) this.spoken.textContent = what + this.describe(this.at);
  }

  private leave(): void {
    if (this.held) this.tell('pointercancel');
    this.held = false;
    this.spoken.textContent = '';
    this.element.hidden = true;
    this.at = null;
  }

  private tell(type: string): void {
    if (this.at === null) return;
    const { left, top } = this.canvas.getBoundingClientRect();
    this.canvas.dispatchEvent(new PointerEvent(type, { pointerId: POINTER, pointerType: 'keyboard', clientX: left + this.at.x, clientY: top + this.at.y, button: 0 }));
  }
}
