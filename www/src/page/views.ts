// The page as a function of the state.

import type { ModelCard, Segmentation } from '../shared/api';
import type { Failure } from '../shared/messages';
import type { Actions } from './actions';
import { byId, h, setText } from './dom';
import { bytes, duration, percent, pixels } from './format';
import { contourOf, paintOverlay } from './overlay';
import { canSegment, type State, type Store } from './state';

/** A contour of this share of the longer side stays visible when the picture is scaled to a screen. */
const CONTOUR_SHARE = 1 / 400;

export function watchViews(store: Store, actions: Actions): void {
  store.watch(showStatus);
  store.watch(showFailure);
  store.watch(pictureView());
  store.watch(resultsView(actions));
}

function showStatus(state: State): void {
  const { backend, model, picture, run } = state;
  setText(byId('backend'), backendLine(backend));
  setText(byId('model-status'), modelLine(model));
  const modelProgress = byId<HTMLProgressElement>('model-progress');
  modelProgress.hidden = model.kind !== 'loading';
  if (model.kind === 'loading') modelProgress.value = model.read / Math.max(1, model.file.size);
  setText(byId('picture-status'), pictureLine(picture));
  setText(byId('run-status'), runLine(run));
  byId('run-progress').hidden = run.kind !== 'running';
  byId<HTMLButtonElement>('segment').disabled = !canSegment(state);
  byId('cancel').hidden = run.kind !== 'running';
  setText(byId('notice'), state.notice ?? '');
}

function backendLine(backend: State['backend']): string {
  switch (backend.kind) {
    case 'choosing':
      return 'Looking for the fastest way to compute…';
    case 'chosen':
      return `Computes on ${backend.backend === 'webgpu' ? 'WebGPU' : 'the CPU'}: ${backend.reason}.`;
    case 'failed':
      return backend.failure.message;
  }
}

function modelLine(model: State['model']): string {
  switch (model.kind) {
    case 'none':
      return 'A .safetensors file made by the sam2rad command line.';
    case 'loading':
      return `Reading ${model.file.name}: ${bytes(model.read)} of ${bytes(model.file.size)}`;
    case 'ready': {
      const { card } = model;
      const names = card.structures.map(({ name }) => name).join(', ');
      return `${model.file.name}: ${names}; ${card.architecture.image_encoder} at ${card.image_size} px.`;
    }
    case 'failed':
      return `${model.file.name} was not loaded.`;
  }
}

function pictureLine(picture: State['picture']): string {
  switch (picture.kind) {
    case 'none':
      return 'PNG, JPEG or WebP.';
    case 'opening':
      return `Opening ${picture.file.name}…`;
    case 'ready':
      return `${picture.file.name}: ${picture.bitmap.width} × ${picture.bitmap.height} px.`;
    case 'failed':
      return `${picture.file.name} was not opened.`;
  }
}

function runLine(run: State['run']): string {
  switch (run.kind) {
    case 'idle':
    case 'failed':
      return '';
    case 'running':
      return `Now: ${run.stages.at(-1)?.stage ?? 'start'}…`;
    case 'cancelled':
      return 'Cancelled.';
    case 'done': {
      const present = run.segmentation.structures.filter((found) => found.present);
      const total = run.segmentation.timings.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
      return `${present.length} of ${run.segmentation.structures.length} structures found in ${duration(total)}.`;
    }
  }
}

function showFailure({ backend, model, picture, run }: State): void {
  const failures = [backend, model, picture, run].flatMap((part) => (part.kind === 'failed' ? [part.failure] : []));
  setText(byId('failure'), failures.map(({ message, advice }: Failure) => `${message} ${advice}`).join(' '));
}

/** The picture with the overlay; drawn again only where something that shows has changed. */
function pictureView(): (state: State) => void {
  const canvas = byId<HTMLCanvasElement>('canvas');
  let shown: unknown[] = [];
  let contour: { of: Segmentation; pixels: Uint8Array } | null = null;
  return ({ picture, run, look }) => {
    const bitmap = picture.kind === 'ready' ? picture.bitmap : null;
    const done = run.kind === 'done' ? run : null;
    const now = [bitmap, done, look];
    if (now.every((part, i) => part === shown[i])) return;
    shown = now;
    canvas.hidden = bitmap === null;
    byId('empty').hidden = bitmap !== null;
    if (bitmap === null) return;
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    const context = canvas.getContext('2d')!;
    context.drawImage(bitmap, 0, 0);
    if (done === null) return;
    const { segmentation, card } = done;
    if (contour?.of !== segmentation) {
      const reach = Math.max(1, Math.round(Math.max(bitmap.width, bitmap.height) * CONTOUR_SHARE));
      contour = { of: segmentation, pixels: contourOf(segmentation, reach) };
    }
    const layer = new OffscreenCanvas(segmentation.width, segmentation.height);
    const colors = card.structures.map(({ color }) => color);
    layer.getContext('2d')!.putImageData(paintOverlay(segmentation, contour.pixels, colors, look), 0, 0);
    context.drawImage(layer, 0, 0);
  };
}

/** The structures with their figures; built anew for a new result only, so that the keyboard keeps its place. */
function resultsView(actions: Actions): (state: State) => void {
  let shown: Segmentation | null = null;
  return ({ run, look }) => {
    byId<HTMLInputElement>('opacity').valueAsNumber = look.opacity;
    const done = run.kind === 'done' ? run : null;
    byId('results').hidden = done === null;
    setText(byId('training-data'), done === null ? '' : `Training data: ${done.card.training_data || 'not stated'}.`);
    if (done === null || done.segmentation === shown) return;
    shown = done.segmentation;
    byId('structures').replaceChildren(...structureRows(done.segmentation, done.card, look.hidden, actions));
    const rows = done.segmentation.timings.map(({ stage, milliseconds }) =>
      h('tr', {}, h('th', { scope: 'row' }, stage.replaceAll('_', ' ')), h('td', {}, duration(milliseconds))),
    );
    byId<HTMLTableElement>('timings').tBodies[0]!.replaceChildren(...rows);
  };
}

function structureRows({ structures }: Segmentation, card: ModelCard, hidden: ReadonlySet<number>, actions: Actions): HTMLElement[] {
  return structures.map(({ structure, present, iou, object_score, area_px }) => {
    const { name, color } = card.structures[structure]!;
    const box = h('input', { type: 'checkbox', checked: !hidden.has(structure), disabled: !present });
    box.addEventListener('change', () => actions.setVisible(structure, box.checked));
    const swatch = h('span', { className: 'swatch' });
    swatch.style.backgroundColor = `rgb(${color.join(' ')})`;
    const probability = 1 / (1 + Math.exp(-object_score));
    const figures = present ? `IoU ${percent(iou)}, presence ${percent(probability)}, ${pixels(area_px)}` : `absent (presence ${percent(probability)})`;
    return h('li', {}, h('label', {}, box, swatch, h('span', { className: 'name' }, name)), h('span', { className: 'figures' }, figures));
  });
}
