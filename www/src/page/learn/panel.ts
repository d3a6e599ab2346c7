// Structures of a person's own: labelled on a few frames, learnt by a model on this device.

import { FEWEST, notesAfter, notesBefore, wantedFrames } from '../../learn/advice';
import type { OwnStructure } from '../../learn/labels';
import { sizeOf } from '../../shared/geometry';
import type { App } from '../app';
import { h, setText } from '../dom';
import { isCine } from '../sources/types';
import { cardOf, cropAt, type State } from '../state';
import { failureOf } from '../../shared/messages';
import { download } from '../panels/download';
import { fileButton, iconButton, textButton, toggle } from '../panels/parts';
import type { Learning } from './learning';
import { progressOfLearning } from './progress';

/** What the Learn panel consists of. */
export function learnPanel(app: App, learning: Learning): HTMLElement[] {
  const { store, session } = app;
  const list = h('ul', { id: 'own-structures', className: 'structures' });
  const name = h('input', { id: 'own-name', type: 'text', placeholder: 'Name of a structure', maxLength: 60 });
  name.ariaLabel = 'Name of a structure of your own';
  const notAdded = h('p', { id: 'own-refused', className: 'quiet' });
  notAdded.role = 'status';
  const form = h('form', { className: 'row' }, name, h('button', { id: 'own-add', type: 'submit' }, 'Add'));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const added = learning.addStructure(name.value);
    setText(notAdded, added ? '' : name.value.trim() === '' ? 'Give the structure a name.' : 'There is a structure of that name already.');
    if (added) name.value = '';
  });

  const outline = textButton('Outline it', 'inside', () => learning.outline());
  outline.id = 'label-outline';
  outline.title = 'Click on the structure, off it to correct, or use the box and the brush: your prompts alone count, whatever the model knows';
  const accept = textButton('Accept mask', 'all', () => setText(said, learning.accept() ?? ''));
  accept.id = 'label-accept';
  const draw = textButton('Draw it', 'brush', () => learning.draw());
  draw.id = 'label-draw';
  draw.title = 'Go around the structure with the brush, back to where you began, or tap the corners of a polygon: no model is asked';
  const drawing = textButton('Accept drawing', 'all', () => setText(said, learning.acceptDrawing() ?? ''));
  drawing.id = 'label-accept-drawing';
  drawing.title = 'What you drew becomes the label: outlines and polygons are filled, the eraser takes away';
  const absent = textButton('Not in this frame', null, () => learning.absent());
  absent.id = 'label-absent';
  const remove = textButton('Remove label', 'clear', () => learning.removeLabel());
  remove.id = 'label-remove';
  const said = h('p', { id: 'label-said', className: 'quiet' });
  said.role = 'status';
  const place = h('p', { id: 'label-place' });
  place.role = 'status';
  const next = textButton('', 'forward', () => {
    const { proposed } = learning;
    if (proposed === null) return;
    session.pause();
    void session.seek(proposed.index);
  });
  next.id = 'label-next';
  const labelling = h('div', { className: 'stack' }, h('div', { className: 'buttons small' }, outline, accept, draw, drawing, absent, remove), said, place, h('div', { className: 'row' }, next));

  const notes = h('ul', { id: 'learn-notes', className: 'notes' });
  const keep = toggle('learn-keep', 'Keep what the model knows', null, () => undefined);
  keep.element.title = 'Its own structures stay: on frames where you did not label them, its masks are learnt as they are';
  const start = textButton('Learn', 'model', () => void learning.learn({ keep: keep.input.checked, ...stepsAsked() }));
  start.id = 'learn';
  start.classList.add('primary');
  const refused = (error: unknown) => store.fail('learn', failureOf(error));
  const save = textButton('Save labels (ZIP)', 'save', () => void archives().then(({ labelledSet }) => labelledSet(app)).then(download, refused));
  save.id = 'labels-save';
  save.title = 'The labelled frames and their labels in the folders that a trainer reads: Train/imgs, Train/gts, dataset.json';
  const open = fileButton('labels-file', 'Open labelled set (ZIP)', 'file', { accept: '.zip' }, ([file]) => void archives().then(({ openLabelledSet }) => openLabelledSet(app, learning, file!)).catch(refused));
  const before = h('div', { className: 'stack' }, notes, keep.element, h('div', { className: 'buttons small' }, start, save));

  let own: readonly OwnStructure[] = [];
  const show = (state: State) => {
    const { source, history, labelling: active, model, shown, learning: now } = state;
    const { labels } = history.present;
    const open = source.kind === 'open' && 'frames' in source.source ? source.source : null;
    if (labels.structures !== own) {
      own = labels.structures;
      list.replaceChildren(...own.map((structure) => row(learning, structure)));
    }
    for (const input of list.querySelectorAll<HTMLInputElement>('input[type=radio]')) {
      input.checked = input.value === active;
      input.closest('li')!.classList.toggle('active', input.checked);
    }
    const label = shown === null ? undefined : labels.frames.get(shown.frame.index);
    const done = active === null ? [] : [...labels.frames].filter(([, { masks }]) => masks.has(active));
    form.hidden = open === null;
    labelling.hidden = open === null || active === null || model.kind !== 'ready';
    for (const button of [accept, absent, remove, outline, draw, drawing]) button.disabled = shown === null;
    const strokes = shown === null ? [] : (history.present.prompts.get(shown.frame.index) ?? []).filter(({ kind }) => kind === 'stroke');
    drawing.hidden = strokes.length === 0;
    remove.hidden = active === null || label?.masks.has(active) !== true;
    if (active !== null) accept.querySelector('span')!.textContent = `Accept as ${active}`;
    const prompted = cardOf(state)?.structures[state.tools.structure]?.name;
    accept.title = prompted === undefined ? '' : `The mask that has the place of ${prompted} on this frame becomes the label`;
    const recording = open !== null && isCine(open);
    const more = Math.max(0, wantedFrames(recording) - done.length);
    setText(place, active === null ? '' : `${active}: ${done.length === 1 ? 'one frame' : `${done.length} frames`} labelled. ${more === 0 ? 'Enough to learn from; more make it better.' : `${more === 1 ? 'One' : more} more would be good.`}`);
    const { proposed } = learning;
    next.hidden = proposed === null || open === null || open.frames < 2;
    if (proposed !== null) next.querySelector('span')!.textContent = `Next: frame ${proposed.index + 1} (${proposed.why === 'least sure' ? 'the model is least sure' : 'most unlike those labelled'})`;
    const wasPressed = before.contains(document.activeElement);
    before.hidden = labels.frames.size === 0 || now.kind === 'running' || now.kind === 'broken-off' || model.kind !== 'ready' || open === null;
    // The focus goes to what takes the place of the button that was pressed.
    if (wasPressed && now.kind === 'running') queueMicrotask(() => document.getElementById('learn-pause')?.focus());
    if (before.hidden || model.kind !== 'ready') return;
    const frames = [...labels.frames].map(([index, label]) => ({ index, label, seen: sizeOf(cropAt(state, index, label.size)), print: state.prints.get(index) ?? null }));
    notes.replaceChildren(...notesBefore(frames, labels.structures, model.card.image_size, recording).map((note) => h('li', {}, note)));
    start.title = labels.frames.size < FEWEST ? 'It can be tried; the lines above say what to expect' : '';
  };
  store.watch((state) => [state.source, state.history, state.labelling, state.model, state.shown, state.prints, state.learning.kind, state.answered, state.tools.structure], (state, ..._parts) => show(state));
  // What was learnt here is kept where another structure is added.
  store.watch((state) => [cardOf(state), state.learnt_models], (_, card, models) => {
    keep.input.checked = card !== null && models.some((model) => card.structures.length === model.structures.length && card.structures.every(({ name }, i) => name === model.structures[i]!.name));
  });

  const progress = progressOfLearning(app, learning);
  let pressed: EventTarget | null = null;
  document.addEventListener('focusin', ({ target }) => (pressed = target));
  const lines = h('ul', { className: 'notes' });
  const after = h('div', { id: 'learnt-notes', tabIndex: -1 }, lines);
  after.role = 'status';
  store.watch((state) => [state.learning], (_, now) => {
    after.hidden = now.kind !== 'learnt';
    if (now.kind !== 'learnt') return;
    lines.replaceChildren(...notesAfter(now.model.dice, now.model.held_back, now.model.one_recording).map((note) => h('li', {}, note)));
    // The buttons of the training go, and with them the focus of whoever is there.
    if (pressed instanceof Node && progress.contains(pressed)) queueMicrotask(() => after.focus({ preventScroll: true }));
  });
  return [h('div', { className: 'buttons small' }, open), list, form, notAdded, labelling, before, progress, after];
}

/** What packs and unpacks archives is fetched when it is first needed. */
function archives() {
  return import('./labelled-set');
}

/** `?steps=8` in the address: for those who try the page, and for its tests. */
function stepsAsked(): { steps?: number } {
  const steps = Number(new URLSearchParams(location.search).get('steps'));
  return Number.isInteger(steps) && steps > 0 ? { steps } : {};
}

function row(learning: Learning, { name, color }: OwnStructure): HTMLElement {
  const choose = h('input', { type: 'radio', name: 'own-structure', value: name, className: 'visually-hidden' });
  choose.addEventListener('change', () => learning.choose(name));
  const chooseColor = h('input', { type: 'color', value: color });
  chooseColor.ariaLabel = `Colour of ${name}`;
  chooseColor.addEventListener('change', () => learning.color(name, chooseColor.value));
  return h('li', {}, chooseColor, h('label', {}, choose, h('span', { className: 'name' }, name)), iconButton('clear', `Remove ${name} and its labels`, null, () => learning.removeStructure(name)));
}
