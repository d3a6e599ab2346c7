// DICOM files for the page: opened in a worker of their own, which starts with the first file and is replaced after a crash.

import { baseUrl } from '../shared/base-url';
import { WorkerClient } from '../shared/worker-client';
import type { DicomInfo, DicomKind, DirectoryEntry, GreyRange, SegmentationMasks, SegmentationRequest } from './api';
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
  /** The masks of a segmentation object that was made for this file. */
  masks(segmentation: File): Promise<SegmentationMasks>;
  close(): void;
}

/** Of a file whose first bytes may be those of a data set, as much is looked at. */
const HEAD = 1 << 16;

/** What a file is, by its name, its type and its first bytes; null where it is not worth giving to `openDicom`. */
export async function dicomKind(file: File): Promise<DicomKind | null> {
  const named = /\.(dcm|dicom|ima)$/i.test(file.name) || file.type === 'application/dicom';
  const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  const marked = String.fromCharCode(...head.subarray(128, 132)) === 'DICM';
  // Without a preamble a file begins with an element of group 2 or 8. Only such a file has the bundle fetched that knows more.
  if (!named && !marked && ((head[0] !== 2 && head[0] !== 8) || head[1] !== 0)) return null;
  const kind = await current().ask({ type: 'identify', base: baseUrl(), head });
  // One that says it is DICOM is opened, to be told what is wrong with it.
  return kind ?? (named || marked ? 'picture' : null);
}

/** The images that a DICOMDIR lists, in its order. */
export function listDirectory(directory: File): Promise<DirectoryEntry[]> {
  return current().ask({ type: 'directory', base: baseUrl(), directory });
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
    async masks(segmentation) {
      const { client, file } = await known();
      return client.ask({ type: 'masks', file, segmentation });
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
