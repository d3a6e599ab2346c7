// Fetches and starts the WASM bundle of a backend. Vite leaves these imports alone: the bundles are copied, not built, here.

import type { Sam2RadModule } from '../shared/api';
import { failed, messageOf, type Backend } from '../shared/messages';
import { threads } from './backend';

export interface Bundle {
  module: Sam2RadModule;
  memory: WebAssembly.Memory;
}

export async function startBundle(backend: Backend, base: string): Promise<Bundle> {
  if (typeof WebAssembly === 'undefined') {
    throw failed('no-webassembly', 'This browser has no WebAssembly, or it is switched off.', 'Use a current Chrome, Edge, Firefox or Safari, without lockdown mode.');
  }
  const url = new URL(`wasm/${backend}/sam2rad.js`, base);
  try {
    const module: Sam2RadModule = await import(/* @vite-ignore */ url.href);
    const { memory } = await module.default();
    if (threads() > 1) await module.initThreadPool?.(threads());
    return { module, memory };
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) {
      throw failed('bundle', `This browser cannot compile the program: ${error.message}.`, 'Update the browser: it needs WebAssembly with SIMD.');
    }
    throw failed('bundle', `The program for ${backend === 'cpu' ? 'the CPU' : 'WebGPU'} could not be loaded: ${messageOf(error)}.`, `Check the connection and reload the page. Whoever serves it: ${url.pathname} must exist (build.sh puts it there).`);
  }
}
