// Numbers and devices as people read them.

import type { BackendChoice } from '../shared/messages';

export function bytes(count: number): string {
  if (count < 1e6) return `${Math.max(1, Math.round(count / 1e3))} kB`;
  return `${(count / 1e6).toFixed(count < 1e7 ? 1 : 0)} MB`;
}

export function duration(milliseconds: number): string {
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

export function pixels(count: number): string {
  return `${count.toLocaleString('en')} px`;
}

/** One line: where the model is computed, and why there. */
export function computesOn({ backend, threads, reason }: BackendChoice): string {
  return `${backend === 'webgpu' ? 'WebGPU' : `the CPU, ${threads === 1 ? 'one thread' : `${threads} threads`}`}: ${reason}`;
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
