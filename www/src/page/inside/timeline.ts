// IoU and presence of a structure over the frames that have an answer, as a plot that can be walked through.

import { h } from '../dom';
import { percent } from '../format';

export interface Moment {
  frame: number;
  iou: number;
  /** From 0, absent, to 1. */
  presence: number;
}

const SPACE = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT] = [300, 80];

export class Timeline {
  private readonly svg = document.createElementNS(SPACE, 'svg');
  private readonly slider = h('input', { id: 'timeline-frame', type: 'range', min: '0', step: '1', ariaLabel: 'Frame of the timeline' });
  private readonly text = h('p', { id: 'timeline-text', className: 'figures' });
  readonly element = h('div', { id: 'timeline', className: 'timeline' });

  constructor(seek: (frame: number) => void) {
    this.svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.svg.setAttribute('preserveAspectRatio', 'none');
    this.svg.setAttribute('aria-hidden', 'true');
    this.slider.addEventListener('input', () => seek(this.slider.valueAsNumber));
    const key = (name: string, text: string) => h('span', { className: `key ${name}` }, text);
    this.element.append(this.svg, this.slider, h('p', { className: 'keys figures' }, key('iou', 'IoU, as the model expects it'), key('presence', 'presence')), this.text);
  }

  show(moments: readonly Moment[], frames: number, at: number): void {
    const x = (frame: number) => (frames > 1 ? (frame / (frames - 1)) * WIDTH : WIDTH / 2);
    const y = (value: number) => HEIGHT - 2 - value * (HEIGHT - 4);
    const cursor = document.createElementNS(SPACE, 'line');
    for (const [name, value] of [['x1', x(at)], ['x2', x(at)], ['y1', 0], ['y2', HEIGHT]] as const) cursor.setAttribute(name, String(value));
    const dots = (kind: 'iou' | 'presence') => {
      const path = document.createElementNS(SPACE, 'path');
      path.setAttribute('class', kind);
      // A line from frame to frame; where frames between have no answer, a new one.
      const step = (moment: Moment, i: number) => `${i > 0 && moments[i - 1]!.frame === moment.frame - 1 ? 'L' : 'M'}${x(moment.frame)} ${y(moment[kind])}h.01`;
      path.setAttribute('d', moments.map(step).join(''));
      return path;
    };
    this.svg.replaceChildren(cursor, dots('presence'), dots('iou'));
    this.slider.max = String(frames - 1);
    this.slider.valueAsNumber = at;
    const here = moments.find(({ frame }) => frame === at);
    this.text.textContent = `Frame ${at + 1} of ${frames}: ${here === undefined ? 'no answer yet' : `IoU ${percent(here.iou)}, presence ${percent(here.presence)}`}. ${moments.length} frames have an answer.`;
  }
}
