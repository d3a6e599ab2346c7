// The page's end of the message surface: requests as promises, a worker that can be thrown away.

import { FailureError, failed, type Failure, type FromWorker, type Progress, type Replies, type Request, type ToWorker } from '../../shared/messages';

interface Pending {
  resolve(value: Replies[Request['type']]): void;
  reject(error: FailureError): void;
  onProgress(progress: Progress): void;
}

export class WorkerClient {
  private readonly worker = new Worker(new URL('../../worker/main.ts', import.meta.url), { type: 'module', name: 'sam2rad' });
  private readonly pending = new Map<number, Pending>();
  private next = 1;

  constructor() {
    this.worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.receive(data));
    this.worker.addEventListener('error', () => {
      this.rejectAll({ kind: 'crash', message: 'The background program of this page could not start.', advice: 'Reload the page; if it stays so, update the browser.' });
    });
  }

  ask<R extends Request>(request: R, onProgress: (progress: Progress) => void = () => undefined, transfer: Transferable[] = []): Promise<Replies[R['type']]> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as Pending['resolve'], reject, onProgress });
      this.worker.postMessage({ id, request } satisfies ToWorker, transfer);
    });
  }

  terminate(): void {
    this.worker.terminate();
    this.rejectAll(failed('cancelled', 'Cancelled.', '').failure);
  }

  private receive(message: FromWorker): void {
    if (message.type === 'crashed') return this.rejectAll(message.failure);
    const pending = this.pending.get(message.id);
    if (pending === undefined) return;
    if (message.type === 'progress') return pending.onProgress(message.progress);
    this.pending.delete(message.id);
    if (message.type === 'reply') pending.resolve(message.value);
    else pending.reject(new FailureError(message.failure));
  }

  private rejectAll(failure: Failure): void {
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const { reject } of waiting) reject(new FailureError(failure));
  }
}

/** `?backend=cpu` or `?backend=webgpu` in the address forces one. */
export function forcedBackend(): 'cpu' | 'webgpu' | null {
  const asked = new URLSearchParams(location.search).get('backend');
  return asked === 'cpu' || asked === 'webgpu' ? asked : null;
}

export function baseUrl(): string {
  return new URL('./', document.baseURI).href;
}
