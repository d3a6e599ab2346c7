// What is known of a frame's pixels: what its source says, or else the scale that a person set.

import { scaleByHand, pixelShape, type HandScale } from '../../measure/spacing';
import type { Pixels } from '../../measure/structure';
import type { Size } from '../../shared/geometry';
import { keyAt, type FrameSource } from '../sources/types';
import { EVERY_PICTURE } from '../prompts/history';
import type { State } from '../state';

const NOTHING_KNOWN: Pixels = { scales: [], aspect: 1 };
const bySource = new WeakMap<FrameSource, Pixels>();
const byHand = new WeakMap<HandScale, Pixels>();

/** The same value as long as nothing changes: what was measured is kept by it. */
export function pixelsAt(state: State, frame: number, size: Size): Pixels {
  if (state.source.kind !== 'open') return NOTHING_KNOWN;
  const { source } = state.source;
  const { scales, pixel_aspect: aspect } = source;
  const hand = handScaleAt(state, frame, size);
  if (hand !== null) return once(byHand, hand, () => ({ scales: [scaleByHand(hand, pixelShape(aspect))], aspect }));
  return once(bySource, source, () => ({ scales, aspect }));
}

/** Of the frame on the stage. */
export function pixelsShown(state: State): Pixels {
  const { shown } = state;
  return shown === null ? NOTHING_KNOWN : pixelsAt(state, shown.frame.index, shown.frame.picture);
}

export function handScaleAt(state: State, frame: number, size: Size): HandScale | null {
  if (!takesHandScale(state) || state.source.kind !== 'open') return null;
  const { scales } = state.history.present;
  return scales.get(keyAt(state.source.source, frame, size)) ?? scales.get(EVERY_PICTURE) ?? null;
}

/** Whether a person may say how large a pixel is: where the source does not. */
export function takesHandScale({ source }: State): boolean {
  return source.kind === 'open' && !source.source.scales.some(({ spacing }) => spacing !== null);
}

function once<K extends object, V>(made: WeakMap<K, V>, key: K, make: () => V): V {
  const value = made.get(key) ?? make();
  made.set(key, value);
  return value;
}
