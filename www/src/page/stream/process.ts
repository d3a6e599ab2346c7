// Segments every frame of a finite source that has no answer yet, in order, until done or cancelled.

import { failureOf } from '../../shared/messages';
import { questionAt } from '../state';
import type { Store } from '../store';
import type { Session } from './session';

export class Processor {
  private cancelled = false;

  constructor(
    private readonly store: Store,
    private readonly session: Session,
  ) {}

  async run(): Promise<void> {
    const { session, store } = this;
    const source = session.finite;
    if (source === null || store.state.work.kind === 'processing') return;
    session.pause();
    this.cancelled = false;
    const { frames: total } = source;
    try {
      for (let index = 0; index < total && !this.cancelled; index++) {
        store.update({ work: { kind: 'processing', done: index, total } });
        if (session.results.find(index, questionAt(store.state, index)) !== null) continue;
        await session.present(await source.frame(index), () => session.source === source);
        if (session.source !== source) return;
      }
      store.fail('work', null);
    } catch (error) {
      store.fail('work', failureOf(error));
    } finally {
      if (session.source === source) store.update({ work: { kind: 'idle' } });
      void session.refresh();
    }
  }

  /** Between two frames: what has been segmented stays. */
  cancel(): void {
    this.cancelled = true;
  }
}
