// What was measured, as Markdown.

import { computesOn } from '../page/format';
import type { ModelCard, StageTiming } from '../shared/api';
import type { BackendChoice } from '../shared/messages';

export interface Run {
  stages: StageTiming[];
  /** Milliseconds from the picture to the masks, messages to the worker and back among them. */
  all: number;
}

export interface Conditions {
  card: ModelCard;
  version: string;
  backend: BackendChoice;
  /** Bytes. */
  memory: number;
  browser: string;
  cores: number;
}

export function report({ card, version, backend, memory, browser, cores }: Conditions, [first, ...warm]: Run[]): string {
  if (first === undefined) return 'Nothing was measured.';
  const row = (name: string, values: number[], cold: number) =>
    `| ${[name, quantile(values, 0.5), quantile(values, 0.95), cold].map((value) => (typeof value === 'number' ? value.toFixed(1) : value)).join(' | ')} |`;
  const { image_encoder, mask_decoder, prompt_predictor } = card.architecture;
  return [
    `${image_encoder}, ${prompt_predictor}, ${mask_decoder} at ${card.image_size} px, ${card.structures.length} structures, weights ${card.dtype}`,
    `sam2rad ${version} on ${computesOn(backend)}`,
    `${browser}, ${cores} cores; WASM memory ${(memory / 1e6).toFixed(0)} MB`,
    '',
    `| ${warm.length} runs after the first | median ms | p95 ms | first ms |`,
    '|---|---|---|---|',
    ...first.stages.map(({ stage, milliseconds }, i) => row(stage, warm.map(({ stages }) => stages[i]!.milliseconds), milliseconds)),
    row('picture to masks', warm.map(({ all }) => all), first.all),
  ].join('\n');
}

function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}
