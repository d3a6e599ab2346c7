// Streams a model file into the WASM module, so that the file is never whole in JavaScript's memory.

import type { Model, Sam2RadModule } from '../shared/api';
import { failed, messageOf, type ModelOrigin } from '../shared/messages';

export async function readModel(module: Sam2RadModule, origin: ModelOrigin, imageSize: number | null, onBytes: (read: number) => void): Promise<Model> {
  const name = origin.kind === 'file' ? origin.file.name : origin.name;
  const chunks = (await open(origin)).getReader();
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
    if (error instanceof WebAssembly.RuntimeError) throw error;
    if (!consumed) reader.free();
    void chunks.cancel().catch(() => undefined);
    throw failed('model', `“${name}” cannot be used as a model: ${messageOf(error)}`, adviceFor(name));
  }
}

async function open(origin: ModelOrigin): Promise<ReadableStream<Uint8Array>> {
  if (origin.kind === 'file') return origin.file.stream();
  const response = await fetch(origin.url).catch((error: unknown) => messageOf(error));
  if (response instanceof Response && response.ok && response.body !== null) return response.body;
  const reason = response instanceof Response ? `the server answered ${response.status}` : response;
  throw failed('model', `The model “${origin.name}” could not be fetched: ${reason}.`, 'Check the connection and choose it again.');
}

function adviceFor(name: string): string {
  if (/\.(pt|pth|ckpt|bin)$/i.test(name)) return 'This looks like a PyTorch checkpoint. Convert it once with the sam2rad command line, then choose the .safetensors file.';
  if (!/\.safetensors$/i.test(name)) return 'Choose a .safetensors file made by the sam2rad command line.';
  return 'Copy or download the file again; if it stays refused, convert it anew with the sam2rad command line.';
}
