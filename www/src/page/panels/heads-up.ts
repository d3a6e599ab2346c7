// What is said on the stage itself: whose prompts count, how fast it goes, what is absent, and what the model was trained on.

import type { App } from '../app';
import { h, setText } from '../dom';
import { duration } from '../format';
import { modeOf } from '../prompts/prompts';
import { cardOf, currentPrompts } from '../state';
import { doubtful } from './doubtful';
import { textButton } from './parts';

const SHORT = { 'autonomous': 'Autonomous', 'semi-autonomous': 'Model and your prompts', 'manual': 'Your prompts alone' } as const;
/** A wait shorter than this needs no word. */
const PATIENCE_MS = 400;

export function headsUp({ store, engine }: App): HTMLElement {
  const mode = h('span', { id: 'hud-mode', className: 'chip' });
  const tokens = h('span', { id: 'hud-tokens', className: 'chip warn' });
  const speed = h('span', { id: 'hud-speed', className: 'chip' });
  const absent = h('span', { id: 'hud-absent', className: 'chip warn' });
  const look = h('span', { id: 'hud-look', className: 'chip warn' });
  const waiting = h('span', { id: 'hud-working', className: 'chip working', hidden: true }, h('span', { className: 'spinner' }), 'Segmenting… ', textButton('Stop', null, () => engine.cancel()));
  // Two lines of it, and all where it is pressed: on a phone it would cover the picture.
  const trained = h('span');
  const caption = h('details', { id: 'training-data', className: 'caption' }, h('summary', { title: 'All of it' }, trained));

  store.watch((state) => [currentPrompts(state), state.tools.manual, cardOf(state), state.shown === null, state.tokens_off], (_, prompts, manual, card, empty, off) => {
    setText(mode, card === null || empty ? '' : SHORT[modeOf(prompts, manual)]);
    setText(tokens, card === null || empty || off.length === 0 ? '' : `${off.length} of ${card.tokens} prompt tokens off`);
  });
  store.watch(({ meter, playback }) => [meter, playback.playing], (_, meter, playing) => {
    setText(speed, meter === null || !playing ? '' : `${meter.frames_per_second.toFixed(1)} fps · ${duration(meter.latency_ms)}`);
  });
  store.watch((state) => [cardOf(state), state.shown?.answer ?? null], (_, card, answer) => {
    const valid = card !== null && answer !== null && answer.question.model === card;
    const missing = valid ? answer.segmentation.structures.filter(({ present }) => !present).map(({ structure }) => card.structures[structure]!.name) : [];
    setText(absent, missing.length === 0 ? '' : `absent: ${missing.join(', ')}`);
    const unsure = valid ? doubtful(card, answer.segmentation.structures).map(({ structure }) => card.structures[structure]!.name) : [];
    setText(look, unsure.length === 0 ? '' : `needs a look: ${unsure.join(', ')}`);
    caption.hidden = !valid;
    setText(trained, valid ? `Model’s training data: ${card.training_data || 'not stated'}.` : '');
  });
  let timer = 0;
  store.watch(({ work }) => [work.kind === 'segmenting'], (_, segmenting) => {
    clearTimeout(timer);
    if (segmenting) timer = window.setTimeout(() => (waiting.hidden = false), PATIENCE_MS);
    else waiting.hidden = true;
  });
  return h('div', { className: 'heads-up' }, h('div', { className: 'chips' }, mode, tokens, absent, look, waiting, speed), caption);
}
