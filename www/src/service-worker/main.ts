// Serves the page without a network: its own files from the moment it is installed, what is large once the page asks to keep it.
//
// Every file of the build is known by the hash of its content, and nothing else is stored: not what a server sends of another version, nor
// what was damaged on its way. A new version is installed beside the one at work and takes its place when the reader says so.

import { clientsClaim } from 'workbox-core';
import { addPlugins, precacheAndRoute } from 'workbox-precaching';
import { registerRoute } from 'workbox-routing';
import { CacheFirst } from 'workbox-strategies';
import type { FromServiceWorker, ListedFile, ToServiceWorker } from './messages';

/** Filled in by vite.config.ts: the files of the page. */
declare const PAGE_FILES: ListedFile[];
/** The same for bundles, models and demo cines. */
declare const LARGE_FILES: ListedFile[];

// The few names of a service worker's global scope that are used here; TypeScript cannot load that library beside the DOM's.
interface ExtendableEvent extends Event { waitUntil(work: Promise<unknown>): void }
interface Scope {
  registration: { scope: string };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'activate', listener: (event: ExtendableEvent) => void): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToServiceWorker> & ExtendableEvent) => void): void;
}
const scope = self as unknown as Scope;
const base = scope.registration.scope;
// Two copies of the site on one host have caches of their own.
const LARGE = `sam2rad large ${base}`;
const large = new Map(LARGE_FILES.map((file) => [new URL(file.url, base).href, file]));

// The reader's first visit needs no reload to be ready for the next one without a network.
clientsClaim();
addPlugins([{ handlerWillRespond: async ({ response }) => isolated(response) }]);
precacheAndRoute(PAGE_FILES, { directoryIndex: 'index.html', cleanURLs: false, ignoreURLParametersMatching: [/./] });
registerRoute(
  ({ url }) => large.has(bare(url.href)),
  new CacheFirst({
    cacheName: LARGE,
    plugins: [
      {
        cacheKeyWillBeUsed: async ({ request }) => keyOf(bare(request.url)),
        // A model's way is shown as it comes, and its hash is checked by whoever uses it; of a checked request the browser hands out all at once.
        requestWillFetch: async ({ request }) => (isModel(request.url) ? request : checked(bare(request.url))),
        cacheWillUpdate: async ({ request, response }) => (response.ok && !isModel(request.url) ? response : null),
        handlerWillRespond: async ({ response }) => isolated(response),
      },
    ],
  }),
);

scope.addEventListener('activate', (event) => {
  event.waitUntil(dropStale());
});
scope.addEventListener('message', (event) => {
  const { data, ports } = event;
  if (data.type === 'SKIP_WAITING') return void scope.skipWaiting();
  const tell = (message: FromServiceWorker) => ports[0]?.postMessage(message);
  event.waitUntil(keepAll(tell).catch(() => tell({ type: 'failed' })));
});

/** All that is large, one file after the other; what is there already is not fetched again. */
async function keepAll(tell: (message: FromServiceWorker) => void): Promise<void> {
  const cache = await caches.open(LARGE);
  const total = LARGE_FILES.reduce((sum, { bytes }) => sum + bytes, 0);
  let kept = 0;
  for (const [url, { bytes }] of large) {
    if ((await cache.match(keyOf(url))) === undefined) {
      const response = await fetch(checked(url));
      if (!response.ok) throw new Error(`${url}: the server answered ${response.status}`);
      await cache.put(keyOf(url), response);
    }
    kept += bytes;
    tell({ type: 'keeping', kept, total });
  }
  tell({ type: 'kept' });
}

/** Fails where the content has another hash. `no-cache` asks the server whether its copy is newer than the browser's own. */
function checked(url: string): Request {
  return new Request(url, { integrity: large.get(url)!.integrity, cache: 'no-cache', credentials: 'same-origin' });
}

function isModel(url: string): boolean {
  return bare(url).startsWith(`${base}models/`);
}

/** Without what an address asks for. */
function bare(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function keyOf(url: string): string {
  return `${url}?${large.get(url)!.revision}`;
}

/** With what lets threads share memory, which not every host sends; the page has it from its second visit on. */
function isolated({ body, status, statusText, headers: sent }: Response): Response {
  const headers = new Headers(sent);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  return new Response(body, { status, statusText, headers });
}

async function dropStale(): Promise<void> {
  // The cache of the page's first versions.
  await caches.delete(`sam2rad ${base}`);
  const cache = await caches.open(LARGE);
  const current = new Set([...large.keys()].map(keyOf));
  const stale = (await cache.keys()).filter(({ url }) => !current.has(url));
  await Promise.all(stale.map((request) => cache.delete(request)));
}
