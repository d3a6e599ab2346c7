// The model's structures: what was found of each, its colour and visibility, and how masks are drawn.

import type { StructureResult } from '../../shared/api';
import type { App } from '../app';
import { h, setText } from '../dom';
import { pixels } from '../format';
import { colorOf } from '../stage/colors';
import { cardOf, type OverlayStyle } from '../state';
import { isReviewed } from '../work/answered';
import { choice, panel, slider, toggle } from './parts';

export function structuresPanel(app: App): HTMLElement {
  const { store } = app;
  const empty = h('p', { className: 'quiet' }, 'They come with a model.');
  const list = h('ul', { id: 'structures', className: 'structures' });
  const style = choice<OverlayStyle>('overlay', 'How masks are drawn', [['both', 'Both'], ['fill', 'Fill'], ['contour', 'Contour']], (style) => app.setLook({ style }));
  const opacity = slider('opacity', 'Opacity', { min: '0', max: '1', step: '0.05' }, (opacity) => app.setLook({ opacity }));
  const predicted = toggle('predicted-box', 'Box the model expected', 'X', (predicted_box) => app.setLook({ predicted_box }));
  const names = toggle('names', 'Names', 'N', (names) => app.setLook({ names }));
  const reviewed = toggle('reviewed', 'Masks of this frame reviewed', 'R', (on) => app.edits.setReviewed(on));
  let rows: Row[] = [];

  // Rows are built for a model and then only filled, so that the keyboard keeps its place.
  store.watch((state) => [cardOf(state)], (_, card) => {
    rows = card === null ? [] : card.structures.map(({ name }, structure) => new Row(app, name, structure));
    list.replaceChildren(...rows.map(({ element }) => element));
    empty.hidden = card !== null;
  });
  store.watch((state) => [cardOf(state), state.look, state.tools.structure], (_, card, look, active) => {
    style.select(look.style);
    opacity.input.valueAsNumber = look.opacity;
    predicted.input.checked = look.predicted_box;
    names.input.checked = look.names;
    if (card !== null) rows.forEach((row, i) => row.showLook(colorOf(card, look, i), !look.hidden.has(i), i === active));
  });
  store.watch((state) => [cardOf(state), state.shown?.answer ?? null], (_, card, answer) => {
    const found = answer !== null && answer.question.model === card ? answer.segmentation.structures : null;
    rows.forEach((row, i) => row.showResult(found && (found.find(({ structure }) => structure === i) ?? 'not asked')));
  });
  store.watch((state) => [cardOf(state), state.shown?.answer ?? null, isReviewed(state)], (_, card, answer, done) => {
    reviewed.element.hidden = card === null;
    reviewed.input.disabled = answer === null || answer.question.model !== card;
    reviewed.input.checked = done;
  });
  return panel('structures-panel', 'Structures', empty, list, reviewed.element, style.element, opacity.element, names.element, predicted.element);
}

class Row {
  readonly element: HTMLLIElement;
  private readonly choose = h('input', { type: 'radio', name: 'structure', className: 'visually-hidden' });
  private readonly color = h('input', { type: 'color' });
  private readonly visible = h('input', { type: 'checkbox', checked: true });
  private readonly figures = h('span', { className: 'figures' });

  constructor(app: App, name: string, structure: number) {
    this.color.ariaLabel = `Colour of ${name}`;
    this.visible.ariaLabel = `Show ${name}`;
    this.visible.title = `Show ${name}`;
    this.choose.addEventListener('change', () => app.edits.setTools({ structure }));
    this.visible.addEventListener('change', () => app.setVisible(structure, this.visible.checked));
    this.color.addEventListener('input', () => app.setLook({ colors: new Map(app.store.state.look.colors).set(structure, this.color.value) }));
    const label = h('label', { title: `Prompts are for ${name} (${structure + 1})` }, this.choose, h('span', { className: 'name' }, name), this.figures);
    this.element = h('li', {}, this.color, label, this.visible);
  }

  showLook(color: string, visible: boolean, active: boolean): void {
    this.color.value = color;
    this.visible.checked = visible;
    this.choose.checked = active;
    this.element.classList.toggle('active', active);
  }

  showResult(found: StructureResult | 'not asked' | null): void {
    this.element.classList.toggle('absent', found !== null && found !== 'not asked' && !found.present);
    setText(this.figures, found === null ? '' : found === 'not asked' ? 'no prompts for it' : figuresOf(found));
  }
}

/** A score is shown only where it was measured how far it can be trusted: a percentage under a wrong mask reads like a measurement. */
function figuresOf({ present, area_px, expected_dice }: StructureResult): string {
  if (!present) return 'absent';
  const expected = expected_dice == null ? '' : ` · expected overlap ${expected_dice.toFixed(2)}`;
  return `found · ${pixels(area_px)}${expected}`;
}
