// What failed and what happened by itself, each until it is dismissed or overcome.

import type { App } from '../app';
import { h } from '../dom';
import type { FailureArea } from '../state';
import { iconButton, textButton } from './parts';

export function alerts({ store, engine }: App): HTMLElement {
  const failures = h('div', { id: 'failure' });
  failures.role = 'alert';
  const notice = h('div', { id: 'notice' });
  notice.role = 'status';
  store.watch(({ failures: found, backend }) => [found, backend], (_, found, backend) => {
    const rows = Object.entries(found).map(([name, { message, advice, ways }]) => {
      const area = name as FailureArea;
      const row = alert('failure', `${message} ${advice}`, () => store.fail(area, null));
      for (const { text, origin, image_size } of ways ?? []) {
        const goOn = () => {
          store.fail(area, null);
          void engine.load(origin, image_size);
        };
        row.lastElementChild!.before(textButton(text, null, goOn));
      }
      return row;
    });
    if (backend.kind === 'failed') rows.unshift(h('p', { className: 'failure' }, `${backend.failure.message} ${backend.failure.advice}`));
    failures.replaceChildren(...rows);
  });
  store.watch(({ notice: text }) => [text], (_, text) => {
    notice.replaceChildren(...(text === null ? [] : [alert('notice', text, () => store.update({ notice: null }))]));
  });
  return h('div', { className: 'alerts' }, failures, notice);
}

function alert(kind: 'failure' | 'notice', text: string, dismiss: () => void): HTMLElement {
  return h('p', { className: kind }, h('span', {}, text), iconButton('close', 'Dismiss', null, dismiss));
}
