// The answers of a source's frames, kept so that going back to a frame shows its masks at once.

import type { Answer } from '../state';

export class Results {
  /** All of them: run lengths and contours of a frame take some tens of kB. */
  private readonly answers = new Map<number, Answer>();

  keep(index: number, answer: Answer): void {
    this.answers.set(index, answer);
  }

  find(index: number): Answer | null {
    return this.answers.get(index) ?? null;
  }

  /** In order. */
  indices(): number[] {
    return [...this.answers.keys()].sort((a, b) => a - b);
  }

  clear(): void {
    this.answers.clear();
  }
}
