// How far a training is: steps, minutes, the curve, and what it finds on the frames that are kept apart.

import { classIdsOfLabel } from '../../learn/labels';
import type { LearningLog, LearningTask, LearningValidation } from '../../shared/learning';
import type { App } from '../app';
import { h, setText } from '../dom';
import { bytes } from '../format';
import { cropAt, type LearningState } from '../state';
import { plot } from '../panels/plot';
import { textButton } from '../panels/parts';
import type { Learning } from './learning';

/** Steps that a line of the curve is a mean over. */
const SMOOTHED = 10;

export function progressOfLearning(app: App, learning: Learning): HTMLElement {
  const { store } = app;
  const status = h('p', { id: 'learn-status' });
  status.role = 'status';
  const reason = h('p', { id: 'learn-reason', className: 'quiet' });
  const progress = h('progress', { id: 'learn-progress' });
  progress.ariaLabel = 'Steps of the training';
  const curve = h('div', { id: 'learn-curve' });
  const figures = h('p', { id: 'learn-dice' });
  figures.role = 'status';
  const held = h('div', { id: 'learn-held', className: 'held-back' });
  const pause = textButton('Pause', 'pause', () => (store.state.learning.kind === 'running' && store.state.learning.paused ? learning.resume() : learning.pause()));
  pause.id = 'learn-pause';
  const stop = textButton('Stop, keep the best', 'close', () => learning.stop());
  stop.id = 'learn-stop';
  const goOn = textButton('Go on', 'play', () => learning.goOn());
  goOn.id = 'learn-go-on';
  const discard = textButton('Discard', 'clear', () => void learning.discard());
  discard.id = 'learn-discard';

  const element = h('div', { className: 'stack' }, status, progress, reason, figures, curve, held, h('div', { className: 'buttons small' }, pause, stop, goOn, discard));

  store.watch(({ learning }) => [learning], (_, now) => {
    const running = now.kind === 'running';
    element.hidden = !running && now.kind !== 'broken-off';
    for (const part of [progress, curve, figures, held, reason, pause, stop]) part.hidden = !running;
    for (const part of [goOn, discard]) part.hidden = now.kind !== 'broken-off';
    if (now.kind === 'broken-off') return setText(status, `Learning ${now.task.title} on ${now.task.source} was broken off. It goes on where it was.`);
    if (!running) return;
    const { plan, log } = now;
    pause.querySelector('span')!.textContent = now.paused ? 'Resume' : 'Pause';
    setText(reason, plan?.reason ?? '');
    setText(status, statusOf(now));
    if (plan === null) return progress.removeAttribute('value');
    Object.assign(progress, { max: plan.steps, value: log.steps.at(-1)?.step ?? plan.step });
    curve.replaceChildren(curveOf(log, plan.steps));
    setText(figures, diceOf(now.task, log));
  });
  store.watch(({ learning }) => [learning.kind === 'running' ? learning.held : null], (state, validation) => {
    if (validation === null || state.learning.kind !== 'running') return held.replaceChildren();
    void paintHeld(app, state.learning.task, validation).then((pictures) => held.replaceChildren(...pictures));
  });
  return element;
}

function statusOf({ plan, log, paused, memory }: Extract<LearningState, { kind: 'running' }>): string {
  if (plan === null) return 'Fetching the program that learns…';
  const step = log.steps.at(-1)?.step ?? plan.step;
  const here = log.steps.length;
  if (paused) return `Paused at step ${step} of ${plan.steps}.`;
  if (here < 3) return `Looking at the frames… ${plan.weights.trained.toLocaleString('en')} of ${plan.weights.all.toLocaleString('en')} weights learn.`;
  const seconds = (log.seconds / here) * (plan.steps - step);
  return `Step ${step} of ${plan.steps}, ${minutes(seconds)} left · ${bytes(memory)} of memory`;
}

function minutes(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds / 10) * 10)} seconds`;
  return `${Math.round(seconds / 60)} minutes`;
}

function diceOf({ job }: LearningTask, { validations }: LearningLog): string {
  const last = validations.at(-1);
  if (last === undefined) return '';
  const best = validations.reduce((best, other) => (other.mean_dice > best.mean_dice ? other : best));
  const each = job.structures.flatMap(({ name }, i) => (last.dice[i] == null ? [] : [`${name} ${last.dice[i].toFixed(2)}`]));
  return `Dice on the frames kept apart, at step ${last.step}: ${each.join(', ')}. Best so far: ${best.mean_dice.toFixed(2)} at step ${best.step}.`;
}

/** The loss as a line, as a share of its largest mean; the Dice of the frames kept apart as dots. */
function curveOf({ steps, validations }: LearningLog, most: number): SVGElement {
  const means = steps.map(({ step }, i) => {
    const last = steps.slice(Math.max(0, i + 1 - SMOOTHED), i + 1);
    return { frame: step, value: last.reduce((sum, { total }) => sum + total, 0) / last.length };
  });
  const largest = Math.max(1e-6, ...means.map(({ value }) => value));
  const loss = means.map(({ frame, value }) => ({ frame, value: value / largest }));
  const dice = validations.map(({ step, mean_dice }) => ({ frame: step, value: mean_dice }));
  const said = `Loss ${means.at(-1)?.value.toFixed(2) ?? 'not known'}, at most ${largest.toFixed(2)}; Dice ${dice.at(-1)?.value.toFixed(2) ?? 'not known yet'}`;
  return plot([{ color: 'var(--accent)', points: loss }, { color: 'var(--presence)', points: dice }], 1, { frames: most + 1, times_s: null, at: steps.at(-1)?.step ?? 0 }, said);
}

/** The frames kept apart as the model sees them: its masks filled, the label's edge white. */
async function paintHeld({ store, session }: App, { frames, job }: LearningTask, { answers }: LearningValidation): Promise<HTMLElement[]> {
  const { finite } = session;
  const pictures: HTMLElement[] = [];
  for (const { frame, width, height, class_ids } of answers) {
    const { index } = frames[frame]!;
    const label = store.state.history.present.labels.frames.get(index);
    const shown = finite === null || label === undefined ? null : await finite.frame(index).catch(() => null);
    const canvas = h('canvas', { width, height });
    const context = canvas.getContext('2d');
    if (context === null) continue;
    if (shown !== null) {
      const [left, top] = cropAt(store.state, index, shown.picture);
      context.drawImage(shown.picture, -left, -top);
      const truth = classIdsOfLabel(label!, job.structures.map(({ name }) => name));
      paint(context, class_ids, (x, y) => truth[(y + top) * shown.picture.width + x + left] ?? 0, job);
      shown.picture.close();
    } else paint(context, class_ids, () => 0, job);
    canvas.role = 'img';
    canvas.ariaLabel = `Frame ${index + 1}, kept apart: the model’s masks so far, the labels’ edges in white`;
    pictures.push(h('figure', {}, canvas, h('figcaption', {}, `Frame ${index + 1}`)));
  }
  return pictures;
}

function paint(context: CanvasRenderingContext2D, class_ids: Uint8Array, truth: (x: number, y: number) => number, { structures }: LearningTask['job']): void {
  const { width, height } = context.canvas;
  const image = context.getImageData(0, 0, width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x);
      const color = structures[class_ids[y * width + x]! - 1]?.color;
      if (color !== undefined) color.forEach((channel, i) => (image.data[at + i] = Math.round(0.55 * image.data[at + i]! + 0.45 * channel)));
      const here = truth(x, y);
      const isEdge = here !== 0 && (truth(x - 1, y) !== here || truth(x + 1, y) !== here || truth(x, y - 1) !== here || truth(x, y + 1) !== here);
      if (isEdge) image.data.fill(255, at, at + 3);
    }
  }
  context.putImageData(image, 0, 0);
}
