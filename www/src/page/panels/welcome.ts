// What stands on the stage before anything is open: one thing to press, and the ways to open one's own.

import type { App } from '../app';
import { h } from '../dom';
import { textButton } from './parts';

export function welcome(app: App): HTMLElement {
  const demos = h('div', { className: 'welcome-demos' });
  const own = h('div', { className: 'buttons' });
  const open = textButton('Open pictures, a video, or DICOM', 'file', () => document.getElementById('files')?.click());
  own.append(open, textButton('Camera', 'camera', () => void app.openCamera(null)), textButton('Share a screen', 'screen', () => void app.openScreen()));
  const element = h(
    'div',
    { id: 'welcome', className: 'welcome' },
    h('h2', {}, 'Bones, outlined in ultrasound'),
    h('p', {}, 'A model finds structures in ultrasound with no prompt; you correct it with a click. It runs here, in this tab: nothing you open leaves this machine.'),
    demos,
    own,
    h('p', { className: 'hint' }, 'Or drop files and folders anywhere.'),
  );
  app.store.watch(({ shipped }) => [shipped.demos], (_, entries) => {
    demos.hidden = entries.length === 0;
    open.classList.toggle('primary', entries.length === 0);
    const [first, ...others] = entries.map((demo) => ({ demo, run: () => void app.openDemo(demo) }));
    demos.replaceChildren();
    if (first === undefined) return;
    const main = textButton(`See it work: ${first.demo.title}`, 'play', first.run);
    main.id = 'see-it-work';
    main.classList.add('primary', 'big');
    demos.append(main, h('div', { className: 'buttons' }, ...others.map(({ demo, run }) => textButton(demo.title, 'play', run))));
  });
  app.store.watch(({ shown, opening }) => [shown === null && opening === null], (_, empty) => {
    element.hidden = !empty;
  });
  return element;
}
