// The area of each structure over the frames: a plot to look at, a table to read.

import type { AreaSeries } from '../../measure/frames';
import { h } from '../dom';

const SPACE = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT] = [300, 110];

/** `at` is the frame on the stage, of `frames`. */
export function areaPlot(series: readonly AreaSeries[], colors: readonly string[], frames: number, at: number): HTMLElement {
  const unit = series[0]?.unit ?? 'px';
  const most = Math.max(1e-9, ...series.flatMap(({ points }) => points.map(({ area }) => area)));
  const x = (frame: number) => (frames > 1 ? (frame / (frames - 1)) * WIDTH : WIDTH / 2);
  const y = (area: number) => HEIGHT - 2 - (area / most) * (HEIGHT - 4);
  const svg = shape('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' });
  svg.setAttribute('aria-label', `Area over the frames, up to ${figure(most)} ${unit}; the table below has the figures`);
  svg.append(shape('line', { x1: x(at), x2: x(at), y1: 0, y2: HEIGHT }));
  for (const { structure, points } of series) {
    // A line from frame to frame; where frames between have no answer, a new one.
    const step = ({ frame, area }: { frame: number; area: number }, i: number) => `${i > 0 && points[i - 1]!.frame === frame - 1 ? 'L' : 'M'}${x(frame)} ${y(area)}h.01`;
    svg.append(shape('path', { d: points.map(step).join(''), stroke: colors[structure] ?? 'currentColor' }));
  }
  return h('div', { className: 'area-plot' }, h('p', { className: 'figures' }, `Area over time, 0 to ${figure(most)} ${unit}`), svg, table(series, unit));
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

function shape(name: string, attributes: Record<string, string | number>): SVGElement {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/** To three digits. */
export function figure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}
