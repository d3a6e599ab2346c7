// Streams a model file into the WASM module, so that the file is never whole in JavaScript's memory; of any other checkpoint a
// model file is made first.

import type { Model, Sam2RadModule } from '../shared/api';
import { failed, FailureError, messageOf, type ModelOrigin } from '../shared/messages';
import { WorkerClient } from '../shared/worker-client';
import type { ConvertReplies, ConvertRequest } from './converter';
import { kindOf, refused } from './refused';

/** `made` is the model file, where one had to be made: what is loaded from then on. */
export async function readModel(module: Sam2RadModule, base: string, origin: ModelOrigin, imageSize: number | null, onBytes: (read: number) => void): Promise<{ model: Model; made: File | null }> {
  try {
    const model = await stream(module, origin, imageSize, onBytes).catch((error: unknown) => {
      if (origin.kind !== 'file' || !isOfOthers(error)) throw error;
      return null;
    });
    if (model !== null || origin.kind !== 'file') return { model: model!, made: null };
    const made = await converted(origin, base, imageSize, onBytes);
    return { model: await stream(module, { kind: 'file', file: made }, imageSize, () => undefined), made };
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError || error instanceof FailureError) throw error;
    throw refused(origin, error, imageSize);
  }
}

async function stream(module: Sam2RadModule, origin: ModelOrigin, imageSize: number | null, onBytes: (read: number) => void): Promise<Model> {
  const chunks = (await open(origin, onBytes)).getReader();
  const reader = new module.ModelReader();
  let read = 0;
  let consumed = false;
  try {
    for (;;) {
      const { done, value } = await chunks.read();
      if (done) break;
      reader.push(value);
      read += value.byteLength;
      onBytes(read);
    }
    consumed = true; // by finish(): wasm-bindgen forbids free() after it
    return await reader.finish(imageSize ?? undefined);
  } catch (error) {
    if (!consumed && !(error instanceof WebAssembly.RuntimeError)) reader.free();
    void chunks.cancel().catch(() => undefined);
    throw error;
  }
}

/** No model file of ours, but it may be a checkpoint: PyTorch's, or safetensors without a description. */
function isOfOthers(error: unknown): boolean {
  return kindOf(error) === 'not-a-checkpoint' || kindOf(error) === 'metadata';
}

async function converted(origin: ModelOrigin & { kind: 'file' }, base: string, imageSize: number | null, onBytes: (read: number) => void): Promise<File> {
  const worker = new Worker(new URL('./converter.ts', import.meta.url), { type: 'module', name: 'converter' });
  const client = new WorkerClient<ConvertRequest, ConvertReplies>(worker, 'The program that reads checkpoints');
  try {
    return await client.ask({ type: 'convert', base, origin, image_size: imageSize }, ({ read }) => onBytes(read));
  } finally {
    client.terminate();
  }
}

async function open(origin: ModelOrigin, onBytes: (read: number) => void): Promise<ReadableStream<Uint8Array>> {
  if (origin.kind === 'file') return origin.file.stream();
  const response = await fetch(origin.url).catch((error: unknown) => messageOf(error));
  if (response instanceof Response && response.ok && response.body !== null) return new Blob([await checked(response.body, origin, onBytes)]).stream();
  const reason = response instanceof Response ? `the server answered ${response.status}` : response;
  throw failed('model', `The model “${origin.name}” could not be fetched: ${reason}.`, 'Check the connection and choose it again.');
}

/** The whole file: it is used only once its hash is that of its row in models/index.json. */
async function checked(body: ReadableStream<Uint8Array>, { name, bytes, sha256 }: Extract<ModelOrigin, { kind: 'shipped' }>, onBytes: (read: number) => void): Promise<Uint8Array<ArrayBuffer>> {
  const file = new Uint8Array(bytes);
  const reader = body.getReader();
  const differs = (how: string) =>
    failed('model', `The model “${name}” is not the file that this page ships: ${how}.`, 'It was damaged or changed on its way and is not used. Reload the page and choose it again.');
  let read = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw failed('model', `The download of the model “${name}” broke off: ${messageOf(error)}.`, 'Check the connection and choose it again.');
    });
    if (done) break;
    if (read + value.byteLength > bytes) throw differs(`it has more than ${bytes} bytes`);
    file.set(value, read);
    read += value.byteLength;
    onBytes(read);
  }
  if (read !== bytes) throw differs(`it has ${read} bytes instead of ${bytes}`);
  // An origin without https has no such function; everything it sends could be changed there, this code too.
  const subtle = crypto.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) return file;
  const found = [...new Uint8Array(await subtle.digest('SHA-256', file))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  if (found !== sha256) throw differs(`its SHA-256 is ${found.slice(0, 12)}… instead of ${sha256.slice(0, 12)}…`);
  return file;
}
