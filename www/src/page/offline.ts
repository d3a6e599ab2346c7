// Has the service worker keep the whole page for use without a network, says once it does, and offers a new version when there is one.

import { Workbox } from 'workbox-window';
import type { FromServiceWorker, ToServiceWorker } from '../service-worker/messages';
import { baseUrl } from '../shared/base-url';
import type { App } from './app';
import { savesData } from './connection';
import { h, setText } from './dom';
import { bytes } from './format';
import { textButton } from './panels/parts';

export function offlineLine({ store }: App): HTMLElement {
  const line = h('p', { id: 'offline', className: 'quiet' });
  line.role = 'status';
  const actions = h('div', { className: 'buttons small' });
  const element = h('div', { className: 'offline' }, line, actions);
  setText(line, '');
  // The development server has no service worker, and neither has an origin without https.
  if (import.meta.env.DEV || !('serviceWorker' in navigator)) return element;

  const workbox = new Workbox(`${baseUrl()}service-worker.js`, { updateViaCache: 'none' });
  let chosen = false;
  workbox.addEventListener('waiting', () => {
    setText(line, 'A new version of this page is ready. Your work is kept when you change to it.');
    const change = () => {
      chosen = true;
      workbox.messageSkipWaiting();
    };
    actions.replaceChildren(textButton('Change to it now', null, change));
  });
  workbox.addEventListener('controlling', ({ isUpdate }) => {
    if (chosen) return location.reload();
    if (!isUpdate) return;
    // Another tab changed: this one still is the version that it was.
    setText(line, 'Another tab changed to a new version of this page. Reload this one when it suits you.');
    actions.replaceChildren(textButton('Reload', null, () => location.reload()));
  });
  const registered = workbox.register().then(
    () => workbox.active,
    () => null,
  );
  let asked = false;
  store.watch(({ model, playback }) => [model.kind === 'ready' && !playback.playing], (_, idle) => {
    if (!idle || asked) return;
    asked = true;
    void registered.then((worker) => {
      if (worker === null) return;
      const keep = () => {
        actions.replaceChildren();
        keepAll(worker, ({ type, ...about }) => {
          if (actions.childElementCount > 0) return; // a new version is ready
          if (type === 'kept') setText(line, 'Works offline now.');
          else if (type === 'failed') setText(line, 'Not all of the page could be kept for use offline. It is tried again at the next visit.');
          else if ('kept' in about) setText(line, `Keeping the page for use offline: ${bytes(about.kept)} of ${bytes(about.total)}`);
        });
      };
      if (!savesData()) return keep();
      actions.replaceChildren(textButton('Keep the page for use offline', 'save', keep));
    });
  });
  return element;
}

function keepAll(worker: ServiceWorker, tell: (message: FromServiceWorker) => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }: MessageEvent<FromServiceWorker>) => {
    tell(data);
    if (data.type !== 'keeping') port1.close();
  };
  worker.postMessage({ type: 'keep-all' } satisfies ToServiceWorker, [port2]);
}
