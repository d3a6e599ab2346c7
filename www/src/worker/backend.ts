// Which of the two bundles runs here, and why.

import type { BackendChoice, Preference } from '../shared/messages';

// The few WebGPU names that the choice needs.
interface Adapter {
  isFallbackAdapter?: boolean;
  info: { architecture?: string; vendor?: string; description?: string; isFallbackAdapter?: boolean };
  requestDevice(descriptor?: object): Promise<Device>;
}
interface Device { lost: Promise<{ reason?: string; message: string }> }
interface Gpu { requestAdapter(options?: { powerPreference?: string }): Promise<Adapter | null> }

const SOFTWARE_ADAPTERS = ['swiftshader', 'llvmpipe'];

/** With more, each waits for the others for longer than it computes. */
const MOST_THREADS = 8;

/** Threads share their memory, which browsers grant to isolated pages alone, and some (WebKitGTK) to none. */
export function threads(): number {
  return crossOriginIsolated && 'SharedArrayBuffer' in self ? Math.min(navigator.hardwareConcurrency, MOST_THREADS) : 1;
}

export async function chooseBackend(settled: Preference | null): Promise<BackendChoice> {
  const choice = settled === null ? await byAdapter() : { ...settled, adapter: null };
  return { ...choice, threads: threads() };
}

async function byAdapter(): Promise<Omit<BackendChoice, 'threads'>> {
  const cpu = (reason: string, adapter: string | null = null) => ({ backend: 'cpu', reason, adapter }) as const;
  const gpu = (navigator as unknown as { gpu?: Gpu }).gpu;
  if (gpu === undefined) return cpu('this browser offers no WebGPU');
  let adapter: Adapter | null;
  try {
    adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  } catch {
    adapter = null;
  }
  if (adapter === null) return cpu('the browser found no graphics adapter for WebGPU');
  const name = adapter.info.description || [adapter.info.vendor, adapter.info.architecture].filter(Boolean).join(' ') || 'unnamed adapter';
  if (isSoftware(adapter)) return cpu(`the only graphics adapter (${name}) is software, slower than the CPU bundle`);
  // Until it is known what the adapter can do, the bundle that always works.
  return cpu(`the graphics adapter (${name}) is tried with the first picture`, name);
}

function isSoftware(adapter: Adapter): boolean {
  if (adapter.isFallbackAdapter || adapter.info.isFallbackAdapter) return true;
  const description = `${adapter.info.vendor ?? ''} ${adapter.info.architecture ?? ''} ${adapter.info.description ?? ''}`.toLowerCase();
  return SOFTWARE_ADAPTERS.some((software) => description.includes(software));
}

/** Call before the webgpu bundle starts: the one place that sees the device, to learn of its loss. */
export function prepareWebgpu(onLost: (message: string) => void): void {
  const prototype = (globalThis as unknown as { GPUAdapter?: { prototype: Adapter } }).GPUAdapter?.prototype;
  if (prototype === undefined) return;
  const requestDevice = prototype.requestDevice;
  prototype.requestDevice = async function (this: Adapter, descriptor?: object) {
    const device = await requestDevice.call(this, descriptor);
    void device.lost.then((loss) => {
      if (loss.reason !== 'destroyed') onLost(loss.message || 'no reason given');
    });
    return device;
  };
}
