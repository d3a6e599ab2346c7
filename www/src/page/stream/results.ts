// The answers of a source's frames, kept so that going back to a frame shows its masks at once.

import { sameBox } from '../../shared/geometry';
import { sameButCrop, type Answer, type Question } from '../state';

/** Bytes of class ids that are kept; the oldest go first. */
const BUDGET = 400e6;

export class Results {
  private readonly answers = new Map<number, Answer>();
  private bytes = 0;

  keep(index: number, answer: Answer): void {
    this.drop(index);
    this.answers.set(index, answer);
    this.bytes += answer.segmentation.class_ids.byteLength;
    for (const oldest of this.answers.keys()) {
      if (this.bytes <= BUDGET) return;
      this.drop(oldest);
    }
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
    this.bytes = 0;
  }

  drop(index: number): void {
    this.bytes -= this.answers.get(index)?.segmentation.class_ids.byteLength ?? 0;
    this.answers.delete(index);
  }
}
