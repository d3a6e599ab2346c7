// Streams a model file into the WASM module, so that the file is never whole in JavaScript's memory.

import type { Model, Sam2RadModule } from '../shared/api';
import { failed, messageOf } from '../shared/messages';

export async function readModel(module: Sam2RadModule, file: File, onBytes: (read: number) => void): Promise<Model> {
  const reader = new module.ModelReader();
  const chunks = file.stream().getReader();
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
    return await reader.finish();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) throw error;
    if (!consumed) reader.free();
    void chunks.cancel().catch(() => undefined);
    throw failed('model', `“${file.name}” cannot be used as a model: ${messageOf(error)}`, adviceFor(file.name));
  }
}

function adviceFor(name: string): string {
  if (/\.(pt|pth|ckpt|bin)$/i.test(name)) return 'This looks like a PyTorch checkpoint. Convert it once with the sam2rad command line, then choose the .safetensors file.';
  if (!/\.safetensors$/i.test(name)) return 'Choose a .safetensors file made by the sam2rad command line.';
  return 'Copy or download the file again; if it stays refused, convert it anew with the sam2rad command line.';
}
