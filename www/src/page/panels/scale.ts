// Scale by hand: a person draws along a length that they know, such as a depth ruler, and says how long it is.

import type { App } from '../app';
import { h, setText } from '../dom';
import { isFinite } from '../sources/types';
import { EVERY_PICTURE } from '../prompts/history';
import { handScaleAt, takesHandScale } from '../work/pixels';
import { textButton } from './parts';

export function scaleByHand({ store, edits }: App): HTMLElement {
  const line = h('p', { id: 'scale-line', className: 'quiet' });
  const set = textButton('Set scale by hand', 'scale', () => edits.setTools({ tool: store.state.tools.tool === 'scale' ? 'select' : 'scale' }));
  set.id = 'set-scale';
  const remove = textButton('Remove scale', 'clear', () => edits.removeScale());
  remove.id = 'remove-scale';
  const row = h('div', { className: 'buttons small' }, set, remove);

  const mm = h('input', { id: 'scale-mm', type: 'number', min: '0.1', max: '1000', step: 'any', required: true });
  const all = h('input', { id: 'scale-all', type: 'checkbox' });
  const every = h('label', { className: 'toggle' }, h('span', {}, 'For all pictures that are open'), all);
  const cancel = h('button', { type: 'button' }, 'Cancel');
  const form = h(
    'form',
    { method: 'dialog' },
    h('h2', {}, 'How long is the line?'),
    h('label', { className: 'toggle' }, h('span', {}, 'Length in mm'), mm),
    every,
    h('div', { className: 'buttons' }, h('button', { type: 'submit', className: 'primary' }, 'Set scale'), cancel),
  );
  const dialog = h('dialog', { id: 'scale-dialog' }, form);
  dialog.setAttribute('aria-label', 'How long is the line?');
  form.addEventListener('submit', () => {
    const { shown } = store.state;
    if (shown !== null && mm.valueAsNumber > 0) edits.setScale(mm.valueAsNumber, all.checked ? EVERY_PICTURE : shown.frame.key);
    edits.setTools({ tool: 'select' });
  });
  cancel.addEventListener('click', () => dialog.close());
  // By Escape, by the button, or once the scale is set.
  dialog.addEventListener('close', () => store.state.scale_line !== null && store.update({ scale_line: null }));
  document.body.append(dialog);

  store.watch(({ scale_line }) => [scale_line === null], ({ source }, none) => {
    if (none || dialog.open) return;
    every.hidden = source.kind !== 'open' || !isFinite(source.source) || source.source.kind !== 'pictures' || source.source.frames < 2;
    all.checked = false;
    mm.value = '';
    dialog.showModal();
    mm.focus();
  });
  store.watch(
    (state) => [state.shown !== null && takesHandScale(state), state.tools.tool === 'scale', state.shown === null ? null : handScaleAt(state, state.shown.frame.index, state.shown.frame.picture)],
    (_, takes, setting, scale) => {
      row.hidden = !takes;
      set.ariaPressed = String(setting);
      remove.hidden = scale === null;
      if (row.hidden) return setText(line, '');
      if (setting) return setText(line, 'Drag along a length that you know, such as the depth ruler.');
      setText(line, scale === null ? '' : `Scale by hand: the line that you drew is ${scale.mm} mm.`);
    },
  );
  return h('div', {}, line, row);
}
