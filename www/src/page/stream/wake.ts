// Keeps the screen on while pictures stream or are segmented: a phone beside a patient must not go dark.

import type { Store } from '../store';

export function stayAwake(store: Store): void {
  if (!('wakeLock' in navigator)) return;
  let held: Promise<WakeLockSentinel | null> | null = null;
  const follow = () => {
    const { playback, work } = store.state;
    const wanted = (playback.playing || work.kind === 'processing') && document.visibilityState === 'visible';
    if (wanted) held ??= navigator.wakeLock.request('screen').catch(() => null);
    else {
      void held?.then((lock) => lock?.release());
      held = null;
    }
  };
  store.watch(({ playback, work }) => [playback.playing, work.kind === 'processing'], follow);
  // The browser takes it back when the page is hidden.
  document.addEventListener('visibilitychange', follow);
}
