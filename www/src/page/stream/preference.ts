// Where a model is computed on a graphics adapter's machine: what trials found and what a person chose, kept for the next visit. Another
// browser version may have another driver: what an earlier one found is forgotten.

import type { ModelCard } from '../../shared/api';
import { nameOf, type Backend, type ModelOrigin, type Preference } from '../../shared/messages';

const KEY = 'sam2rad-backend';

/** So often a trial may fail, or never end because the tab was killed, before the adapter is left alone. */
const MOST_FAILURES = 2;

/** Both bundles on one frame. */
export interface Trial {
  /** What was timed: `conditionsOf`. */
  conditions: string;
  /** Milliseconds of a frame. */
  gpu_ms: number;
  cpu_ms: number;
  /** Both gave the same answer. */
  same: boolean;
}

interface Known {
  by_hand: Backend | null;
  /** By model, as `keyOf` names it. */
  trials: Record<string, Trial>;
  failures: Record<string, number>;
}

interface Kept {
  browser: string;
  adapters: Record<string, Known>;
}

/** A model before it is loaded. Two files may share it: `conditionsOf` tells them apart. */
export function keyOf({ origin, image_size }: { origin: ModelOrigin; image_size: number | null }): string {
  return image_size === null ? nameOf(origin) : `${nameOf(origin)} at ${image_size}`;
}

/** All that the time of a frame depends on. */
export function conditionsOf({ architecture, image_size, structures, dtype }: ModelCard, threads: number): string {
  const { image_encoder, mask_decoder, prompt_predictor } = architecture;
  return [image_encoder, mask_decoder, prompt_predictor, image_size, structures.length, dtype, threads].join(', ');
}

function read(): Kept {
  const none = { browser: navigator.userAgent, adapters: {} };
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? 'null') as Kept | null;
    return kept?.browser === navigator.userAgent ? kept : none;
  } catch {
    return none;
  }
}

function knownOf(adapter: string): Known {
  return read().adapters[adapter] ?? { by_hand: null, trials: {}, failures: {} };
}

function change(adapter: string, by: (known: Known) => Partial<Known>): void {
  const kept = read();
  const known = knownOf(adapter);
  kept.adapters[adapter] = { ...known, ...by(known) };
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // Without storage it is found out again at the next visit.
  }
}

/** Where a model is to be computed; `null` without a model. */
export function preferenceFor(adapter: string, key: string | null): Preference {
  const { by_hand, trials, failures } = knownOf(adapter);
  if (by_hand !== null) return { backend: by_hand, reason: 'you chose it' };
  const trial = key === null ? undefined : trials[key];
  if (trial !== undefined) return verdict(trial);
  const failed = key !== null && (failures[key] ?? 0) >= MOST_FAILURES;
  return { backend: 'cpu', reason: failed ? `the graphics adapter (${adapter}) failed with this model` : `the graphics adapter (${adapter}) is tried with the first picture` };
}

export function verdict({ gpu_ms, cpu_ms, same }: Trial): Preference {
  if (!same) return { backend: 'cpu', reason: 'on this machine the GPU answers otherwise than the CPU' };
  const milliseconds = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
  return { backend: gpu_ms < cpu_ms ? 'webgpu' : 'cpu', reason: `GPU ${milliseconds(gpu_ms)}, CPU ${milliseconds(cpu_ms)} a frame` };
}

/** Whether a trial is still to be made. */
export function canTry(adapter: string, key: string): boolean {
  const { by_hand, trials, failures } = knownOf(adapter);
  return by_hand === null && trials[key] === undefined && (failures[key] ?? 0) < MOST_FAILURES;
}

/** What becomes of it is said with one of the next two: without a word it counts as a failure. */
export function beginTrial(adapter: string, key: string): void {
  countFailure(adapter, key, 1);
}

/** It was broken off, and that was nobody's fault. */
export function dropTrial(adapter: string, key: string): void {
  countFailure(adapter, key, -1);
}

export function keepTrial(adapter: string, key: string, trial: Trial): void {
  countFailure(adapter, key, -1);
  change(adapter, ({ trials }) => ({ trials: { ...trials, [key]: trial } }));
}

/** Whether what was found holds for the model as it was loaded; it is forgotten where not. */
export function holdsTrial(adapter: string, key: string, conditions: string): boolean {
  const trial = knownOf(adapter).trials[key];
  if (trial === undefined || trial.conditions === conditions) return true;
  forget(adapter, key);
  return false;
}

/** The GPU failed in use: it is tried again before it is used again. */
export function loseTrial(adapter: string, key: string): void {
  forget(adapter, key);
  countFailure(adapter, key, 1);
}

function forget(adapter: string, key: string): void {
  change(adapter, ({ trials: { [key]: _, ...trials } }) => ({ trials }));
}

function countFailure(adapter: string, key: string, by: number): void {
  change(adapter, ({ failures }) => ({ failures: { ...failures, [key]: Math.max(0, (failures[key] ?? 0) + by) } }));
}

export function chosenByHand(adapter: string): Backend | null {
  return knownOf(adapter).by_hand;
}

/** `null`: the faster one, and one that failed may try again. */
export function chooseByHand(adapter: string, backend: Backend | null): void {
  change(adapter, () => ({ by_hand: backend, failures: {} }));
}
