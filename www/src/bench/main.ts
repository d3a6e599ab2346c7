// The bench page: the model on a picture of noise, again and again, each stage's median and 95th percentile, the first run apart.

import { byId, onChosen, setText } from '../page/dom';
import { baseUrl, forcedBackend, WorkerClient } from '../page/stream/client';
import type { ModelCard, StageTiming } from '../shared/api';
import { wholeOf } from '../shared/geometry';
import { FailureError, messageOf, type BackendChoice } from '../shared/messages';

const client = new WorkerClient();
const figures = byId('figures');
const start = byId<HTMLButtonElement>('start');
const copy = byId<HTMLButtonElement>('copy');
let backend: BackendChoice | null = null;
let card: ModelCard | null = null;

void guarded(async () => {
  backend = await client.ask({ type: 'choose-backend', base: baseUrl(), forced: forcedBackend(), avoid_webgpu: null });
  setText(byId('backend'), `Computes on ${backend.backend === 'webgpu' ? 'WebGPU' : 'the CPU'}: ${backend.reason}.`);
});
onChosen(byId<HTMLInputElement>('model'), ([file]) => {
  if (file === undefined) return;
  void guarded(async () => {
    start.disabled = true;
    ({ card } = await client.ask({ type: 'load-model', origin: { kind: 'file', file }, image_size: null }, () => {
      setText(byId('model-status'), `Reading ${file.name}…`);
    }));
    setText(byId('model-status'), `${file.name}: ${card.architecture.image_encoder} at ${card.image_size} px.`);
    start.disabled = false;
  });
});
start.addEventListener('click', () => void guarded(measure));
copy.addEventListener('click', () => void guarded(() => navigator.clipboard.writeText(figures.textContent ?? '')));

async function measure(): Promise<void> {
  if (card === null || backend === null) return;
  start.disabled = true;
  const count = Math.max(2, byId<HTMLInputElement>('runs').valueAsNumber || 20);
  const picture = noise(card.image_size);
  const runs: StageTiming[][] = [];
  for (let i = 0; i < count; i++) {
    setText(figures, `Run ${i + 1} of ${count}…`);
    const frame = await createImageBitmap(picture);
    const { milliseconds } = await client.ask({ type: 'encode', picture: frame, crop: wholeOf(frame) }, undefined, [frame]);
    const { timings } = await client.ask({ type: 'segment', request: {} });
    runs.push([{ stage: 'read pixels', milliseconds }, ...timings]);
  }
  setText(figures, report(card, backend, runs));
  start.disabled = false;
  copy.disabled = false;
}

function report({ architecture, image_size, dtype }: ModelCard, choice: BackendChoice, runs: StageTiming[][]): string {
  const [first = [], ...warm] = runs;
  const total = (timings: StageTiming[]) => timings.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const row = (name: string, cold: number, values: number[]) =>
    `| ${name} | ${quantile(values, 0.5).toFixed(1)} | ${quantile(values, 0.95).toFixed(1)} | ${cold.toFixed(1)} |`;
  const stages = first.map(({ stage, milliseconds }, i) => row(stage, milliseconds, warm.map((run) => run[i]?.milliseconds ?? 0)));
  return [
    `${architecture.image_encoder} at ${image_size} px (${dtype}), ${choice.backend}: ${choice.reason}; ${warm.length} runs after the first`,
    '',
    '| stage | median ms | p95 ms | first ms |',
    '|---|---|---|---|',
    ...stages,
    row('all', total(first), warm.map(total)),
  ].join('\n');
}

function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

/** A grey picture of noise. */
function noise(size: number): OffscreenCanvas {
  const canvas = new OffscreenCanvas(size, size);
  const image = new ImageData(size, size);
  image.data.forEach((_, i) => {
    image.data[i] = i % 4 === 3 ? 255 : (Math.imul(i >> 2, 2654435761) >>> 24) & 255;
  });
  canvas.getContext('2d')!.putImageData(image, 0, 0);
  return canvas;
}

async function guarded(work: () => Promise<void>): Promise<void> {
  try {
    setText(byId('failure'), '');
    await work();
  } catch (error) {
    setText(byId('failure'), error instanceof FailureError ? `${error.failure.message} ${error.failure.advice}` : messageOf(error));
  }
}
