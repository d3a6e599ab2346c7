// What pointers do on the stage, whichever they are: one draws or pans as the tool says, two pinch.

import { boxBetween, type Point } from '../../shared/geometry';
import type { Edits } from '../prompts/edits';
import type { Prompt } from '../prompts/prompts';
import type { Store } from '../store';
import { gripAt, type Grip } from './grips';
import type { Stage } from './stage';

/** In CSS pixels: a pointer that moved less was a click. */
const CLICK = 4;

type Gesture =
  | { kind: 'pan'; last: Point }
  | { kind: 'pinch'; last: Point; apart: number }
  | { kind: 'point'; start: Point; inside: boolean }
  | { kind: 'box'; start: Point; from: Point }
  | { kind: 'length'; start: Point; from: Point }
  | { kind: 'stroke'; prompt: Prompt & { kind: 'stroke' } }
  | { kind: 'grip'; start: Point; grip: Grip };

export class Pointers {
  private readonly down = new Map<number, Point>();
  private gesture: Gesture | null = null;
  private panning = false;
  private dragged = false;

  constructor(
    private readonly stage: Stage,
    private readonly store: Store,
    private readonly edits: Edits,
  ) {
    const { canvas } = stage;
    canvas.addEventListener('pointerdown', (event) => this.start(event));
    canvas.addEventListener('pointermove', (event) => this.move(event));
    canvas.addEventListener('pointerup', (event) => this.end(event));
    canvas.addEventListener('pointercancel', (event) => this.cancel(event));
    canvas.addEventListener('pointerleave', () => stage.hover(null));
    canvas.addEventListener('contextmenu', (event) => event.preventDefault());
    canvas.addEventListener('dblclick', () => this.store.state.tools.tool === 'select' && stage.fit());
    canvas.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault();
        const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
        stage.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015)), stage.onScreen(event));
      },
      { passive: false },
    );
  }

  /** Held space makes any drag a pan. Tells whether there was one since it is held. */
  holdPan(held: boolean): boolean {
    const { dragged } = this;
    if (held !== this.panning) this.dragged = false;
    this.panning = held;
    this.stage.canvas.classList.toggle('panning', held);
    return dragged;
  }

  private start(event: PointerEvent): void {
    if (this.store.state.shown === null) return;
    const { stage } = this;
    // The keyboard's cross is no device that could be captured.
    if (event.isTrusted) stage.canvas.setPointerCapture(event.pointerId);
    const at = stage.onScreen(event);
    this.down.set(event.pointerId, at);
    this.dragged ||= this.panning;
    if (this.down.size === 2) {
      stage.draft(null);
      stage.draftCaliper(null);
      stage.letGo();
      const [a, b] = [...this.down.values()] as [Point, Point];
      this.gesture = { kind: 'pinch', last: between(a, b), apart: distance(a, b) };
    } else if (this.down.size === 1) {
      this.gesture = this.begin(event, at);
    }
  }

  private begin(event: PointerEvent, at: Point): Gesture | null {
    const { tools, model } = this.store.state;
    const grip = event.button === 0 && !this.panning && !event.altKey ? this.gripUnder(event, at) : null;
    if (grip !== null) return { kind: 'grip', start: at, grip };
    if (event.button === 1 || this.panning || tools.tool === 'select' || tools.tool === 'crop') return { kind: 'pan', last: at };
    const from = this.stage.inFrame(event);
    if (tools.tool === 'caliper' || tools.tool === 'scale') return { kind: 'length', start: at, from };
    if (model.kind !== 'ready') return { kind: 'pan', last: at };
    const other = event.button === 2 || event.altKey;
    switch (tools.tool) {
      case 'inside':
      case 'outside':
        return { kind: 'point', start: at, inside: (tools.tool === 'inside') !== other };
      case 'box':
        return { kind: 'box', start: at, from };
      case 'brush':
      case 'eraser': {
        const inside = (tools.tool === 'brush') !== other;
        const prompt: Prompt = { kind: 'stroke', structure: tools.structure, path: [[from.x, from.y]], radius: tools.brush_radius, inside };
        this.stage.draft(prompt);
        return { kind: 'stroke', prompt };
      }
    }
  }

  private move(event: PointerEvent): void {
    const { stage, gesture } = this;
    const at = stage.onScreen(event);
    stage.hover(event.pointerType === 'touch' ? null : stage.inFrame(event));
    if (this.down.size === 0) stage.canvas.classList.toggle('grip', this.gripUnder(event, at) !== null);
    if (!this.down.has(event.pointerId) || gesture === null) return;
    this.down.set(event.pointerId, at);
    switch (gesture.kind) {
      case 'pan':
        stage.pan({ x: at.x - gesture.last.x, y: at.y - gesture.last.y });
        gesture.last = at;
        return;
      case 'pinch': {
        const [a, b] = [...this.down.values()] as [Point, Point];
        const middle = between(a, b);
        stage.pan({ x: middle.x - gesture.last.x, y: middle.y - gesture.last.y });
        stage.zoom(distance(a, b) / gesture.apart, middle);
        Object.assign(gesture, { last: middle, apart: distance(a, b) });
        return;
      }
      case 'grip':
        if (distance(gesture.start, at) < CLICK * stage.density) return;
        stage.drag(gesture.grip, gesture.grip.kind === 'prompt' ? this.within(event) : stage.inFrame(event));
        return;
      case 'box':
        return stage.draft({ kind: 'box', structure: this.store.state.tools.structure, box: boxBetween(gesture.from, stage.inFrame(event)) });
      case 'length':
        return stage.draftCaliper({ from: gesture.from, to: stage.inFrame(event) });
      case 'stroke': {
        // A pen reports more places than there are frames on the screen.
        const events = event.getCoalescedEvents?.() ?? [];
        for (const one of events.length > 0 ? events : [event]) {
          const { x, y } = stage.inFrame(one);
          gesture.prompt = { ...gesture.prompt, path: [...gesture.prompt.path, [x, y]] };
        }
        return stage.draft(gesture.prompt);
      }
      case 'point':
    }
  }

  private end(event: PointerEvent): void {
    const { stage, gesture } = this;
    if (!this.down.delete(event.pointerId)) return;
    const { structure, tool } = this.store.state.tools;
    const at = stage.onScreen(event);
    stage.draft(null);
    stage.draftCaliper(null);
    stage.letGo();
    this.gesture = null;
    if (gesture?.kind === 'grip') {
      // A click on it leaves it where it is.
      if (distance(gesture.start, at) < CLICK * stage.density) return;
      const { grip } = gesture;
      if (grip.kind === 'prompt') this.edits.replace(grip.prompt, grip.moved(this.within(event)));
      else this.edits.replaceCaliper(grip.caliper, grip.moved(stage.inFrame(event)));
    } else if (gesture?.kind === 'point' && distance(gesture.start, at) < 2 * CLICK * stage.density) {
      const place = stage.inFrame(event);
      if (stage.holds(place)) this.edits.add({ kind: 'point', structure, at: place, inside: gesture.inside });
    } else if (gesture?.kind === 'box' && distance(gesture.start, at) >= CLICK * stage.density) {
      const box = stage.inside(boxBetween(gesture.from, stage.inFrame(event)));
      if (box[0] < box[2] && box[1] < box[3]) this.edits.add({ kind: 'box', structure, box });
    } else if (gesture?.kind === 'length' && distance(gesture.start, at) >= CLICK * stage.density) {
      const length = { from: gesture.from, to: stage.inFrame(event) };
      if (tool === 'scale') this.store.update({ scale_line: length });
      else this.edits.addCaliper(length);
    } else if (gesture?.kind === 'stroke') {
      this.edits.add(gesture.prompt);
    } else if (gesture?.kind === 'pinch') {
      // The finger that stays pans on.
      const [last] = this.down.values();
      if (last !== undefined) this.gesture = { kind: 'pan', last };
    }
  }

  private cancel(event: PointerEvent): void {
    this.down.delete(event.pointerId);
    this.gesture = null;
    this.stage.draft(null);
    this.stage.draftCaliper(null);
    this.stage.letGo();
  }

  private gripUnder(event: PointerEvent, at: Point): Grip | null {
    return gripAt(this.store.state, this.stage.view, at, event.pointerType, this.stage.density);
  }

  /** Where the model sees it: a prompt does not leave the crop. */
  private within(event: PointerEvent): Point {
    const [left, top, right, bottom] = this.store.state.crop;
    const { x, y } = this.stage.inFrame(event);
    return { x: Math.max(left, Math.min(right - 1, x)), y: Math.max(top, Math.min(bottom - 1, y)) };
  }
}

function between(a: Point, b: Point): Point {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
