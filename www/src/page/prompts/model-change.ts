// What becomes of prompts and settings when another model is loaded.

import type { ModelCard } from '../../shared/api';
import type { Core } from '../core';
import { renumbered, waiting } from './structures';

/** Prompts stay with the name of their structure; those for one that the model lacks wait, and the person is told. */
export function followModel({ store, session }: Core): void {
  let before: { card: ModelCard; manual_only: boolean } | null = null;
  /** What was said of the model before, which is not true of this one. */
  let said: string | null = null;
  store.watch(({ model }) => [model.kind === 'ready' ? model : null], (state, model) => {
    if (model === null || model.card === before?.card) return;
    const { card, manual_only } = model;
    const own = card.structures.map(({ name }) => name);
    const sameNames = before !== null && own.join('\n') === before.card.structures.map(({ name }) => name).join('\n');
    const { history, structures } = renumbered(state.history, state.structures, own);
    const name = state.structures[state.tools.structure];
    const structure = Math.max(0, own.indexOf(name ?? ''));
    // Not a person's choice, so it does not stay on with a model that can do without.
    const manual = manual_only || (state.tools.manual && !(before?.manual_only ?? false));
    const notes = [
      manual_only ? 'This model has no prompt predictor: it answers to your points, boxes and strokes alone.' : null,
      !manual_only && before?.manual_only && state.tools.manual ? 'This model finds structures by itself: “your prompts alone” was switched off.' : null,
      waitingNote(waiting(history, structures, own.length)),
    ].filter((note) => note !== null);
    before = { card, manual_only };
    const notice = notes.length > 0 ? notes.join(' ') : state.notice === said ? null : state.notice;
    said = notes.length > 0 ? notice : null;
    store.update({
      history,
      structures,
      tools: { ...state.tools, structure, manual },
      tokens_off: [],
      inside: { kind: 'none' },
      ...(sameNames ? {} : { look: { ...state.look, hidden: new Set<number>(), colors: new Map<number, string>() } }),
      notice,
    });
    session.questionChanged();
  });
}

function waitingNote(names: readonly string[]): string | null {
  return names.length === 0 ? null : `Prompts for ${names.join(', ')} wait: this model has no such structure. They count again with a model that has it.`;
}
