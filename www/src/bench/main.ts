// The bench page: a model on a picture of noise, again and again, each stage's median and 95th percentile, the first run apart.

import { byId, h, onChosen, setText } from '../page/dom';
import { computesOn } from '../page/format';
import { listShipped, originOf } from '../page/sources/shipped';
import { forcedBackend, startModelWorker } from '../page/stream/client';
import { IMAGE_SIZES, type ModelCard } from '../shared/api';
import { baseUrl } from '../shared/base-url';
import { wholeOf } from '../shared/geometry';
import { FailureError, messageOf, type BackendChoice, type ModelOrigin } from '../shared/messages';
import { report, type Run } from './report';

const client = startModelWorker();
const figures = byId('figures');
const start = byId<HTMLButtonElement>('start');
const stop = byId<HTMLButtonElement>('stop');
const copy = byId<HTMLButtonElement>('copy');
const size = byId<HTMLSelectElement>('image-size');
const runs = byId<HTMLInputElement>('runs');
const status = byId('model-status');
let backend: BackendChoice | null = null;
let origin: ModelOrigin | null = null;
let loaded: { card: ModelCard; version: string } | null = null;
let stopped = false;

size.append(...IMAGE_SIZES.map((side) => h('option', { value: String(side) }, `${side} px`)));
void guarded(async () => {
  backend = await client.ask({ type: 'choose-backend', base: baseUrl(), settled: forcedBackend() });
  if (backend.adapter !== null) {
    backend = await client.ask({ type: 'choose-backend', base: baseUrl(), settled: { backend: 'webgpu', reason: `hardware graphics adapter: ${backend.adapter}` } });
  }
  setText(byId('backend'), `Computes on ${computesOn(backend)}.`);
  const { models } = await listShipped();
  byId('shipped').append(
    ...models.map((entry) => {
      const button = h('button', { type: 'button' }, entry.title);
      button.addEventListener('click', () => void load(originOf(entry), null));
      return button;
    }),
  );
});
onChosen(byId<HTMLInputElement>('model'), ([file]) => {
  if (file !== undefined) void load({ kind: 'file', file }, null);
});
size.addEventListener('change', () => {
  if (origin !== null) void load(origin, Number(size.value));
});
start.addEventListener('click', () => void guarded(measure));
stop.addEventListener('click', () => (stopped = true));
copy.addEventListener('click', () => void guarded(() => navigator.clipboard.writeText(figures.textContent ?? '')));

function load(from: ModelOrigin, imageSize: number | null): Promise<void> {
  return guarded(async () => {
    const name = from.kind === 'file' ? from.file.name : from.name;
    [start, size].forEach((control) => (control.disabled = true));
    setText(status, `Reading ${name}…`);
    try {
      loaded = await client.ask({ type: 'load-model', origin: from, image_size: imageSize });
    } catch (error) {
      loaded = null;
      setText(status, 'Choose a model.');
      throw error;
    }
    origin = from;
    const { architecture, image_size } = loaded.card;
    size.value = String(image_size);
    setText(status, `${name}: ${architecture.image_encoder} at ${image_size} px.`);
    [start, size].forEach((control) => (control.disabled = false));
  });
}

async function measure(): Promise<void> {
  if (loaded === null || backend === null) return;
  const count = Math.max(2, runs.valueAsNumber || 20);
  const picture = noise(loaded.card.image_size);
  const measured: Run[] = [];
  stopped = false;
  start.disabled = true;
  stop.disabled = false;
  try {
    for (let i = 0; i < count && !stopped; i++) {
      setText(figures, `Run ${i + 1} of ${count}…`);
      const began = performance.now();
      const frame = await createImageBitmap(picture);
      const { milliseconds } = await client.ask({ type: 'encode', picture: frame, crop: wholeOf(frame) }, undefined, [frame]);
      const { timings } = await client.ask({ type: 'segment', request: {} });
      measured.push({ stages: [{ stage: 'read pixels', milliseconds }, ...timings], all: performance.now() - began });
    }
  } finally {
    start.disabled = false;
    stop.disabled = true;
  }
  const { bytes } = await client.ask({ type: 'memory' });
  setText(figures, report({ ...loaded, backend, memory: bytes, browser: navigator.userAgent, cores: navigator.hardwareConcurrency }, measured));
  copy.disabled = false;
}

/** A grey picture of noise. */
function noise(side: number): OffscreenCanvas {
  const canvas = new OffscreenCanvas(side, side);
  const image = new ImageData(side, side);
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
