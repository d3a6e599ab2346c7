// Which answered frames a person should look at, the least sure first. Only a model whose sureness was measured has such a list.

import type { ModelCard, StructureResult } from '../../shared/api';
import type { App } from '../app';
import { h, setText } from '../dom';
import { cardOf } from '../state';
import { panel } from './parts';

/** Frames that are listed. */
const MOST = 12;

/** The structures of an answer that need a look; none where the model says nothing of its sureness. */
export function doubtful(card: ModelCard, structures: readonly StructureResult[]): StructureResult[] {
  const bound = card.calibration?.look_below;
  if (bound === undefined) return [];
  return structures.filter(({ present, expected_dice }) => present && expected_dice != null && expected_dice < bound);
}

export function doubtfulPanel({ store, session }: App): HTMLElement {
  const text = h('p', { className: 'quiet' });
  const list = h('ol', { id: 'doubtful-frames', className: 'frames' });
  const element = panel('doubtful-panel', 'Needs a look', text, list);
  store.watch((state) => [cardOf(state), state.answered, state.source], (_, card, _answered, _source) => {
    const calibration = card?.calibration;
    element.hidden = calibration === undefined || session.finite === null;
    if (card === null || calibration === undefined || element.hidden) return;
    const least = (structures: readonly StructureResult[]) => Math.min(...structures.map(({ expected_dice }) => expected_dice ?? 1));
    const frames = session
      .answers()
      .flatMap(([frame, { question, segmentation }]) => {
        const found = question.model === card ? doubtful(card, segmentation.structures) : [];
        return found.length === 0 ? [] : [{ frame, found }];
      })
      .sort((a, b) => least(a.found) - least(b.found));
    const basis = `An overlap (Dice) below ${calibration.look_below.toFixed(2)} is expected there; measured on ${calibration.pictures} pictures.`;
    setText(text, frames.length === 0 ? 'No answered frame needs a look.' : `${frames.length} of the answered frames, the least sure first. ${basis}`);
    list.replaceChildren(
      ...frames.slice(0, MOST).map(({ frame, found }) => {
        const names = found.map(({ structure }) => card.structures[structure]!.name).join(', ');
        const button = h('button', { type: 'button' }, `Frame ${frame + 1}: ${names}`);
        button.addEventListener('click', () => void session.seek(frame));
        return h('li', {}, button);
      }),
    );
  });
  return element;
}
