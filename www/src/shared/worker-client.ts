// The page's end of a worker: requests as promises, until the worker crashes or is thrown away. Every worker of the page speaks this way.

import { failed, FailureError, type Failure } from './messages';

export type Progress = { kind: 'bytes'; read: number; total: number };

export interface Asked<Request> {
  id: number;
  request: Request;
}

export type Told<Reply> =
  | { type: 'reply'; id: number; value: Reply }
  | { type: 'progress'; id: number; progress: Progress }
  | { type: 'failed'; id: number; failure: Failure }
  | { type: 'crashed'; failure: Failure };

interface Pending<Reply> {
  resolve(value: Reply): void;
  reject(error: FailureError): void;
  onProgress(progress: Progress): void;
}

/** `Replies` has a row for each `type` of request. */
export class WorkerClient<Request extends { type: string }, Replies extends Record<Request['type'], unknown>> {
  private readonly pending = new Map<number, Pending<Replies[Request['type']]>>();
  private next = 1;
  /** Why it answers no more. */
  private over: Failure | null = null;

  /** `what` names the worker's program in a sentence. */
  constructor(
    private readonly worker: Worker,
    what: string,
  ) {
    worker.addEventListener('message', ({ data }: MessageEvent<Told<Replies[Request['type']]>>) => this.receive(data));
    worker.addEventListener('error', () => {
      this.end({ kind: 'crash', message: `${what} could not start.`, advice: 'Reload the page; if it stays so, update the browser.' });
    });
  }

  get crashed(): boolean {
    return this.over !== null;
  }

  ask<R extends Request>(request: R, onProgress: (progress: Progress) => void = () => undefined, transfer: Transferable[] = []): Promise<Replies[R['type']]> {
    if (this.over !== null) return Promise.reject(new FailureError(this.over));
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as (value: Replies[Request['type']]) => void, reject, onProgress });
      this.worker.postMessage({ id, request } satisfies Asked<Request>, transfer);
    });
  }

  terminate(): void {
    this.end(failed('cancelled', 'Cancelled.', '').failure);
  }

  private receive(message: Told<Replies[Request['type']]>): void {
    if (message.type === 'crashed') return this.end(message.failure);
    const pending = this.pending.get(message.id);
    if (pending === undefined) return;
    if (message.type === 'progress') return pending.onProgress(message.progress);
    this.pending.delete(message.id);
    if (message.type === 'reply') pending.resolve(message.value);
    else pending.reject(new FailureError(message.failure));
  }

  private end(failure: Failure): void {
    this.over ??= failure;
    this.worker.terminate();
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const { reject } of waiting) reject(new FailureError(failure));
  }
}
