// Has the service worker keep what this browser uses, and says once the page needs no network any more.

import type { FromServiceWorker, ToServiceWorker } from '../service-worker/messages';
import { h, setText } from './dom';
import type { App } from './app';
import type { State } from './state';
import { baseUrl } from '../shared/base-url';

export function offlineLine({ store }: App): HTMLElement {
  const line = h('p', { id: 'offline', className: 'quiet', hidden: true });
  line.role = 'status';
  // The development server has no service worker, and neither has an origin without https.
  if (import.meta.env.DEV || !('serviceWorker' in navigator)) return line;
  const registered = navigator.serviceWorker.register(`${baseUrl()}service-worker.js`).then(
    () => navigator.serviceWorker.ready,
    () => null,
  );
  store.watch(({ model }) => [model.kind === 'ready' ? model.origin : null], (state, origin) => {
    if (origin === null) return;
    void registered.then(async (registration) => {
      const worker = registration?.active;
      if (worker && (await keep(worker, filesInUse(state)))) setText(line, 'Works offline now.');
    });
  });
  return line;
}

/** The bundle, the model where it ships, and the demos that go with it. */
function filesInUse({ backend, model, shipped }: State): string[] {
  if (backend.kind !== 'chosen' || model.kind !== 'ready') return [];
  const own = model.origin.kind === 'shipped' ? model.origin.url : null;
  const entry = shipped.models.find(({ file }) => own?.endsWith(`/models/${file}`));
  const demos = shipped.demos.filter((demo) => demo.model === entry?.name).map(({ file }) => `demo/${file}`);
  const files = [`wasm/${backend.backend}/`, ...demos].map((file) => new URL(file, baseUrl()).href);
  return own === null ? files : [...files, own];
}

function keep(worker: ServiceWorker, urls: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }: MessageEvent<FromServiceWorker>) => {
      port1.close();
      resolve(data.kept);
    };
    worker.postMessage({ urls } satisfies ToServiceWorker, [port2]);
  });
}
