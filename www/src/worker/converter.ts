// Makes a model file of any other checkpoint. A worker of its own: it ends with the conversion, and the memory it took is free again.

import { failed, FailureError, messageOf } from '../shared/messages';
import type { Asked, Told } from '../shared/worker-client';
import { startBundle } from './bundle';
import { refused } from './refused';

const PIECE = 1 << 20;

export type ConvertRequest = { type: 'convert'; base: string; origin: { kind: 'file'; file: File; dataset?: string }; image_size: number | null };
export interface ConvertReplies {
  /** The model file, in half precision. */
  'convert': File;
}

interface Scope {
  postMessage(message: Told<ConvertReplies['convert']>, transfer?: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<Asked<ConvertRequest>>) => void): void;
}
const scope = self as unknown as Scope;

scope.addEventListener('message', async ({ data: { id, request } }) => {
  try {
    const total = request.origin.file.size;
    const value = await convert(request, (read) => scope.postMessage({ type: 'progress', id, progress: { kind: 'bytes', read, total } }));
    scope.postMessage({ type: 'reply', id, value });
  } catch (error) {
    scope.postMessage({ type: 'failed', id, failure: (error instanceof FailureError ? error : stopped(request.origin.file, error)).failure });
  }
});

async function convert({ base, origin, image_size }: ConvertRequest, onBytes: (read: number) => void): Promise<File> {
  const { file, dataset } = origin;
  // The one bundle that reads archives and pickles. It computes nothing here: no threads.
  const { module } = await startBundle('cpu', base, 1);
  try {
    const converter = new module.CheckpointConverter!(file.size);
    let read = 0;
    for await (const piece of pieces(file)) {
      converter.push(piece);
      read += piece.byteLength;
      onBytes(read);
    }
    // The pieces are the browser's to keep, in memory or on disk, not this worker's.
    const parts: Blob[] = [];
    const options = { ...(image_size !== null && { image_size }), ...(dataset !== undefined && { dataset }), provenance: `converted from ${file.name}` };
    const header = converter.finish(options, (piece) => void parts.push(new Blob([piece])));
    return new File([header, ...parts], file.name);
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) throw error;
    throw refused(origin, error, image_size);
  }
}

/** The file piece by piece, each in the same memory where the browser can do so: chunks that are garbage would take as much as the file. */
async function* pieces(file: File): AsyncGenerator<Uint8Array> {
  const stream = file.stream();
  let reader: ReadableStreamBYOBReader;
  try {
    reader = stream.getReader({ mode: 'byob' });
  } catch {
    const chunks = stream.getReader();
    for (;;) {
      const { done, value } = await chunks.read();
      if (done) return;
      yield value;
    }
  }
  let buffer = new ArrayBuffer(PIECE);
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(buffer));
    if (done) return;
    yield value;
    ({ buffer } = value);
  }
}

function stopped(file: File, error: unknown): FailureError {
  return failed('model', `“${file.name}” could not be read: ${messageOf(error)}.`, 'The machine may be short of memory: close other tabs, or make a model file of it with the sam2rad command line.');
}
