// Segments every frame of a finite source that has no answer yet, in order, until done or cancelled.

import { failureOf, type Failure } from '../../shared/messages';
import type { Store } from '../store';
import type { Session } from './session';

/** So often in a row the worker may crash; it would go on crashing. */
const CRASHES = 3;

export class Processor {
  private cancelled = false;

  constructor(
    private readonly store: Store,
    private readonly session: Session,
  ) {}

  /** A frame that cannot be read or segmented is named at the end, and the others go on. */
  async run(): Promise<void> {
    const { session, store } = this;
    const source = session.finite;
    if (source === null || store.state.work.kind === 'processing') return;
    session.pause();
    this.cancelled = false;
    const { frames: total } = source;
    const left: { frame: number; failure: Failure }[] = [];
    let crashes = 0;
    store.fail('work', null);
    for (let index = 0; index < total && !this.cancelled && crashes < CRASHES; index++) {
      store.update({ work: { kind: 'processing', done: index, total } });
      if (session.answerOn(index) !== null) continue;
      try {
        await session.present(await source.frame(index), () => session.source === source);
        crashes = 0;
      } catch (error) {
        const failure = failureOf(error);
        left.push({ frame: index, failure });
        crashes = failure.kind === 'picture' || failure.kind === 'segment' ? 0 : crashes + 1;
      }
      if (session.source !== source) return;
    }
    store.update({ work: { kind: 'idle' } });
    store.fail('work', left.length === 0 ? null : summary(left, total));
    void session.refresh();
  }

  /** Between two frames: what has been segmented stays. */
  cancel(): void {
    this.cancelled = true;
  }
}

/** Which frames were left out, and why the first. */
export function summary(left: readonly { frame: number; failure: Failure }[], total: number): Failure {
  const { failure } = left[0]!;
  if (left.length === 1) return { ...failure, message: `Frame ${left[0]!.frame + 1} of ${total} was left out. ${failure.message}` };
  const named = left.slice(0, 10).map(({ frame }) => frame + 1).join(', ');
  const more = left.length > 10 ? ` and ${left.length - 10} more` : '';
  return { ...failure, message: `Frames ${named}${more} of ${total} were left out. The first: ${failure.message}` };
}
