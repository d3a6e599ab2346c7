// The worker that owns the model.

import type { Preference, Replies, Request } from '../../shared/messages';
import { WorkerClient } from '../../shared/worker-client';

export type ModelClient = WorkerClient<Request, Replies>;

export function startModelWorker(): ModelClient {
  const worker = new Worker(new URL('../../worker/main.ts', import.meta.url), { type: 'module', name: 'sam2rad' });
  return new WorkerClient(worker, 'The background program of this page');
}

/** `?backend=cpu` or `?backend=webgpu` in the address forces one. */
export function forcedBackend(): Preference | null {
  const asked = new URLSearchParams(location.search).get('backend');
  return asked === 'cpu' || asked === 'webgpu' ? { backend: asked, reason: `the address asks for it (?backend=${asked})` } : null;
}
