// Streams a model file into the WASM module, so that the file is never whole in JavaScript's memory; any other checkpoint is
// converted as a whole.

import type { CheckpointErrorKind, Model, Sam2RadModule } from '../shared/api';
import { failed, FailureError, messageOf, type ModelOrigin } from '../shared/messages';

/** `cpuBundle` is the one that converts; it may be `module` itself. */
export async function readModel(module: Sam2RadModule, cpuBundle: () => Promise<Sam2RadModule>, origin: ModelOrigin, imageSize: number | null, onBytes: (read: number) => void): Promise<Model> {
  const name = origin.kind === 'file' ? origin.file.name : origin.name;
  try {
    return await stream(module, origin, imageSize, onBytes).catch(async (error: unknown) => {
      if (origin.kind === 'file' && isOfOthers(error)) return convert(module, await cpuBundle(), origin.file, imageSize);
      throw error;
    });
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError || error instanceof FailureError) throw error;
    throw failed('model', `“${name}” cannot be used as a model: ${messageOf(error)}`, adviceFor(name));
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
  const { kind } = error as { kind?: CheckpointErrorKind };
  return kind === 'not-a-checkpoint' || kind === 'metadata';
}

async function convert(module: Sam2RadModule, cpu: Sam2RadModule, file: File, imageSize: number | null): Promise<Model> {
  const options = { ...(imageSize !== null && { image_size: imageSize }), provenance: `converted from ${file.name}` };
  const model = await cpu.convert!(new Uint8Array(await file.arrayBuffer()), options);
  if (cpu === module) return model;
  const bytes = await model.to_file();
  model.free();
  return stream(module, { kind: 'file', file: new File([bytes], file.name) }, imageSize, () => undefined);
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

function adviceFor(name: string): string {
  if (!/\.(safetensors|pt|pth|ckpt|bin)$/i.test(name)) return 'Choose a .safetensors, .pt, .pth or .ckpt file of SAM, SAM 2, MobileSAM or Sam2Rad.';
  return 'Copy or download the file again; if it stays refused, the sam2rad command line may say more of it.';
}
