// The stage: a canvas at device pixels that follows the state, and how the picture lies on it.

import { inBox, isInside, wholeOf, type Box, type Point } from '../../shared/geometry';
import type { Edits } from '../prompts/edits';
import type { Prompt } from '../prompts/prompts';
import { lengthText, PIXELS, pixelShape, type PixelSize } from '../../measure/spacing';
import { cardOf, currentCalipers, currentPrompts, type Caliper, type State } from '../state';
import type { Store } from '../store';
import { CropHandles } from './crop-handles';
import { GrafHandles } from './graf-handles';
import { Handles } from './handles';
import { KeyboardCursor } from './cursor';
import { draw, drawnAnswer, type DrawnLabel, type Length, type Scene } from './draw';
import type { Grip } from './grips';
import { Pointers } from './pointer';
import { handScaleAt, pixelsShown } from '../work/pixels';
import { standardLines } from '../work/standard';
import { fitted, panned, toFrame, toStage, zoomed, type View } from './view';

export class Stage {
  readonly pointers: Pointers;
  private readonly cropping: CropHandles;
  private readonly handles: Handles;
  private readonly grafHandles: Handles;
  private readonly context: CanvasRenderingContext2D;
  view: View = { scale: 1, shape: PIXELS, x: 0, y: 0 };
  /** Until a person zooms or pans, the picture stays fitted, whatever its size and the window's are. */
  private fits = true;
  private drafted: Prompt | null = null;
  private draftedCaliper: Caliper | null = null;
  private held: Grip | null = null;
  private pointer: Point | null = null;
  private due = false;
  density = devicePixelRatio;

  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly store: Store,
    edits: Edits,
  ) {
    this.context = canvas.getContext('2d')!;
    this.pointers = new Pointers(this, store, edits);
    this.cropping = new CropHandles(store, edits, () => this.redraw());
    this.handles = new Handles(this.cropping, () => this);
    this.grafHandles = new Handles(new GrafHandles(store, edits), () => this);
    const cursor = new KeyboardCursor(canvas, store, ({ x, y }) => this.describe(toFrame(this.view, { x: x * this.density, y: y * this.density })));
    canvas.after(this.handles.element, this.grafHandles.element, cursor.element, cursor.spoken);
    new ResizeObserver(() => this.resize()).observe(canvas);
    store.watch(({ shown }) => [shown?.frame.picture.width, shown?.frame.picture.height, shown === null], () => this.layOut());
    store.watch(({ source }) => [source], () => this.fit());
    store.watch(({ place }) => [place], (_, place) => place !== null && this.showPlace(place));
    store.watch(
      ({ shown, model, look, history, scale_line, graf_draft, crop, tools, playback, comparison }) => [shown, model, look, history, scale_line, graf_draft, crop, tools, playback.playing, comparison],
      () => this.redraw(),
    );
  }

  fit(): void {
    this.fits = true;
    this.layOut();
  }

  /** What of the picture is seen: the magnification, 1 where all of it is, and the place in the middle, 0 to 1 of its width and height. */
  get place(): { zoom: number; x: number; y: number } {
    const { picture, canvas, view } = this;
    if (picture === null) return { zoom: 1, x: 0.5, y: 0.5 };
    const middle = toFrame(view, { x: canvas.width / 2, y: canvas.height / 2 });
    return { zoom: view.scale / fitted(picture, canvas, this.shape).scale, x: middle.x / picture.width, y: middle.y / picture.height };
  }

  showPlace({ zoom, x, y }: { zoom: number; x: number; y: number }): void {
    const { picture, canvas } = this;
    if (picture === null || (Math.abs(zoom - 1) < 1e-3 && Math.abs(x - 0.5) < 1e-3 && Math.abs(y - 0.5) < 1e-3)) return this.fit();
    this.fit();
    this.zoom(zoom);
    const middle = toStage({ ...this.view, x: 0, y: 0 }, { x: x * picture.width, y: y * picture.height });
    this.view = panned({ ...this.view, x: canvas.width / 2 - middle.x, y: canvas.height / 2 - middle.y }, { x: 0, y: 0 }, picture, canvas);
    this.redraw();
  }

  zoom(factor: number, at: Point = { x: this.canvas.width / 2, y: this.canvas.height / 2 }): void {
    const { picture } = this;
    if (picture === null) return;
    this.fits = false;
    const farthest = fitted(picture, this.canvas, this.shape).scale / 4;
    this.view = panned(zoomed(this.view, factor, at, farthest), { x: 0, y: 0 }, picture, this.canvas);
    this.redraw();
  }

  pan(by: Point): void {
    const { picture } = this;
    if (picture === null) return;
    this.fits = false;
    this.view = panned(this.view, by, picture, this.canvas);
    this.redraw();
  }

  draft(prompt: Prompt | null): void {
    this.drafted = prompt;
    this.redraw();
  }

  draftCaliper(caliper: Caliper | null): void {
    this.draftedCaliper = caliper;
    this.redraw();
  }

  /** Something is being moved: it is drawn where the pointer is, and not where it was. */
  drag(grip: Grip, to: Point): void {
    this.held = grip;
    if (grip.kind === 'prompt') this.draft(grip.moved(to));
    else this.draftCaliper(grip.moved(to));
  }

  letGo(): void {
    this.held = null;
    this.redraw();
  }

  hover(at: Point | null): void {
    this.pointer = at;
    const { tool } = this.store.state.tools;
    if (tool === 'brush' || tool === 'eraser') this.redraw();
  }

  /** Where an event is on the canvas, in device pixels. */
  onScreen(event: MouseEvent): Point {
    const { left, top } = this.canvas.getBoundingClientRect();
    return { x: (event.clientX - left) * this.density, y: (event.clientY - top) * this.density };
  }

  inFrame(event: MouseEvent): Point {
    return toFrame(this.view, this.onScreen(event));
  }

  /** Whether the model sees this place. */
  holds(at: Point): boolean {
    return inBox(at, this.store.state.crop);
  }

  /** The part of a box that the model sees. */
  inside([left, top, right, bottom]: Box): Box {
    const [cropLeft, cropTop, cropRight, cropBottom] = this.store.state.crop;
    return [Math.max(left, cropLeft), Math.max(top, cropTop), Math.min(right, cropRight), Math.min(bottom, cropBottom)];
  }

  private get picture(): ImageBitmap | null {
    return this.store.state.shown?.frame.picture ?? null;
  }

  /** A place of the frame in words: where it is, and on which structure. */
  private describe({ x, y }: Point): string {
    const { shown } = this.store.state;
    const card = cardOf(this.store.state);
    const place = `${Math.floor(x)} across, ${Math.floor(y)} down`;
    if (shown === null || !inBox({ x, y }, wholeOf(shown.frame.picture))) return `${place}, outside the picture`;
    const answer = drawnAnswer(shown.answer, card);
    const on = answer?.structures.find(({ present, contours }) => present && isInside({ x, y }, contours));
    return on === undefined ? `${place}, on no structure` : `${place}, on ${card!.structures[on.structure]!.name}`;
  }

  /** Distances taken on this frame; with the tool for it, the length that the scale was set by. */
  private lengths(): Length[] {
    const { state } = this.store;
    const { shown, tools, scale_line } = state;
    const pixels = pixelsShown(state);
    const drawn = currentCalipers(state).filter((caliper) => this.held?.kind !== 'caliper' || caliper !== this.held.caliper).map((caliper) => ({ ...caliper, text: lengthText(caliper.from, caliper.to, pixels) }));
    const taken = [...standardLines(state), ...drawn];
    const { draftedCaliper: draft } = this;
    if (tools.tool !== 'scale') return draft === null ? taken : [...taken, { ...draft, text: lengthText(draft.from, draft.to, pixels) }];
    const line = draft ?? scale_line;
    if (line !== null) return [...taken, { ...line, text: '? mm' }];
    const scale = handScaleAt(state, shown!.frame.index, shown!.frame.picture);
    return scale === null ? taken : [...taken, { ...scale, text: `${scale.mm} mm` }];
  }

  private get shape(): PixelSize {
    const { source } = this.store.state;
    return source.kind === 'open' ? pixelShape(source.source.pixel_aspect) : PIXELS;
  }

  private resize(): void {
    const { canvas } = this;
    this.density = devicePixelRatio;
    const width = Math.max(1, Math.round(canvas.clientWidth * this.density));
    const height = Math.max(1, Math.round(canvas.clientHeight * this.density));
    if (canvas.width !== width || canvas.height !== height) {
      // What a person had zoomed to stays in the middle, as large a part of the stage as before.
      const { fits, place } = this;
      Object.assign(canvas, { width, height });
      if (!fits) this.showPlace(place);
    }
    this.layOut();
    this.paint();
  }

  private layOut(): void {
    const { picture, canvas } = this;
    if (picture !== null) this.view = this.fits ? fitted(picture, canvas, this.shape) : panned(this.view, { x: 0, y: 0 }, picture, canvas);
    this.redraw();
  }

  private redraw(): void {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    this.due = false;
    const { state } = this.store;
    const { picture } = this;
    if (picture === null) {
      this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      this.handles.place(false);
      this.grafHandles.place(false);
      return;
    }
    const { tool, brush_radius: radius } = state.tools;
    const brushing = (tool === 'brush' || tool === 'eraser') && this.pointer !== null;
    draw(this.context, {
      picture,
      view: this.view,
      moving: state.playback.playing,
      density: this.density,
      card: cardOf(state),
      answer: drawnAnswer(state.shown?.answer ?? null, cardOf(state)),
      look: state.look,
      before: beforeOf(state),
      prompts: currentPrompts(state).filter((prompt) => this.held?.kind !== 'prompt' || prompt !== this.held.prompt),
      lengths: this.lengths(),
      labels: labelsShown(state),
      draft: this.drafted,
      crop: this.cropping.crop,
      cropping: tool === 'crop',
      brush: brushing ? { at: this.pointer!, radius } : null,
    });
    this.handles.place(tool === 'crop');
    this.grafHandles.place(tool === 'select' && !state.playback.playing);
  }
}

/** Of the frame on the stage. */
function labelsShown({ shown, history }: State): DrawnLabel[] {
  const { structures, frames } = history.present.labels;
  const label = shown === null ? undefined : frames.get(shown.frame.index);
  if (label === undefined) return [];
  return structures.flatMap(({ name, color }) => {
    const mask = label.masks.get(name);
    return mask === undefined ? [] : [{ color, size: label.size, mask }];
  });
}

/** The base model's answer, where it is of the frame on the stage. */
function beforeOf({ comparison, shown }: State): Scene['before'] {
  if (comparison?.answer == null || comparison.answer.frame !== shown?.frame) return null;
  return { card: comparison.card, answer: comparison.answer, share: comparison.share };
}
