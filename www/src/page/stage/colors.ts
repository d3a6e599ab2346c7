// Colours of structures: the model's own, unless another was chosen here.

import type { ModelCard } from '../../shared/api';
import type { Look } from '../state';

export function colorOf(card: ModelCard, { colors }: Look, structure: number): string {
  return colors.get(structure) ?? hex(card.structures[structure]?.color ?? [230, 159, 0]);
}

function hex(channels: readonly number[]): string {
  return `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}
