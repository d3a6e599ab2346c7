// Fetches and starts the WASM bundle of a backend. Vite leaves these imports alone: the bundles are copied, not built, here.

import type { Sam2RadModule } from '../shared/api';
import { failed, messageOf, type Backend } from '../shared/messages';
import { threads } from './backend';

/** In pages of 64 KiB: 512 MiB, with which the smaller models run. */
const LEAST_MAXIMUM = 8192;

/** What a bundle is for, as a sentence has it. */
const PURPOSE: Record<Backend | 'learn', string> = { cpu: 'for the CPU', webgpu: 'for WebGPU', learn: 'that learns' };

export interface Bundle {
  module: Sam2RadModule;
  memory: WebAssembly.Memory;
}

/** On the CPU it computes on `count` threads. One that ends by an error says so on the channel of the name `ended`, where there is one. */
export async function startBundle(bundle: Backend | 'learn', base: string, count = threads(), ended: string | null = null): Promise<Bundle> {
  if (typeof WebAssembly === 'undefined') {
    throw failed('no-webassembly', 'This browser has no WebAssembly, or it is switched off.', 'Use a current Chrome, Edge, Firefox or Safari, without lockdown mode.');
  }
  const url = new URL(`wasm/${bundle}/sam2rad.js`, base);
  try {
    const module: Sam2RadModule = await import(/* @vite-ignore */ url.href);
    const { memory } = await withFittingMemory(() => module.default());
    if (count > 1) await withTellingThreads(ended, async () => module.initThreadPool?.(count));
    return { module, memory };
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) {
      throw failed('bundle', `This browser cannot compile the program: ${error.message}.`, 'Update the browser: it needs WebAssembly with SIMD.');
    }
    throw failed('bundle', `The program ${PURPOSE[bundle]} could not be loaded: ${messageOf(error)}.`, `Check the connection and reload the page. Whoever serves it: ${url.pathname} must exist (build.sh puts it there).`);
  }
}

/**
 * Threads share memory that is set aside at its largest from the start, which small machines and tablets refuse: a smaller maximum is tried
 * next. The bundle's own JavaScript makes the memory, so its constructor is the place for it.
 */
async function withFittingMemory<T>(start: () => Promise<T>): Promise<T> {
  const { Memory } = WebAssembly;
  const made = (descriptor: WebAssembly.MemoryDescriptor): WebAssembly.Memory => {
    const { maximum = 0 } = descriptor;
    try {
      return new Memory(descriptor);
    } catch (error) {
      if (maximum / 2 < LEAST_MAXIMUM) throw error;
      return made({ ...descriptor, maximum: maximum / 2 });
    }
  };
  function FittingMemory(descriptor: WebAssembly.MemoryDescriptor) {
    return made(descriptor);
  }
  FittingMemory.prototype = Memory.prototype;
  WebAssembly.Memory = FittingMemory as unknown as typeof Memory;
  try {
    return await start();
  } finally {
    WebAssembly.Memory = Memory;
  }
}

/**
 * Whoever waits for a thread that has ended waits for ever, and can tell nobody; the thread itself can. Its script is a blob that the
 * bundle's own JavaScript makes, so this is the place to put a line before it.
 */
async function withTellingThreads(channel: string | null, start: () => Promise<void>): Promise<void> {
  const { createObjectURL } = URL;
  const line = `addEventListener('unhandledrejection', ({ reason }) => new BroadcastChannel(${JSON.stringify(channel)}).postMessage(String(reason)));\n`;
  if (channel !== null) URL.createObjectURL = (script) => createObjectURL.call(URL, new Blob([line, script as Blob], { type: 'text/javascript' }));
  try {
    await start();
  } finally {
    URL.createObjectURL = createObjectURL;
  }
}
