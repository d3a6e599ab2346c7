// A kept work put back onto the page, where its source is open.

import type { GrafLines } from '../../measure/graf';
import type { KeptFrame, WorkHead } from '../../persist/work';
import { placesIn } from '../../project/identity';
import type { Core } from '../core';
import { beginning, type Made } from '../prompts/history';
import { promptsAt, type PromptSet } from '../prompts/prompts';
import { renumbered } from '../prompts/structures';
import { sameBox } from '../../shared/geometry';
import { cardOf, questionAt, type Answer, type State } from '../state';
import { modelKey } from './identity';
import { sourceOf } from './gather';

/** A kept work at the places of the source that is open: its files may come in another order. */
export async function placed(head: WorkHead, frames: readonly KeptFrame[], state: State): Promise<{ head: WorkHead; frames: readonly KeptFrame[] }> {
  const { project } = head;
  const { source } = project;
  const now = await sourceOf(state);
  if (source === null || now === null || source.kind === 'demo' || now.kind === 'demo' || source.files.length < 2) return { head, frames };
  const places = placesIn(source.files, now.files);
  return {
    head: { ...head, project: { ...project, current_frame: places[project.current_frame] ?? 0 } },
    frames: frames.map((kept) => ({ ...kept, frame: places[kept.frame] ?? -1 })).filter(({ frame }) => frame >= 0),
  };
}

/** What was made, then what was answered; `frames` at their places. The model must be the one of the work by now, or the masks stay out. */
export async function applyWork(core: Core, head: WorkHead, frames: readonly KeptFrame[]): Promise<void> {
  const { store, session } = core;
  const key = await modelKey(store.state);
  const { project } = head;
  const made: Made = {
    prompts: new Map(frames.flatMap(({ frame, prompts }) => (prompts === null ? [] : [[frame, prompts]]))),
    calipers: new Map(frames.flatMap(({ frame, calipers }) => (calipers.length === 0 ? [] : [[frame, calipers]]))),
    graf: new Map(frames.flatMap(({ frame, graf }): [number, GrafLines][] => (graf == null ? [] : [[frame, graf]]))),
    crops: new Map(project.crops.map(({ picture, box }) => [picture, box])),
    scales: new Map(project.scales_by_hand.map(({ picture, ...scale }) => [picture, scale])),
    labels: {
      structures: project.own_structures ?? [],
      frames: new Map(frames.flatMap(({ frame, label }) => (label == null ? [] : [[frame, label]]))),
    },
  };
  const { tools, model, look: before } = store.state;
  const { manual, carry, look } = project.settings;
  const own = cardOf(store.state)?.structures.map(({ name }) => name) ?? [];
  const sameModel = key !== null && key === head.model;
  store.update({
    labelling: made.labels.structures[0]?.name ?? null,
    ...renumbered(beginning(made), project.model?.structures.map(({ name }) => name) ?? [], own),
    tools: { ...tools, manual: manual || (model.kind === 'ready' && model.manual_only), carry },
    // Which structure is hidden or coloured is said by numbers of the work's model.
    look: { ...look, ...(sameModel ? { hidden: new Set(look.hidden), colors: new Map(look.colors.map(({ structure, color }) => [structure, color])) } : { hidden: before.hidden, colors: before.colors }) },
  });
  if (sameModel) applyAnswers(core, head, frames);
  await session.seek(project.current_frame, false);
}

/** Masks of the model that is loaded. Those that answer another question than would be asked now stay out. */
export function applyAnswers({ store, session }: Core, { project: { settings } }: WorkHead, frames: readonly KeptFrame[]): void {
  const { history, tools, reviewed: before } = store.state;
  if (tools.manual !== settings.manual) return;
  const kept = new Map(frames.flatMap(({ frame, prompts }): [number, PromptSet][] => (prompts === null ? [] : [[frame, prompts]])));
  const reviewed = new Map(before);
  const answers: [number, Answer][] = [];
  for (const { frame, answer, reviewed: accepted } of frames) {
    const question = answer && questionAt(store.state, frame, answer.size);
    if (answer === null || question === null || !sameBox(question.crop, answer.segmentation.crop)) continue;
    if (!samePrompts(promptsAt(kept, frame, settings.carry), promptsAt(history.present.prompts, frame, tools.carry))) continue;
    const { followed_from, ...found } = answer;
    const following = followed_from === undefined ? undefined : { from: followed_from, prompts: history.present.prompts };
    answers.push([frame, { ...found, question, following }]);
    if (accepted) reviewed.set(frame, question);
  }
  store.update({ reviewed });
  session.restore(answers);
}

function samePrompts(a: PromptSet, b: PromptSet): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
