// The parts that everything else on the page stands on.

import type { Store } from './store';
import type { Engine } from './stream/engine';
import type { Session } from './stream/session';

export interface Core {
  readonly store: Store;
  readonly engine: Engine;
  readonly session: Session;
}
