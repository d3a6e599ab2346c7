// Changes of the prompts and the tools, each one step of undo where it changes prompts.

import type { Store } from '../store';
import type { Session } from '../stream/session';
import { currentPrompts, NO_CALIPERS, type Caliper, type Tools } from '../state';
import { EVERY_PICTURE } from '../work/pixels';
import { changed, redone, undone, withFrame, type History } from './history';
import { withoutStructure, withPrompt, type Prompt, type PromptSet } from './prompts';

export class Edits {
  constructor(
    private readonly store: Store,
    private readonly session: Session,
  ) {}

  add(prompt: Prompt): void {
    this.setPrompts(withPrompt(currentPrompts(this.store.state), prompt));
  }

  remove(prompt: Prompt): void {
    this.setPrompts(currentPrompts(this.store.state).filter((other) => other !== prompt));
  }

  /** All prompts of the frame shown, or one structure's. */
  clear(structure: number | null = null): void {
    const now = currentPrompts(this.store.state);
    const left = structure === null ? [] : withoutStructure(now, structure);
    if (left.length !== now.length) this.setPrompts(left);
  }

  undo(): void {
    this.setHistory(undone(this.store.state.history));
  }

  redo(): void {
    this.setHistory(redone(this.store.state.history));
  }

  addCaliper(caliper: Caliper): void {
    this.setCalipers((calipers) => [...calipers, caliper]);
  }

  removeCaliper(caliper: Caliper): void {
    this.setCalipers((calipers) => calipers.filter((other) => other !== caliper));
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

  /** What the line that was drawn for it measures, on this picture or, without a key, on all that are open. */
  setScale(mm: number, key: string): void {
    const { scale_line: line, scales_by_hand: scales } = this.store.state;
    if (line !== null) this.store.update({ scale_line: null, scales_by_hand: new Map(scales).set(key, { ...line, mm }) });
  }

  /** Of this picture, and of all. */
  removeScale(): void {
    const { shown, scales_by_hand } = this.store.state;
    const scales = new Map(scales_by_hand);
    for (const key of [shown?.frame.key, EVERY_PICTURE]) if (key !== undefined) scales.delete(key);
    this.store.update({ scales_by_hand: scales });
  }

  setTools(change: Partial<Tools>): void {
    const before = this.store.state.tools;
    this.store.update({ tools: { ...before, ...change } });
    if (change.manual !== undefined || change.carry !== undefined) this.askAgain();
  }

  /** Of the frame shown. */
  private setCalipers(change: (calipers: readonly Caliper[]) => readonly Caliper[]): void {
    const { shown, calipers } = this.store.state;
    if (shown === null) return;
    const { index } = shown.frame;
    this.store.update({ calipers: new Map(calipers).set(index, change(calipers.get(index) ?? NO_CALIPERS)) });
  }

  private setPrompts(prompts: PromptSet): void {
    const { shown, history } = this.store.state;
    if (shown === null) return;
    this.setHistory(changed(history, withFrame(history.present, shown.frame.index, prompts)));
  }

  private setHistory(history: History): void {
    if (history === this.store.state.history) return;
    this.store.update({ history });
    this.askAgain();
  }

  private askAgain(): void {
    this.store.update({ answered: this.session.countAnswered() });
    void this.session.refresh();
  }
}
