// The area of each structure over the frames: a plot to look at, a table to read.

import type { AreaSeries } from '../../measure/frames';
import { h } from '../dom';
import { plot, type PlotFrames } from './plot';

export function areaPlot(series: readonly AreaSeries[], colors: readonly string[], frames: PlotFrames): HTMLElement {
  const unit = series[0]?.unit ?? 'px';
  const most = Math.max(0, ...series.flatMap(({ points }) => points.map(({ area }) => area)));
  const lines = series.map(({ structure, points }) => ({
    color: colors[structure] ?? 'currentColor',
    points: points.map(({ frame, area }) => ({ frame, value: area })),
  }));
  const over = frames.times_s === null ? 'the frames' : 'time';
  const range = most > 0 ? `0 to ${figure(most)} ${unit}` : `0 ${unit} in every frame so far`;
  const svg = plot(lines, most || 1, frames, `Area over ${over}, ${range}; the table below has the figures`);
  return h('div', { className: 'area-plot' }, h('p', { className: 'figures' }, `Area over ${over}, ${range}`), svg, table(series, unit));
}

function table(series: readonly AreaSeries[], unit: string): HTMLElement {
  const frames = [...new Set(series.flatMap(({ points }) => points.map(({ frame }) => frame)))].sort((a, b) => a - b);
  const byFrame = series.map(({ points }) => new Map(points.map(({ frame, area }) => [frame, area])));
  const head = h('tr', {}, h('th', { scope: 'col' }, 'Frame'), ...series.map(({ name }) => h('th', { scope: 'col' }, `${name}, ${unit}`)));
  const details = h('details', {}, h('summary', {}, 'Area of each frame'));
  // Built when somebody opens it: a long cine has many rows.
  details.addEventListener('toggle', () => {
    if (!details.open || details.querySelector('table') !== null) return;
    const rows = frames.map((frame) =>
      h('tr', {}, h('th', { scope: 'row' }, String(frame + 1)), ...byFrame.map((areas) => h('td', {}, areas.has(frame) ? figure(areas.get(frame)!) : ''))),
    );
    details.append(h('div', { className: 'scroll' }, h('table', { className: 'measures' }, h('thead', {}, head), h('tbody', {}, ...rows))));
  });
  return details;
}

/** To three digits. */
export function figure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}
