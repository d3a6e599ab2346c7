// How long each stage took for the frame shown, and how fast frames stream.

import type { App } from '../app';
import { h, setText } from '../dom';
import { computesOn, duration } from '../format';
import { chosenByHand } from '../stream/preference';
import { choice, facts, panel } from './parts';

const PLACES = [['fastest', 'Fastest'], ['cpu', 'CPU'], ['webgpu', 'GPU']] as const;

export function timingPanel({ store, engine }: App): HTMLElement {
  const rate = h('dl', { id: 'meter', className: 'facts' });
  const body = h('tbody');
  const backend = h('p', { id: 'backend', className: 'quiet' });
  const empty = h('p', { className: 'quiet' }, 'Measured with the first frame that is segmented.');
  const table = h('table', { id: 'timings' }, h('caption', { className: 'visually-hidden' }, 'Time of each stage'), body);
  store.watch(({ backend: chosen }) => [chosen], (_, chosen) => {
    if (chosen.kind === 'choosing') setText(backend, 'Looking for the fastest way to compute…');
    else if (chosen.kind === 'failed') setText(backend, chosen.failure.message);
    else setText(backend, `Computes on ${computesOn(chosen)}.`);
  });
  const where = choice('compute-on', 'Compute on', PLACES, (place) => engine.choose(place === 'fastest' ? null : place));
  store.watch(({ backend: chosen }) => [chosen], (_, chosen) => {
    const adapter = chosen.kind === 'chosen' ? chosen.adapter : null;
    where.element.hidden = adapter === null;
    if (adapter !== null) where.select(chosenByHand(adapter) ?? 'fastest');
  });
  store.watch(({ meter }) => [meter], (_, meter) => {
    rate.hidden = meter === null;
    if (meter === null) return;
    rate.replaceChildren(...facts(['Streaming', `${meter.frames_per_second.toFixed(1)} frames a second`], ['Latency', duration(meter.latency_ms)]));
  });
  store.watch(({ shown }) => [shown?.answer ?? null], (_, answer) => {
    empty.hidden = answer !== null;
    const timings = answer?.segmentation.timings ?? [];
    body.replaceChildren(
      ...timings.map(({ stage, milliseconds }) => h('tr', {}, h('th', { scope: 'row' }, stage.replaceAll('_', ' ')), h('td', {}, duration(milliseconds)))),
    );
  });
  return panel('timing-panel', 'Timing', rate, empty, table, backend, where.element, h('p', {}, h('a', { href: './bench.html' }, 'Measure the speed of this machine')));
}
