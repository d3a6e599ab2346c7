// Changes of what a person makes on a source, each one step of undo; and of the tools.

import type { GrafLines } from '../../measure/graf';
import type { Labels } from '../../learn/labels';
import { clampBox, type Box } from '../../shared/geometry';
import { keyAt } from '../sources/types';
import { cropAt, currentCalipers, currentPrompts, LEAST_CROP, type Caliper, type Tools } from '../state';
import type { Store } from '../store';
import type { Session } from '../stream/session';
import { changed, EVERY_PICTURE, redone, undone, type History, type Made } from './history';
import { NO_PROMPTS, promptsAt, withFrame, withPrompt, type Prompt, type PromptSet } from './prompts';

export class Edits {
  constructor(
    private readonly store: Store,
    private readonly session: Session,
  ) {}

  add(prompt: Prompt): void {
    this.setPrompts(withPrompt(this.prompts, prompt));
  }

  remove(prompt: Prompt): void {
    this.setPrompts(this.prompts.filter((other) => other !== prompt));
  }

  replace(prompt: Prompt, by: Prompt): void {
    this.setPrompts(this.prompts.map((other) => (other === prompt ? by : other)));
  }

  /** All prompts of the frame shown, or one structure's. Those that wait for another model stay. */
  clear(structure: number | null = null): void {
    const gone = new Set(currentPrompts(this.store.state).filter((prompt) => structure === null || prompt.structure === structure));
    if (gone.size > 0) this.setPrompts(this.prompts.filter((prompt) => !gone.has(prompt)));
  }

  addCaliper(caliper: Caliper): void {
    this.setCalipers([...currentCalipers(this.store.state), caliper]);
  }

  removeCaliper(caliper: Caliper): void {
    this.setCalipers(currentCalipers(this.store.state).filter((other) => other !== caliper));
  }

  /** Whether a person has looked at the masks of the frame shown and accepts them, as they are now. */
  setReviewed(on: boolean): void {
    const { shown, reviewed } = this.store.state;
    if (shown === null || shown.answer === null) return;
    const now = new Map(reviewed);
    if (on) now.set(shown.frame.index, shown.answer.question);
    else now.delete(shown.frame.index);
    this.store.update({ reviewed: now });
  }

  /** What is labelled from now on. Where `accepted`, the prompts of the frame shown have become a label and go. */
  setLabels(labels: Labels, accepted = false): void {
    const { shown, history } = this.store.state;
    if (shown === null) return;
    const { prompts } = history.present;
    const gone = new Set(accepted ? currentPrompts(this.store.state) : NO_PROMPTS);
    const left = this.prompts.filter((prompt) => !gone.has(prompt));
    this.change({ labels, ...(gone.size > 0 && { prompts: withFrame(prompts, shown.frame.index, left) }) });
  }

  replaceCaliper(caliper: Caliper, by: Caliper): void {
    this.setCalipers(currentCalipers(this.store.state).map((other) => (other === caliper ? by : other)));
  }

  /** What the model sees of the picture shown; of a cine, of all its frames. */
  setCrop(crop: Box): void {
    const { shown, source, history } = this.store.state;
    if (shown === null || source.kind === 'none') return;
    const { picture, index } = shown.frame;
    const key = keyAt(source.source, index, picture);
    this.change({ crops: new Map(history.present.crops).set(key, clampBox(crop, picture, LEAST_CROP)) });
  }

  /** The crop of the picture shown for every picture of the folder. */
  cropEveryPicture(): void {
    const { shown, crop } = this.store.state;
    if (shown !== null) this.change({ crops: new Map([[EVERY_PICTURE, crop]]) });
  }

  /** The lines of the hip on the stage as the person has them; null for those that were found. */
  setGraf(lines: GrafLines | null): void {
    const { shown, history } = this.store.state;
    this.store.update({ graf_draft: null });
    if (shown === null) return;
    const graf = new Map(history.present.graf);
    if (lines === null) graf.delete(shown.frame.index);
    else graf.set(shown.frame.index, lines);
    this.change({ graf });
  }

  undo(): void {
    this.travel(undone(this.store.state.history));
  }

  redo(): void {
    this.travel(redone(this.store.state.history));
  }

  /** What the line that was drawn for it measures, on this picture or, by {@link EVERY_PICTURE}, on all that are open. */
  setScale(mm: number, key: string): void {
    const { scale_line: line, history } = this.store.state;
    if (line === null) return;
    this.store.update({ scale_line: null });
    this.change({ scales: new Map(history.present.scales).set(key, { ...line, mm }) });
  }

  /** Of this picture, and of all. */
  removeScale(): void {
    const { shown, history } = this.store.state;
    const scales = new Map(history.present.scales);
    for (const key of [shown?.frame.key, EVERY_PICTURE]) if (key !== undefined) scales.delete(key);
    this.change({ scales });
  }

  setTools(change: Partial<Tools>): void {
    const before = this.store.state.tools;
    this.store.update({ tools: { ...before, ...change } });
    if (change.manual !== undefined || change.carry !== undefined) this.session.questionChanged();
  }

  /** Of the frame shown, those that wait for another model too. */
  private get prompts(): PromptSet {
    const { shown, history, tools } = this.store.state;
    return shown === null ? NO_PROMPTS : promptsAt(history.present.prompts, shown.frame.index, tools.carry);
  }

  private setPrompts(prompts: PromptSet): void {
    const { shown, history } = this.store.state;
    if (shown !== null) this.change({ prompts: withFrame(history.present.prompts, shown.frame.index, prompts) });
  }

  private setCalipers(calipers: readonly Caliper[]): void {
    const { shown, history } = this.store.state;
    if (shown !== null) this.change({ calipers: new Map(history.present.calipers).set(shown.frame.index, calipers) });
  }

  private change(change: Partial<Made>): void {
    const { shown, history } = this.store.state;
    if (shown !== null) this.setHistory(changed(history, shown.frame.index, change));
  }

  /** To another state, on the frame where it differs. */
  private travel(to: { history: History; frame: number } | null): void {
    if (to === null) return;
    this.setHistory(to.history);
    const { shown } = this.store.state;
    if (shown === null || shown.frame.index === to.frame) return;
    this.session.pause();
    void this.session.seek(to.frame);
  }

  private setHistory(history: History): void {
    const { state } = this.store;
    const picture = state.shown?.frame;
    this.store.update({ history, crop: picture === undefined ? state.crop : cropAt({ ...state, history }, picture.index, picture.picture) });
    this.session.questionChanged();
  }
}
