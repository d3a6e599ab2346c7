// Follows structures through a cine from the frame on the stage, by a model with SAM 2's memory, until the end or cancelled.

import { failureOf, failed, type Failure, type FollowStep } from '../../shared/messages';
import type { ModelCard } from '../../shared/api';
import { sameBox, type Box } from '../../shared/geometry';
import { bytesOf } from '../../shared/runs';
import { requestOf } from '../prompts/prompts';
import type { FiniteSource, Frame } from '../sources/types';
import { questionAt, sameQuestion, type Answer, type Following, type Question } from '../state';
import type { Store } from '../store';
import type { Engine } from './engine';
import { summary } from './process';
import type { Session } from './session';

/** What a worker remembers; of another worker, source, model or crop nothing counts. */
interface Video {
  worker: object;
  source: FiniteSource;
  model: ModelCard;
  crop: Box;
  /** Frames that were found in it. */
  found: Set<number>;
}

export class Follower {
  private cancelled = false;
  private video: Video | null = null;

  constructor(
    private readonly store: Store,
    private readonly session: Session,
    private readonly engine: Engine,
  ) {}

  /** Prompts on the way correct what is followed; masks on the way that a person accepted are taken as they are. A frame that cannot be
   *  read is named at the end, and the others go on. */
  async run(backward: boolean): Promise<void> {
    const { session, store } = this;
    const source = session.finite;
    const { shown, work } = store.state;
    if (source === null || shown === null || work.kind === 'processing') return;
    const start = shown.frame.index;
    const by = backward ? -1 : 1;
    const total = backward ? start + 1 : source.frames - start;
    this.cancelled = false;
    session.pause();
    store.fail('work', null);
    this.countPromptsWhereTheyAre();
    const following: Following = { from: start, prompts: store.state.history.present.prompts };
    const left: { frame: number; failure: Failure }[] = [];
    for (let done = 0; done < total && !this.cancelled; done++) {
      store.update({ work: { kind: 'processing', done, total } });
      const index = start + by * done;
      let frame: Frame | null = null;
      try {
        frame = await source.frame(index);
        const found = await this.step(source, frame, done === 0, backward);
        if (found === null || session.source !== source) {
          frame.picture.close();
          break;
        }
        session.presentAnswered(frame, { ...found.answer, ...(found.step.kind === 'followed' && { following }) });
      } catch (error) {
        frame?.picture.close();
        if (session.source !== source) break;
        const failure = failureOf(error);
        if (failure.kind !== 'picture' || done === 0) {
          this.video = null;
          left.length = 0;
          store.fail('work', failure);
          break;
        }
        left.push({ frame: index, failure });
      }
    }
    // Another source has states of its own.
    if (session.source !== source) return;
    store.update({ work: { kind: 'idle' } });
    if (left.length > 0) store.fail('work', summary(left, source.frames));
    void session.refresh();
  }

  /** Between two frames: what has been followed stays. */
  cancel(): void {
    this.cancelled = true;
  }

  /** Carried on, a frame's prompts would hold the structure where it was. */
  private countPromptsWhereTheyAre(): void {
    const { tools } = this.store.state;
    if (!tools.carry) return;
    this.store.update({ tools: { ...tools, carry: false } });
    this.session.questionChanged();
  }

  private async step(source: FiniteSource, frame: Frame, first: boolean, backward: boolean): Promise<{ answer: Answer; step: FollowStep } | null> {
    const question = questionAt(this.store.state, frame.index, frame.picture);
    if (question === null) throw nothingToFollow();
    const { model, crop } = question;
    // A worker that is on its way is waited for: it is the one that remembers.
    const worker = await this.engine.worker();
    const before = this.video;
    const isBefore = before !== null && before.worker === worker && before.source === source && before.model === model && sameBox(before.crop, crop);
    const video = isBefore ? before : { worker, source, model, crop, found: new Set<number>() };
    const step = this.known(frame, question, video, first, backward);
    const answer = await this.engine.follow(frame, question, frame.index, video === before ? null : source.frames, step);
    this.video = answer && video;
    video.found.add(frame.index);
    return answer && { answer, step };
  }

  /** What is known of a frame before it is looked at: prompts of its own, masks that were accepted, of the first frame any masks. */
  private known(frame: Frame, question: Question, video: Video, first: boolean, backward: boolean): FollowStep {
    const answer = this.session.answerOn(frame.index);
    const accepted = this.store.state.reviewed.get(frame.index);
    const isAccepted = answer !== null && accepted !== undefined && sameQuestion(accepted, answer.question);
    if (question.prompts.length > 0 && !isAccepted) {
      return { kind: 'prompted', request: requestOf(question.prompts, question.manual, question.tokens_off), followed: !first || video.found.has(frame.index), backward };
    }
    if (!first && !isAccepted) return { kind: 'followed', backward };
    const structures = answer?.segmentation.structures.filter(({ present }) => present).map(({ structure }) => structure) ?? [];
    if (answer === null || structures.length === 0) throw nothingToFollow();
    return { kind: 'accepted', class_ids: bytesOf(answer.segmentation.runs), structures };
  }
}

function nothingToFollow(): Error {
  return failed('segment', 'There is nothing to follow on this frame.', 'Mark a structure with a point, a box or the brush, then follow it.');
}
