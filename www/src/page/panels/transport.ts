// Time: play, pause, step, scrub, speed, segmenting every frame, and following what is on this one.

import type { App } from '../app';
import { h, setText } from '../dom';
import { isCine, isFinite } from '../sources/types';
import { setIcon, type IconName } from './icons';
import { marks } from './marks';
import { iconButton, textButton } from './parts';

const RATES = [0.25, 0.5, 1, 1.5, 2];

export function transport(app: App): HTMLElement {
  const { store, session, processor, follower } = app;
  const play = iconButton('play', 'Play', 'Space', () => app.togglePlay());
  play.id = 'play';
  const back = iconButton('back', 'One frame back', '←', () => void session.step(-1));
  const forward = iconButton('forward', 'One frame on', '→', () => void session.step(1));
  const loop = iconButton('loop', 'Loop', 'L', () => session.setPlayback({ loop: !store.state.playback.loop }));
  const scrub = h('input', { id: 'scrub', type: 'range', min: '0', step: '1', className: 'scrub' });
  scrub.ariaLabel = 'Frame';
  scrub.addEventListener('input', () => void session.seek(scrub.valueAsNumber));
  const place = h('output', { id: 'place' });
  const rate = h('select', { id: 'rate' }, ...RATES.map((rate) => h('option', { value: String(rate) }, `${rate}×`)));
  rate.ariaLabel = 'Speed';
  rate.addEventListener('change', () => session.setPlayback({ rate: Number(rate.value) }));
  const all = textButton('Segment all', 'all', () => void processor.run());
  all.id = 'segment-all';
  const toStart = followButton('Follow to the start', 'followBack', 'follow-back', () => void follower.run(true));
  const toEnd = followButton('Follow to the end', 'follow', 'follow', () => void follower.run(false));
  const cancel = textButton('Cancel', 'close', () => {
    processor.cancel();
    follower.cancel();
  });
  cancel.id = 'cancel';
  const done = h('span', { id: 'answered', className: 'quiet' });
  const bar = h('div', { id: 'transport', className: 'transport' }, play, back, forward, h('div', { className: 'scrubber' }, scrub, marks(app)), place, loop, rate, all, toStart, toEnd, cancel, done);
  bar.role = 'group';
  bar.ariaLabel = 'Playback';

  store.watch(({ source, work, model }) => [source, work.kind === 'processing', model.kind === 'ready', model.kind === 'ready' && model.can_follow], (_, source, processing, ready, follows) => {
    const open = source.kind === 'open' ? source.source : null;
    const finite = open !== null && isFinite(open);
    const single = finite && open.frames === 1;
    bar.hidden = open === null || single;
    for (const control of [back, forward, scrub, place, loop, rate, done]) control.hidden = !finite;
    all.hidden = !finite || processing;
    all.disabled = !ready;
    for (const control of [toStart, toEnd]) control.hidden = !finite || processing || !follows || !isCine(open);
    cancel.hidden = !processing;
    for (const control of [play, back, forward, scrub, loop, rate]) control.disabled = processing;
    if (finite) scrub.max = String(open.frames - 1);
  });
  store.watch(({ playback, source }) => [playback, source], (_, { playing, loop: again, rate: speed }, source) => {
    setIcon(play, playing ? 'pause' : 'play');
    play.ariaLabel = playing ? 'Pause' : source.kind === 'open' && !isFinite(source.source) ? 'Go on' : 'Play';
    play.title = `${play.ariaLabel} (Space)`;
    loop.ariaPressed = String(again);
    rate.value = String(speed);
  });
  store.watch(({ shown, source }) => [shown?.frame.index ?? 0, source], (_, index, source) => {
    if (source.kind !== 'open' || !isFinite(source.source)) return;
    const { frames, times_s } = source.source;
    scrub.valueAsNumber = index;
    const time = times_s === null ? '' : `, ${times_s[index]!.toFixed(2)} s`;
    scrub.ariaValueText = `Frame ${index + 1} of ${frames}${time}`;
    if (place.value !== `${index + 1} / ${frames}`) place.value = `${index + 1} / ${frames}`;
  });
  store.watch(({ answered, source }) => [answered, source], (_, answered, source) => {
    if (source.kind !== 'open' || !isFinite(source.source)) return;
    const { frames } = source.source;
    setText(done, frames > 1 && answered > 0 ? `${answered} of ${frames} segmented` : '');
  });
  return bar;
}

function followButton(label: string, icon: IconName, id: string, run: () => void): HTMLButtonElement {
  const button = textButton(label, icon, run);
  button.id = id;
  button.title = 'Finds the structures of this frame on the frames after or before it, by what the model remembers of them';
  return button;
}
