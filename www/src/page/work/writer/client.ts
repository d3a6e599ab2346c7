// The page's hold on the worker that measures and writes files; started when it is first needed, and again after a crash.

import { WorkerClient } from '../../../shared/worker-client';
import type { Replies, Request } from './messages';

let latest: WorkerClient<Request, Replies> | null = null;

export function writer(): WorkerClient<Request, Replies> {
  if (latest === null || latest.crashed) {
    latest = new WorkerClient(new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'writer' }), 'The background program that measures and writes files');
  }
  return latest;
}
