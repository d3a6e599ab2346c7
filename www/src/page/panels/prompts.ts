// The prompts that count on the frame shown: listed, taken back one by one, undone; and whether they go along to other frames.

import type { App } from '../app';
import { h, setText } from '../dom';
import { modeOf, type Prompt } from '../prompts/prompts';
import { cardOf, currentPrompts } from '../state';
import { colorOf } from '../stage/colors';
import { iconButton, panel, slider, toggle } from './parts';

export const MODES = {
  'autonomous': 'Autonomous: the model finds the structures by itself.',
  'semi-autonomous': 'Semi-autonomous: the model and your prompts together.',
  'manual': 'Manual: your prompts alone.',
} as const;

export function promptsPanel(app: App): HTMLElement {
  const { store, edits } = app;
  const mode = h('p', { id: 'mode' });
  const list = h('ul', { id: 'prompts', className: 'prompts' });
  const manual = toggle('manual', 'Your prompts alone', 'M', (on) => edits.setTools({ manual: on }));
  const carry = toggle('carry', 'Keep prompts on the next frames', 'K', (on) => edits.setTools({ carry: on }));
  const brush = slider('brush-size', 'Brush size', { min: '1', max: '64', step: '1' }, (brush_radius) => edits.setTools({ brush_radius }));
  const undo = iconButton('undo', 'Undo', 'Ctrl+Z', () => edits.undo());
  const redo = iconButton('redo', 'Redo', 'Ctrl+Shift+Z', () => edits.redo());
  const clear = iconButton('clear', 'Clear prompts of this frame', 'Delete', () => edits.clear());

  store.watch(({ tools }) => [tools], (_, tools) => {
    manual.input.checked = tools.manual;
    carry.input.checked = tools.carry;
    brush.input.valueAsNumber = tools.brush_radius;
    brush.element.hidden = tools.tool !== 'brush' && tools.tool !== 'eraser';
  });
  store.watch(({ history }) => [history], (_, { past, future }) => {
    undo.disabled = past.length === 0;
    redo.disabled = future.length === 0;
  });
  store.watch((state) => [currentPrompts(state), state.tools.manual, cardOf(state), state.look], (_, prompts, alone, card, look) => {
    setText(mode, MODES[modeOf(prompts, alone)]);
    clear.disabled = prompts.length === 0;
    list.replaceChildren(
      ...prompts.map((prompt) => {
        const swatch = h('span', { className: 'swatch' });
        if (card !== null) swatch.style.backgroundColor = colorOf(card, look, prompt.structure);
        const text = `${describe(prompt)}${card === null ? '' : `, ${card.structures[prompt.structure]?.name ?? ''}`}`;
        return h('li', {}, swatch, h('span', {}, text), iconButton('close', `Remove: ${text}`, null, () => edits.remove(prompt)));
      }),
    );
  });
  return panel('prompts-panel', 'Prompts', mode, h('div', { className: 'row' }, undo, redo, clear), brush.element, list, manual.element, carry.element);
}

function describe(prompt: Prompt): string {
  switch (prompt.kind) {
    case 'point':
      return prompt.inside ? 'Point inside' : 'Point outside';
    case 'box':
      return 'Box';
    case 'stroke':
      return prompt.inside ? 'Brush' : 'Eraser';
  }
}
