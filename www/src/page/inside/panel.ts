// Look inside: what the model attends to, expects and sees on its way to the masks of the frame on the stage. Computed when the
// panel is open and the picture stands still.

import { failureOf } from '../../shared/messages';
import type { App } from '../app';
import { h, setText } from '../dom';
import { percent } from '../format';
import { panel, textButton } from '../panels/parts';
import { colorOf } from '../stage/colors';
import { cardOf, type Question, type State } from '../state';
import { viridisGradient } from './colormap';
import { drawBox, drawMap, heat, likely, onFrame, opaque, whereMost } from './maps';
import { Timeline } from './timeline';
import { nameOf, TokenList } from './tokens';

const SCALES = ['coarse', 'middle', 'fine'];
const FEATURES = ['Image embedding, coarse', 'Finer features', 'Finest features'];

export function insidePanel(app: App): HTMLElement {
  const { store } = app;
  const status = h('p', { id: 'inside-status', className: 'quiet' });
  status.role = 'status';
  const token = select('inside-token', 'Prompt token');
  const scale = select('inside-scale', 'Scale');
  const feature = select('inside-features', 'Features');
  const attention = canvas('attention-map');
  const expected = canvas('expected-map');
  const features = canvas('features-map');
  const legend = h('span', { className: 'ramp' });
  legend.style.background = viridisGradient();
  const share = h('p', { id: 'attention-share', className: 'figures' });
  const tokens = new TokenList((off) => app.setTokensOff(off));
  const allOn = textButton('All tokens on', null, () => app.setTokensOff([]));
  const timeline = new Timeline((frame) => void app.session.seek(frame));
  const looks = part('Where a token looks', 'Each prompt token reads the picture; bright places are those it takes most from.',
    h('div', { className: 'row' }, token.element, scale.element), attention, h('p', { className: 'legend figures' }, 'least', legend, 'most'), share);
  const expects = part('What the predictor expects', 'Before any mask is drawn, the prompt predictor expects the structure in this box and in this shape.', expected);
  const sees = part('What the encoder sees', 'Places with the same colour look alike to the model: the three strongest directions of its features as red, green and blue.', feature.element, features);
  const does = part('What each token does', 'The bar is the part of the mask that changes when the decoder does not get this token; switch tokens off to see it on the picture.', tokens.element, allOn);
  const ofPredictor = [looks, expects, does];
  const seen = h('div', { className: 'inside' }, looks, expects, sees, does);
  const overTime = part('Over time', 'How well the model expects its mask to fit, and how sure it is that the structure is there, frame by frame. These are its own scores, not calibrated: a wrong mask can have a high one.', timeline.element);
  const element = panel('inside-panel', 'Look inside', status, seen, overTime);
  element.open = false;

  const look = () => void lookInside(app, element.open);
  element.addEventListener('toggle', look);
  store.watch(({ shown, playback, work }) => [shown?.answer ?? null, playback.playing, work.kind === 'processing'], look);

  store.watch((state) => [cardOf(state)], (_, card) => {
    const count = card?.tokens ?? 0;
    token.fill(Array.from({ length: count }, (_, i) => nameOf(i)));
    tokens.build(count);
  });
  store.watch(({ tokens_off }) => [tokens_off], (_, off) => {
    tokens.showOff(off);
    allOn.disabled = off.length === 0;
  });

  const show = () => {
    const { state } = store;
    const { inside, tools, look, shown } = state;
    setText(status, statusOf(state));
    const card = cardOf(state);
    const current = inside.kind === 'seen' && card !== null && inside.frame === shown?.frame && inside.frame.picture.width > 0;
    seen.hidden = !current;
    if (!current) return;
    const { explanation, frame, question } = inside;
    const { structure } = tools;
    scale.fill(explanation.attention.map((_, i) => SCALES[i]!));
    feature.fill(FEATURES);
    const { coverage } = explanation;

    const map = explanation.features[feature.value()]!;
    drawMap(features, frame.picture, question.crop, opaque(map.rgb, map.width, map.height), coverage, false);
    features.ariaLabel = `${FEATURES[feature.value()]}: ${map.width} by ${map.height} places`;

    for (const part of ofPredictor) part.hidden = !card.parts.prompt_predictor;
    if (!card.parts.prompt_predictor) return;
    const { width, height, weights } = explanation.attention[scale.value()]!;
    const of = structure * card.tokens + token.value();
    const values = weights.subarray(of * width * height, (of + 1) * width * height);
    const looked = onFrame(values, width, height, coverage);
    drawMap(attention, frame.picture, question.crop, heat(values, width, height, Math.max(...looked.values)), coverage, true);
    attention.ariaLabel = `Token ${nameOf(token.value())} looks most at the ${whereMost(looked)} of the picture`;
    setText(share, `${percent(looked.values.reduce((sum, value) => sum + value, 0))} of this token’s look falls on the picture, the rest on the padding beside it.`);

    const { side, logits } = explanation.interim_mask;
    const color = colorOf(card, look, structure);
    const mask = logits.subarray(structure * side * side, (structure + 1) * side * side);
    drawMap(expected, frame.picture, question.crop, likely(mask, side, color), coverage, true);
    drawBox(expected, explanation.predicted_boxes[structure]!, question.crop, color);
    expected.ariaLabel = `The expected mask is strongest at the ${whereMost(onFrame(mask, side, side, coverage))} of the picture`;

    tokens.show(explanation.ablation.filter((effect) => effect.structure === structure));
  };
  for (const { input } of [token, scale, feature]) input.addEventListener('change', show);
  store.watch((state) => [state.inside, state.tools.structure, state.look, state.shown, state.playback.playing], () => show());

  const walk = () => {
    const { shown, tools: { structure } } = store.state;
    const { finite } = app.session;
    overTime.hidden = finite === null || finite.frames < 2;
    if (!element.open || finite === null || shown === null) return;
    const moments = app.session.answers().flatMap(([frame, { segmentation }]) => {
      const found = segmentation.structures.find((found) => found.structure === structure);
      return found === undefined ? [] : [{ frame, present: found.present, fit: found.iou, presence: found.object_score === null ? null : 1 / (1 + Math.exp(-found.object_score)) }];
    });
    timeline.show(moments.sort((a, b) => a.frame - b.frame), { frames: finite.frames, times_s: finite.times_s, at: shown.frame.index });
  };
  element.addEventListener('toggle', walk);
  store.watch((state) => [state.shown, state.answered, state.tools.structure], walk);
  return element;
}

/** Asks for a look at the frame on the stage where there is none yet and the picture stands still. */
async function lookInside({ store, engine }: App, open: boolean): Promise<void> {
  const { shown, playback, inside, work } = store.state;
  if (!open || shown === null || shown.answer === null || playback.playing || work.kind === 'processing' || inside.kind === 'looking') return;
  const { frame } = shown;
  const question: Question = { ...shown.answer.question, tokens_off: [] };
  if (inside.kind === 'seen' && inside.frame === frame && alike(inside.question, question)) return;
  store.update({ inside: { kind: 'looking' } });
  try {
    const explanation = await engine.explain(frame, question);
    store.update({ inside: explanation === null ? { kind: 'none' } : { kind: 'seen', frame, question, explanation } });
  } catch (error) {
    store.update({ inside: { kind: 'none' } });
    store.fail('work', failureOf(error));
    return;
  }
  // The frame or the question may be another by now.
  if (store.state.shown?.frame !== frame || (store.state.shown.answer !== null && !alike(store.state.shown.answer.question, question))) await lookInside({ store, engine } as App, open);
}

function alike(a: Question, b: Question): boolean {
  return a.model === b.model && a.crop === b.crop && a.prompts === b.prompts && a.manual === b.manual;
}

function statusOf({ model, shown, playback, inside, tools }: State): string {
  if (model.kind !== 'ready' || shown === null) return 'Open a picture with a model to look inside.';
  if (playback.playing) return 'Pause to look inside the frame on the stage.';
  if (inside.kind === 'looking') return 'Looking inside…';
  if (tools.manual) return 'Your prompts alone count: the learnt tokens are shown, but have no part in the mask.';
  return '';
}

function part(title: string, sentence: string, ...children: Node[]): HTMLElement {
  return h('section', { className: 'part' }, h('h3', {}, title), h('p', { className: 'quiet' }, sentence), ...children);
}

function canvas(id: string): HTMLCanvasElement {
  const element = h('canvas', { id });
  element.role = 'img';
  return element;
}

interface Choice {
  element: HTMLElement;
  input: HTMLSelectElement;
  value(): number;
  /** Keeps what is chosen where there is still such a one. */
  fill(options: readonly string[]): void;
}

function select(id: string, label: string): Choice {
  const input = h('select', { id });
  return {
    element: h('label', { className: 'field' }, h('span', {}, label), input),
    input,
    value: () => Math.max(0, input.selectedIndex),
    fill: (options) => {
      if (options.length === input.options.length && options.every((text, i) => input.options[i]!.text === text)) return;
      const chosen = Math.max(0, input.selectedIndex);
      input.replaceChildren(...options.map((text) => h('option', {}, text)));
      input.selectedIndex = Math.min(chosen, options.length - 1);
    },
  };
}
