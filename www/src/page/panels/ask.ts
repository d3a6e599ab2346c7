// A question that has to be answered before the page goes on, such as whether unsaved work may be replaced.

import type { App } from '../app';
import { h } from '../dom';

export function askDialog({ store }: App): HTMLDialogElement {
  const text = h('p');
  const yes = h('button', { type: 'submit' });
  const no = h('button', { type: 'submit', className: 'primary', autofocus: true }, 'Cancel');
  const form = h('form', { method: 'dialog' }, text, h('div', { className: 'buttons' }, yes, no));
  const dialog = h('dialog', { id: 'ask' }, form);
  dialog.setAttribute('aria-label', 'Please decide');
  // Not by the dialog's own `close`, which comes a frame later and could answer the next question.
  form.addEventListener('submit', ({ submitter }) => store.state.asking?.answer(submitter === yes));
  // Escape means no.
  dialog.addEventListener('cancel', () => store.state.asking?.answer(false));
  store.watch(({ asking }) => [asking], (_, asking) => {
    if (asking === null) return dialog.open ? dialog.close() : undefined;
    text.textContent = asking.text;
    yes.textContent = asking.yes;
    if (!dialog.open) dialog.showModal();
  });
  return dialog;
}
