// The keyboard map: one table, from which keys work and the help dialog is written.

import type { App } from './app';
import { h } from './dom';
import { toggle } from './panels/parts';
import { TOOLS } from './panels/toolbar';
import type { Stage } from './stage/stage';
import { isReviewed } from './work/answered';
import { takesHandScale } from './work/pixels';

interface Shortcut {
  /** As `event.key` has it, lower case where it is a letter; `ctrl+` and `shift+` before it. */
  keys: readonly string[];
  shown: string;
  what: string;
  run(): unknown;
}

export function shortcuts(app: App, stage: Stage, help: () => void): Shortcut[] {
  const { session, edits, store } = app;
  const one = (key: string, what: string, run: () => unknown, shown = key.toUpperCase()): Shortcut => ({ keys: [key], shown, what, run });
  const last = () => (session.finite?.frames ?? 1) - 1;
  const brush = (by: number) => edits.setTools({ brush_radius: Math.max(1, Math.min(64, Math.round(store.state.tools.brush_radius * by + Math.sign(by - 1)))) });
  const tools = TOOLS.map(([tool, what, key]) => one(key.toLowerCase(), what, () => (tool !== 'scale' || takesHandScale(store.state)) && edits.setTools({ tool })));
  return [
    ...tools,
    { keys: ['1', '2', '3', '4', '5', '6', '7', '8', '9'], shown: '1 – 9', what: 'The structure that prompts are for', run: () => undefined },
    one('[', 'Smaller brush', () => brush(0.8)),
    one(']', 'Larger brush', () => brush(1.25)),
    one('ctrl+z', 'Undo', () => edits.undo(), 'Ctrl Z'),
    { keys: ['ctrl+shift+z', 'ctrl+y'], shown: 'Ctrl Shift Z', what: 'Redo', run: () => edits.redo() },
    { keys: ['delete', 'backspace'], shown: 'Delete', what: 'Clear the prompts of this frame', run: () => edits.clear() },
    one('m', 'Your prompts alone', () => edits.setTools({ manual: !store.state.tools.manual })),
    one('k', 'Keep prompts on the next frames', () => edits.setTools({ carry: !store.state.tools.carry })),
    one('r', 'Masks of this frame reviewed', () => edits.setReviewed(!isReviewed(store.state))),
    one('h', 'Hide or show all masks', () => app.toggleOverlay()),
    one('n', 'Names of the structures', () => app.setLook({ names: !store.state.look.names })),
    one('x', 'Box the model expected', () => app.setLook({ predicted_box: !store.state.look.predicted_box })),
    one('f', 'Fit the picture', () => stage.fit()),
    { keys: ['+', '='], shown: '+', what: 'Zoom in', run: () => stage.zoom(1.25) },
    one('-', 'Zoom out', () => stage.zoom(0.8)),
    one(' ', 'Play or pause; held, dragging moves the picture', () => app.togglePlay(), 'Space'),
    one('arrowleft', 'One frame back', () => void session.step(-1), '←'),
    one('arrowright', 'One frame on', () => void session.step(1), '→'),
    one('home', 'First frame', () => void session.seek(0), 'Home'),
    one('end', 'Last frame', () => void session.seek(last()), 'End'),
    one('l', 'Loop', () => session.setPlayback({ loop: !store.state.playback.loop })),
    { keys: [], shown: 'Enter', what: 'On the picture, with a tool: a cross that arrows move (with Shift finely); Enter adds a point there, or begins and ends what is drawn; Escape puts it away', run: () => undefined },
    one('?', 'This help', help),
  ];
}

export function listen(app: App, stage: Stage, help: () => void): void {
  const byKey = new Map<string, Shortcut>();
  for (const shortcut of shortcuts(app, stage, help)) for (const key of shortcut.keys) byKey.set(key, shortcut);
  let spaceAt: number | null = null;

  addEventListener('keydown', (event) => {
    if (event.altKey || belongsTo(event.target, event.key)) return;
    const digit = Number(event.key);
    if (event.key === ' ') {
      event.preventDefault();
      spaceAt ??= performance.now();
      stage.pointers.holdPan(true);
      return;
    }
    const control = event.ctrlKey || event.metaKey;
    if (!control && event.key.length === 1 && !singleKeys()) return;
    const key = event.key.toLowerCase();
    const shortcut = byKey.get(`${control ? 'ctrl+' : ''}${control && event.shiftKey ? 'shift+' : ''}${key}`);
    if (shortcut === undefined) return;
    event.preventDefault();
    const { model } = app.store.state;
    if (digit >= 1) {
      if (model.kind === 'ready' && digit <= model.card.structures.length) app.edits.setTools({ structure: digit - 1 });
    } else shortcut.run();
  });
  addEventListener('keyup', (event) => {
    if (event.key !== ' ' || spaceAt === null) return;
    spaceAt = null;
    if (!stage.pointers.holdPan(false)) app.togglePlay();
  });
}

/** Whether a key does something of its own where the focus is: in a dialog, a field, a slider or a list, along a row of choices, on a button. */
function belongsTo(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest('dialog') !== null) return true;
  if (target.matches('select, textarea, input:not([type=checkbox], [type=radio], [type=file])')) return true;
  if (target.matches('input[type=radio]') && key.startsWith('Arrow')) return true;
  return key === ' ' && target.matches('button, summary, a, input, label');
}

const SINGLE_KEYS = 'sam2rad single keys';

/** Letters and signs alone are shortcuts, unless a person switched them off: whoever speaks to the computer sends many by chance. */
function singleKeys(): boolean {
  try {
    return localStorage.getItem(SINGLE_KEYS) !== 'off';
  } catch {
    return true;
  }
}

function setSingleKeys(on: boolean): void {
  try {
    if (on) localStorage.removeItem(SINGLE_KEYS);
    else localStorage.setItem(SINGLE_KEYS, 'off');
  } catch {
    // A browser that keeps nothing keeps no choice either.
  }
}

export function helpDialog(rows: readonly { shown: string; what: string }[]): HTMLDialogElement {
  const close = h('button', { type: 'submit' }, 'Close');
  const keys = h('dl', { className: 'keys' }, ...rows.map(({ shown, what }) => h('div', {}, h('dt', {}, h('kbd', {}, shown)), h('dd', {}, what))));
  const single = toggle('single-keys', 'Letters and signs alone are shortcuts', null, setSingleKeys);
  single.input.checked = singleKeys();
  const dialog = h(
    'dialog',
    { id: 'help' },
    h('form', { method: 'dialog', className: 'dialog-head' }, h('h2', {}, 'Keys and gestures'), close),
    single.element,
    keys,
    h('p', {}, 'Click or tap adds a point; the right button or Alt turns it to the other side. The wheel or two fingers zoom, the middle button or two fingers move the picture, a double click with the hand fits it.'),
  );
  dialog.setAttribute('aria-label', 'Keys and gestures');
  return dialog;
}
