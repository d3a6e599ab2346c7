// Figures of the frame on the stage, the distances taken on it, and the area over the frames.

import { areaOverTime, type MeasurementRow } from '../../measure/frames';
import { lengthText } from '../../measure/spacing';
import type { App } from '../app';
import { h, setText } from '../dom';
import { isCine } from '../sources/types';
import { colorOf } from '../stage/colors';
import { cardOf, currentCalipers, type State } from '../state';
import { answeredFrames, areaSamples, namesOf, rowsOf } from '../work/answered';
import { pixelsShown } from '../work/pixels';
import { standardFigures, standardText } from '../work/standard';
import { areaPlot, figure } from './area-plot';
import { iconButton, panel, textButton } from './parts';
import { scaleByHand } from './scale';

/** The plot is drawn anew at most this often while frames stream, in ms. */
const PLOT_INTERVAL = 500;

export function measurePanel(app: App): HTMLElement {
  const { store, edits } = app;
  const hint = h('p', { id: 'measure-hint', className: 'quiet' });
  const body = h('tbody');
  const head = h('tr', {}, ...['Structure', 'Area', 'Largest extent', 'Length along'].map((title) => h('th', { scope: 'col' }, title)));
  const table = h('table', { id: 'measures', className: 'measures' }, h('caption', { className: 'visually-hidden' }, 'Measurements of this frame'), h('thead', {}, head), body);
  const standard = h('p', { id: 'standard', hidden: true });
  const found = textButton('Lines as they were found', 'undo', () => edits.setGraf(null));
  const calipers = h('ul', { id: 'calipers', className: 'prompts' });
  const distance = textButton('Measure a distance', 'caliper', () => edits.setTools({ tool: store.state.tools.tool === 'caliper' ? 'select' : 'caliper' }));
  const plot = h('div', { id: 'area-plot' });

  store.watch(({ shown, playback, model, source, history }) => [shown?.answer ?? null, shown?.frame.index ?? 0, playback.playing, model, source, history.present.scales], (state, answer, frame, playing, ..._parts) => {
    const found = answer !== null && answer.question.model === cardOf(state);
    table.hidden = !found || playing;
    if (!found) return setText(hint, 'Measured once a frame is segmented.');
    setText(hint, playing ? 'Pause to measure a frame.' : unitsOf(state));
    if (playing) return;
    void rowsOf(state, { frame, time_s: null, answer }).then((rows) => store.state.shown?.answer === answer && body.replaceChildren(...rows.map(rowOf)), () => undefined);
  });
  store.watch((state) => [state.shown?.answer ?? null, cardOf(state), state.shown?.frame.index ?? 0, state.playback.playing, state.graf_draft, state.history.present, state.source], (state, answer, card, frame, playing, ..._parts) => {
    const figures = answer !== null && answer.question.model === card && !playing ? standardFigures(state, frame, answer) : null;
    standard.hidden = figures === null;
    found.hidden = figures?.kind !== 'hip' || !figures.by_hand;
    setText(standard, figures === null ? '' : standardText(figures));
  });
  store.watch((state) => [currentCalipers(state), state.source, state.history.present.scales], (state, now, ..._parts) => {
    calipers.replaceChildren(
      ...now.map((caliper) => {
        const text = `Distance: ${lengthText(caliper.from, caliper.to, pixelsShown(state))}`;
        return h('li', {}, h('span', {}, text), iconButton('close', `Remove: ${text}`, null, () => edits.removeCaliper(caliper)));
      }),
    );
  });
  store.watch(({ tools, shown }) => [tools.tool, shown === null], (_, tool, empty) => {
    distance.ariaPressed = String(tool === 'caliper');
    distance.disabled = empty;
  });

  let timer = 0;
  store.watch((state) => [state.answered, state.look, cardOf(state), state.shown?.frame.index ?? 0, state.source, state.history.present.scales], () => {
    if (timer === 0) timer = window.setTimeout(() => ((timer = 0), showPlot(store.state)), PLOT_INTERVAL);
  });
  function showPlot(state: State): void {
    const card = cardOf(state);
    const frames = answeredFrames(app);
    const { finite } = app.session;
    plot.hidden = card === null || finite === null || !isCine(finite) || frames.length < 2;
    if (card === null || finite === null || plot.hidden || plot.querySelector('details[open]') !== null) return;
    const series = areaOverTime(areaSamples(state, frames), namesOf(card));
    plot.replaceChildren(areaPlot(series, card.structures.map((_, structure) => colorOf(card, state.look, structure)), { frames: finite.frames, times_s: finite.times_s, at: state.shown?.frame.index ?? 0 }));
  }
  return panel('measure-panel', 'Measure', hint, standard, found, table, distance, calipers, scaleByHand(app), plot);
}

/** In what the figures are, and who says how large a pixel is. */
function unitsOf(state: State): string {
  const { scales, aspect } = pixelsShown(state);
  const origins = new Set(scales.flatMap(({ spacing, origin }) => (spacing === null ? [] : [origin])));
  const [origin] = origins;
  if (origin === undefined) return `In pixels: this source does not say how large a pixel is.${aspect === 1 ? '' : ' Lengths are in a pixel’s shorter side: pixels are not square.'}`;
  switch (origin) {
    case 'ultrasound region':
      return 'In mm within the ultrasound regions that the file calibrates, in pixels elsewhere.';
    case 'set by hand':
      return 'In mm, by the scale that you set.';
    case 'imager pixel spacing':
    case 'nominal scanned pixel spacing':
      return `In mm at the detector, not in the patient: by the file’s ${origin}.`;
    case 'pixel spacing':
    case 'cine file':
      return 'In mm, by the spacing that the source states.';
  }
}

function rowOf({ name, measured }: MeasurementRow): HTMLElement {
  const cells = (): string[] => {
    if (measured === null) return ['absent', '', ''];
    const { in_mm, in_px, calibration } = measured;
    const sizes = in_mm ?? in_px;
    const [area, length] = in_mm === null ? ['px', 'px'] : ['mm²', 'mm'];
    if (calibration.kind === 'across') return [`${figure(in_px.area)} px`, 'not in one region', ''];
    return [`${figure(sizes.area)} ${area}`, `${figure(sizes.feret.length)} ${length}`, `${figure(sizes.centreline)} ${length}`];
  };
  return h('tr', {}, h('th', { scope: 'row' }, name), ...cells().map((text) => h('td', {}, text)));
}
