// Colours of structures: the model's own, unless another was chosen here.

import type { ModelCard, Rgb } from '../../shared/api';
import type { Look } from '../state';

export function colorOf(card: ModelCard, { colors }: Look, structure: number): string {
  return colors.get(structure) ?? hex(card.structures[structure]?.color ?? [230, 159, 0]);
}

/** `#rrggbb`, as CSS and colour inputs have it. */
export function hex(channels: readonly number[]): string {
  return `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

export function rgbOf(color: string): Rgb {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16)) as Rgb;
}
