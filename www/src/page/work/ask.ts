// A question to the person that has to be answered before the page goes on.

import type { Store } from '../store';

/** `yes` names what the person agrees to. */
export function ask(store: Store, text: string, yes: string): Promise<boolean> {
  // One at a time: an earlier one that is still open is answered with no.
  store.state.asking?.answer(false);
  return new Promise((resolve) => {
    const answer = (agreed: boolean) => {
      store.update({ asking: null });
      resolve(agreed);
    };
    store.update({ asking: { text, yes, answer } });
  });
}
