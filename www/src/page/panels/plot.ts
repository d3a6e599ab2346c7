// Lines over the frames of a cine, by their times where those are known, with a mark where the stage is.

const SPACE = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT] = [300, 110];

export interface PlotLine {
  /** A CSS colour. */
  color: string;
  dashed?: boolean;
  /** In the order of the frames; frames between that are missing break the line. */
  points: readonly { frame: number; value: number }[];
}

export interface PlotFrames {
  frames: number;
  times_s: readonly number[] | null;
  /** The frame on the stage. */
  at: number;
}

/** `most` is at the upper edge, 0 at the lower. What `label` says is all that a screen reader gets. */
export function plot(lines: readonly PlotLine[], most: number, { frames, times_s, at }: PlotFrames, label: string): SVGElement {
  const end = times_s?.at(-1) ?? 0;
  const along = (frame: number) => (times_s !== null && end > 0 ? times_s[frame]! / end : frames > 1 ? frame / (frames - 1) : 0.5);
  const x = (frame: number) => along(frame) * WIDTH;
  const y = (value: number) => HEIGHT - 2 - (value / most) * (HEIGHT - 4);
  const svg = shape('svg', { class: 'plot', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label });
  svg.append(shape('line', { x1: x(at), x2: x(at), y1: 0, y2: HEIGHT }));
  for (const { points, color, dashed } of lines) {
    const step = ({ frame, value }: { frame: number; value: number }, i: number) => `${i > 0 && points[i - 1]!.frame === frame - 1 ? 'L' : 'M'}${x(frame)} ${y(value)}h.01`;
    svg.append(shape('path', { d: points.map(step).join(''), stroke: color, 'stroke-dasharray': dashed ? '5 3' : 'none' }));
  }
  return svg;
}

function shape(name: string, attributes: Record<string, string | number>): SVGElement {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}
