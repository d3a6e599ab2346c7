// DICOM files for the page: opened in a worker of their own, which starts with the first file and is replaced after a crash.

import { baseUrl } from '../shared/base-url';
import { WorkerClient } from '../shared/worker-client';
import type { DicomInfo, GreyRange, SegmentationRequest } from './api';
import type { Replies, Request } from './messages';

type Client = WorkerClient<Request, Replies>;

/** Everything here rejects with a FailureError: what is wrong, and what the reader can do. */
export interface OpenedDicom {
  readonly info: DicomInfo;
  /** Which grey values are shown where none are chosen; `null` in colour. */
  readonly window: GreyRange | null;
  /** Decodes one frame, counted from 0, with these grey values or the file's own. The caller closes the bitmap. */
  frame(index: number, window: GreyRange | null): Promise<ImageBitmap>;
  /** A DICOM segmentation object, the bytes of a .dcm file, that refers to this file. */
  segmentation(request: SegmentationRequest): Promise<Uint8Array<ArrayBuffer>>;
  close(): void;
}

/** Of a file whose first bytes may be those of a data set, as much is looked at. */
const HEAD = 1 << 16;

/** Whether a file is worth giving to `openDicom`: by its name, its type or its first bytes. */
export async function looksLikeDicom(file: File): Promise<boolean> {
  if (/\.(dcm|dicom|ima)$/i.test(file.name) || file.type === 'application/dicom') return true;
  const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  if (String.fromCharCode(...head.subarray(128, 132)) === 'DICM') return true;
  // Without a preamble a file begins with an element of group 2 or 8. Only such a file has the bundle fetched that knows more.
  if ((head[0] !== 2 && head[0] !== 8) || head[1] !== 0) return false;
  return (await current().ask({ type: 'identify', base: baseUrl(), head })) === 'picture';
}

export async function openDicom(file: File): Promise<OpenedDicom> {
  let client = current();
  let opened = await client.ask({ type: 'open', base: baseUrl(), file });
  let closed = false;

  /** The file as the present worker knows it. */
  const known = async () => {
    if (client.crashed && !closed) {
      client = current();
      opened = await client.ask({ type: 'open', base: baseUrl(), file });
    }
    return { client, file: opened.file };
  };

  return {
    info: opened.info,
    window: opened.window,
    async frame(index, window) {
      const { client, file } = await known();
      const { rgba, width, height } = await client.ask({ type: 'frame', file, index, window });
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

let latest: Client | null = null;

/** The worker that reads DICOM; a fresh one after a crash. */
function current(): Client {
  if (latest === null || latest.crashed) {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'dicom' });
    latest = new WorkerClient(worker, 'The background program that reads DICOM');
  }
  return latest;
}
