// The answers of a source's frames, kept so that going back to a frame shows its masks at once.

import { sameBox } from '../../shared/geometry';
import { sameButCrop, type Answer, type Question } from '../state';

export class Results {
  /** All of them: run lengths and contours of a frame take some tens of kB. */
  private readonly answers = new Map<number, Answer>();

  keep(index: number, answer: Answer): void {
    this.answers.set(index, answer);
  }

  /** The answer to exactly this question. */
  find(index: number, question: Question | null): Answer | null {
    const answer = this.answers.get(index);
    return answer !== undefined && question !== null && sameBox(answer.question.crop, question.crop) && sameButCrop(answer.question, question) ? answer : null;
  }

  /** Frames with an answer to the question that would be asked of each now. */
  count(questionAt: (index: number) => Question | null): number {
    let count = 0;
    for (const [index, { question }] of this.answers) {
      const now = questionAt(index);
      if (now !== null && sameButCrop(question, now)) count++;
    }
    return count;
  }

  entries(): Iterable<[index: number, answer: Answer]> {
    return this.answers.entries();
  }

  clear(): void {
    this.answers.clear();
  }

  drop(index: number): void {
    this.answers.delete(index);
  }
}
