// Serves the page without a network: its own files from the moment it is installed, what is large from the first time it is asked for.
//
// Every file of the build is known by the hash of its content, so that an entry that is cached is right, and a new build drops only
// what has changed. Anything else, other origins first of all, is none of this worker's business.

import type { FromServiceWorker, ToServiceWorker } from './messages';

/** Filled in by vite.config.ts: path within the site -> hash of its content. */
declare const PAGE_FILES: Record<string, string>;
/** The same for bundles, models and demo cines, which are kept once they are asked for. */
declare const LARGE_FILES: Record<string, string>;

// The few names of a service worker's global scope that are used here; TypeScript cannot load that library beside the DOM's.
interface ExtendableEvent extends Event { waitUntil(work: Promise<unknown>): void }
interface FetchEvent extends ExtendableEvent { request: Request; respondWith(response: Promise<Response>): void }
interface Scope {
  registration: { scope: string };
  clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: ExtendableEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToServiceWorker> & ExtendableEvent) => void): void;
}
const scope = self as unknown as Scope;
const base = scope.registration.scope;
const FILES = { ...PAGE_FILES, ...LARGE_FILES };
// Two copies of the site on one host have caches of their own.
const CACHE = `sam2rad ${base}`;

scope.addEventListener('install', (event) => {
  event.waitUntil(Promise.all(Object.keys(PAGE_FILES).map(keep)).then(() => scope.skipWaiting()));
});
scope.addEventListener('activate', (event) => {
  event.waitUntil(dropStale().then(() => scope.clients.claim()));
});
scope.addEventListener('fetch', (event) => {
  const path = pathOf(event.request);
  if (path !== null) event.respondWith(answer(path));
});
scope.addEventListener('message', (event) => {
  const [port] = event.ports;
  const paths = event.data.urls.flatMap((url) => pathsUnder(url));
  const reply = (message: FromServiceWorker) => port?.postMessage(message);
  event.waitUntil(Promise.all(paths.map(keep)).then(() => reply({ kept: true }), () => reply({ kept: false })));
});

/** The path of a file of this build, `null` for anything else. */
function pathOf({ method, url }: Request): string | null {
  if (method !== 'GET' || !url.startsWith(base)) return null;
  const { origin, pathname } = new URL(url);
  const path = `${origin}${pathname}`.slice(base.length) || 'index.html';
  return Object.hasOwn(FILES, path) ? path : null;
}

/** The files of a folder, whose address ends with a slash, or the one file. */
function pathsUnder(url: string): string[] {
  if (url.startsWith(base) && url.endsWith('/')) return Object.keys(FILES).filter((path) => path.startsWith(url.slice(base.length)));
  const path = pathOf(new Request(url));
  return path === null ? [] : [path];
}

function keyOf(path: string): string {
  return `${base}${path}?${FILES[path]}`;
}

async function answer(path: string): Promise<Response> {
  const cached = await (await caches.open(CACHE)).match(keyOf(path));
  return isolated(cached ?? (await fetchAndKeep(path)));
}

/** With what lets threads share memory, which not every host sends; the page has it from its second visit on. */
function isolated({ body, status, statusText, headers: sent }: Response): Response {
  const headers = new Headers(sent);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  return new Response(body, { status, statusText, headers });
}

async function keep(path: string): Promise<void> {
  if ((await (await caches.open(CACHE)).match(keyOf(path))) !== undefined) return;
  const response = await fetchAndKeep(path);
  if (!response.ok) throw new Error(`${path}: the server answered ${response.status}`);
}

async function fetchAndKeep(path: string): Promise<Response> {
  // `no-cache` asks the server whether its copy is newer: a stale one from the browser's own cache must not be kept.
  const response = await fetch(new URL(path, base), { cache: 'no-cache' });
  if (response.ok) {
    const copy = response.clone();
    const cache = await caches.open(CACHE);
    // Where the disk is full the page still gets its file.
    const put = cache.put(keyOf(path), copy).catch(() => undefined);
    if (path in PAGE_FILES) await put;
  }
  return response;
}

async function dropStale(): Promise<void> {
  const cache = await caches.open(CACHE);
  const current = new Set(Object.keys(FILES).map(keyOf));
  const stale = (await cache.keys()).filter(({ url }) => !current.has(url));
  await Promise.all(stale.map((request) => cache.delete(request)));
}
