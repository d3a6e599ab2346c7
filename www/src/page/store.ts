// Holds the state and tells the views what changed.

import type { Failure } from '../shared/messages';
import { INITIAL, type FailureArea, type State } from './state';

export class Store {
  private views: ((state: State) => void)[] = [];

  state: State = INITIAL;

  update(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    for (const view of this.views) {
      try {
        view(this.state);
      } catch (error) {
        // The other views go on, and so does whoever changed the state.
        reportError(error);
      }
    }
  }

  /** Says what failed, or that it does no more. */
  fail(area: FailureArea, failure: Failure | null): void {
    const { [area]: before, ...failures } = this.state.failures;
    if (failure !== null) this.update({ failures: { ...failures, [area]: failure } });
    else if (before !== undefined) this.update({ failures });
  }

  /** Calls a view now and whenever one of the parts it reads is another value, until what it gives back is called. */
  watch<P extends unknown[]>(parts: (state: State) => [...P], view: (state: State, ...parts: NoInfer<P>) => void): () => void {
    let seen: [...P] | null = null;
    const look = (state: State) => {
      const now = parts(state);
      if (seen !== null && now.every((part, i) => Object.is(part, seen![i]))) return;
      seen = now;
      view(state, ...now);
    };
    this.views.push(look);
    look(this.state);
    return () => {
      this.views = this.views.filter((other) => other !== look);
    };
  }
}
