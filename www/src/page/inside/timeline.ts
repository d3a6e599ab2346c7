// The model's own scores of a structure over the frames that have an answer, as a plot that can be walked through. They are not calibrated:
// no figure of them is shown.

import { h } from '../dom';
import { plot, type PlotFrames } from '../panels/plot';

export interface Moment {
  frame: number;
  present: boolean;
  /** How well the model expects its mask to fit, 0 to 1; null of masks from a file. */
  fit: number | null;
  /** How sure it is that the structure is there, 0 to 1; null where it says nothing of that. */
  presence: number | null;
}

export class Timeline {
  private readonly drawn = h('div');
  private readonly slider = h('input', { id: 'timeline-frame', type: 'range', min: '0', step: '1', ariaLabel: 'Frame of the timeline' });
  private readonly text = h('p', { id: 'timeline-text', className: 'figures' });
  readonly element = h('div', { id: 'timeline', className: 'timeline' });

  constructor(seek: (frame: number) => void) {
    this.slider.addEventListener('input', () => seek(this.slider.valueAsNumber));
    const key = (name: string, text: string) => h('span', { className: `key ${name}` }, text);
    this.element.append(this.drawn, this.slider, h('p', { className: 'keys figures' }, key('fit', 'expected fit'), key('presence', 'presence')), this.text);
  }

  show(moments: readonly Moment[], frames: PlotFrames): void {
    const line = (of: 'fit' | 'presence') => moments.flatMap(({ frame, [of]: value }) => (value === null ? [] : [{ frame, value }]));
    const lines = [
      { color: 'var(--presence)', dashed: true, points: line('presence') },
      { color: 'var(--accent)', points: line('fit') },
    ];
    this.drawn.replaceChildren(plot(lines, 1, frames, 'The model’s own scores over the frames, not calibrated'));
    this.slider.max = String(frames.frames - 1);
    this.slider.valueAsNumber = frames.at;
    const here = moments.find(({ frame }) => frame === frames.at);
    const found = here === undefined ? 'no answer yet' : here.present ? 'found' : 'absent';
    this.text.textContent = `Frame ${frames.at + 1} of ${frames.frames}: ${found}. ${moments.length} frames have an answer.`;
  }
}
