// DICOM files for the page: opened in a worker of their own, which starts with the first file and is replaced after a crash.

import { FailureError, type Failure } from '../shared/messages';
import type { DicomInfo, SegmentationRequest } from './api';
import type { FromWorker, Replies, Request, ToWorker } from './messages';

/** Everything here rejects with a FailureError: what is wrong, and what the reader can do. */
export interface OpenedDicom {
  readonly info: DicomInfo;
  /** Decodes one frame, counted from 0. The caller closes the bitmap. */
  frame(index: number): Promise<ImageBitmap>;
  /** A DICOM segmentation object, the bytes of a .dcm file, that refers to this file. */
  segmentation(request: SegmentationRequest): Promise<Uint8Array<ArrayBuffer>>;
  close(): void;
}

/** Whether a file is worth giving to `openDicom`: by its name, its type or its first bytes. */
export async function looksLikeDicom(file: File): Promise<boolean> {
  if (/\.(dcm|dicom|ima)$/i.test(file.name) || file.type === 'application/dicom') return true;
  const magic = new Uint8Array(await file.slice(128, 132).arrayBuffer());
  return String.fromCharCode(...magic) === 'DICM';
}

export async function openDicom(file: File): Promise<OpenedDicom> {
  let client = DicomClient.current();
  let opened = await client.ask({ type: 'open', base: baseUrl(), file });
  let closed = false;

  /** The file as the present worker knows it. */
  const known = async () => {
    if (client.crashed && !closed) {
      client = DicomClient.current();
      opened = await client.ask({ type: 'open', base: baseUrl(), file });
    }
    return { client, file: opened.file };
  };

  return {
    info: opened.info,
    async frame(index) {
      const { client, file } = await known();
      const { rgba, width, height } = await client.ask({ type: 'frame', file, index });
      return createImageBitmap(new ImageData(new Uint8ClampedArray(rgba.buffer), width, height));
    },
    async segmentation(request) {
      const { client, file } = await known();
      return (await client.ask({ type: 'segmentation', file, request })).bytes;
    },
    close() {
      if (closed) return;
      closed = true;
      if (!client.crashed) void client.ask({ type: 'close', file: opened.file }).catch(() => undefined);
    },
  };
}

interface Pending {
  resolve(value: Replies[Request['type']]): void;
  reject(error: FailureError): void;
}

class DicomClient {
  private static latest: DicomClient | null = null;

  static current(): DicomClient {
    if (this.latest === null || this.latest.crashed) this.latest = new DicomClient();
    return this.latest;
  }

  crashed = false;
  private readonly worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'dicom' });
  private readonly pending = new Map<number, Pending>();
  private next = 1;

  constructor() {
    this.worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.receive(data));
    this.worker.addEventListener('error', () => {
      this.crash({ kind: 'crash', message: 'The background program that reads DICOM could not start.', advice: 'Reload the page; if it stays so, update the browser.' });
    });
  }

  ask<R extends Request>(request: R): Promise<Replies[R['type']]> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as Pending['resolve'], reject });
      this.worker.postMessage({ id, request } satisfies ToWorker);
    });
  }

  private receive(message: FromWorker): void {
    if (message.type === 'crashed') return this.crash(message.failure);
    const pending = this.pending.get(message.id);
    if (pending === undefined) return;
    this.pending.delete(message.id);
    if (message.type === 'reply') pending.resolve(message.value);
    else pending.reject(new FailureError(message.failure));
  }

  private crash(failure: Failure): void {
    this.crashed = true;
    this.worker.terminate();
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const { reject } of waiting) reject(new FailureError(failure));
  }
}

function baseUrl(): string {
  return new URL('./', document.baseURI).href;
}
