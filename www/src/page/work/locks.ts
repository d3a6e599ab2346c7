// One tab at a time writes a work: whoever holds its lock. The browser lets go of it when the tab is closed or dies.

const NAME = 'sam2rad work ';

/** Gives what lets go of it; null where another tab holds it still after `patience` ms. */
export function hold(id: string, patience: number): Promise<(() => void) | null> {
  // Without them, as on plain http, nothing can be known of other tabs.
  if (navigator.locks === undefined) return Promise.resolve(() => undefined);
  return new Promise((resolve) => {
    const wanted = patience > 0 ? { signal: AbortSignal.timeout(patience) } : { ifAvailable: true };
    const held = (lock: Lock | null) => {
      if (lock === null) return resolve(null);
      return new Promise<void>((release) => resolve(() => release()));
    };
    navigator.locks.request(NAME + id, wanted, held).catch(() => resolve(null));
  });
}

/** The works that any tab holds, this one too. */
export async function heldWorks(): Promise<Set<string>> {
  const { held } = (await navigator.locks?.query()) ?? {};
  return new Set((held ?? []).flatMap(({ name }) => (name?.startsWith(NAME) ? [name.slice(NAME.length)] : [])));
}
