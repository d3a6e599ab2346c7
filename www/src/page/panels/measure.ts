// Figures of the frame on the stage, the distances taken on it, and the area over the frames.

import { areaOverTime } from '../../measure/frames';
import { caliperText } from '../../measure/spacing';
import type { App } from '../app';
import { h, setText } from '../dom';
import { colorOf } from '../stage/colors';
import { cardOf, NO_CALIPERS, type State } from '../state';
import { answeredFrames, areaSamples, isCine, namesOf, rowsOf, spacingOf } from '../work/answered';
import { areaPlot, figure } from './area-plot';
import { iconButton, panel, textButton } from './parts';

/** The plot is drawn anew at most this often while frames stream, in ms. */
const PLOT_INTERVAL = 500;

export function measurePanel(app: App): HTMLElement {
  const { store, edits } = app;
  const hint = h('p', { id: 'measure-hint', className: 'quiet' });
  const body = h('tbody');
  const head = h('tr', {}, ...['Structure', 'Area', 'Largest extent', 'Length along'].map((title) => h('th', { scope: 'col' }, title)));
  const table = h('table', { id: 'measures', className: 'measures' }, h('caption', { className: 'visually-hidden' }, 'Measurements of this frame'), h('thead', {}, head), body);
  const calipers = h('ul', { id: 'calipers', className: 'prompts' });
  const distance = textButton('Take a distance', 'caliper', () => edits.setTools({ tool: store.state.tools.tool === 'caliper' ? 'select' : 'caliper' }));
  const plot = h('div', { id: 'area-plot' });

  store.watch(({ shown, playback, model, source }) => [shown?.answer ?? null, shown?.frame.index ?? 0, playback.playing, model, source], (state, answer, frame, playing, ..._parts) => {
    const found = answer !== null && answer.question.model === cardOf(state);
    table.hidden = !found || playing;
    if (!found) return setText(hint, 'Measured once a frame is segmented.');
    setText(hint, playing ? 'Pause to measure a frame.' : spacingOf(state) === null ? 'In pixels: this source does not say how large a pixel is.' : 'In mm, by the spacing that the source states.');
    if (!playing) body.replaceChildren(...rowsOf(state, { frame, time_s: null, answer }).map(rowOf));
  });
  store.watch(({ calipers: all, shown, source }) => [shown === null ? NO_CALIPERS : (all.get(shown.frame.index) ?? NO_CALIPERS), source], (state, now, _source) => {
    calipers.replaceChildren(
      ...now.map((caliper) => {
        const text = `Distance: ${caliperText(caliper.from, caliper.to, spacingOf(state))}`;
        return h('li', {}, h('span', {}, text), iconButton('close', `Remove: ${text}`, null, () => edits.removeCaliper(caliper)));
      }),
    );
  });
  store.watch(({ tools, shown }) => [tools.tool, shown === null], (_, tool, empty) => {
    distance.ariaPressed = String(tool === 'caliper');
    distance.disabled = empty;
  });

  let timer = 0;
  store.watch((state) => [state.answered, state.look, cardOf(state), state.shown?.frame.index ?? 0, state.source], () => {
    if (timer === 0) timer = window.setTimeout(() => ((timer = 0), showPlot(store.state)), PLOT_INTERVAL);
  });
  function showPlot(state: State): void {
    const card = cardOf(state);
    const frames = answeredFrames(app);
    plot.hidden = card === null || !isCine(state) || frames.length < 2;
    if (card === null || plot.hidden || plot.querySelector('details[open]') !== null) return;
    const series = areaOverTime(areaSamples(frames), namesOf(card), spacingOf(state));
    plot.replaceChildren(areaPlot(series, card.structures.map((_, structure) => colorOf(card, state.look, structure)), app.session.finite?.frames ?? 1, state.shown?.frame.index ?? 0));
  }
  return panel('measure-panel', 'Measure', hint, table, distance, calipers, plot);
}

function rowOf({ name, measured }: ReturnType<typeof rowsOf>[number]): HTMLElement {
  const cells = (): string[] => {
    if (measured === null) return ['absent', '', ''];
    const { in_mm, in_px } = measured;
    const sizes = in_mm ?? in_px;
    const [area, length] = in_mm === null ? ['px', 'px'] : ['mm²', 'mm'];
    return [`${figure(sizes.area)} ${area}`, `${figure(sizes.feret.length)} ${length}`, `${figure(sizes.centreline)} ${length}`];
  };
  return h('tr', {}, h('th', { scope: 'row' }, name), ...cells().map((text) => h('td', {}, text)));
}
