// A question that has to be answered before the page goes on, such as whether unsaved work may be replaced.

import type { App } from '../app';
import { h } from '../dom';

export function askDialog({ store }: App): HTMLDialogElement {
  const text = h('p');
  const yes = h('button', { type: 'submit', value: 'yes' });
  const no = h('button', { type: 'submit', value: 'no', className: 'primary', autofocus: true }, 'Cancel');
  const dialog = h('dialog', { id: 'ask' }, h('form', { method: 'dialog' }, text, h('div', { className: 'buttons' }, yes, no)));
  dialog.setAttribute('aria-label', 'Please decide');
  // Escape closes it too, and means no.
  dialog.addEventListener('close', () => store.state.asking?.answer(dialog.returnValue === 'yes'));
  store.watch(({ asking }) => [asking], (_, asking) => {
    if (asking === null) return dialog.open ? dialog.close() : undefined;
    text.textContent = asking.text;
    yes.textContent = asking.yes;
    dialog.returnValue = 'no';
    if (!dialog.open) dialog.showModal();
  });
  return dialog;
}
