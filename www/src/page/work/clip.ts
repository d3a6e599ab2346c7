// A clip of what is on the stage: each picture with its masks, at the time at which it was shown.

import { frameName, stem } from '../../export/names';
import { failed, failureOf } from '../../shared/messages';
import type { Core } from '../core';
import { cardOf, type State } from '../state';
import type { Store } from '../store';
import { labelledOf, type SavedFile } from './exports';
import { writer } from './writer/client';
import { labelledSize, type Labelled } from './writer/labelled';

/** A clip that runs on by mistake must not fill the memory; in seconds. */
const LONGEST_S = 600;
/** About as many as are segmented on a quick machine. */
const FRAMES_PER_SECOND = 15;

/** Records until `stop` is aborted, or for as long as a clip may be. Pictures that come while one is written are left out. */
export async function recordClip({ store, session }: Core, onProgress: (seconds: number) => void, stop: AbortSignal): Promise<SavedFile> {
  const started = performance.now();
  const first = await grab(store.state);
  if (first === null) throw failed('segment', 'There is nothing to record yet.', 'Open a camera, a screen or a cine, and choose a model.');
  const size = labelledSize(first.picture, first.aspect);
  const write = (labelled: Labelled, time_s: number, duration_s: number) => writer().ask({ type: 'add-to-video', labelled, time_s, duration_s }, undefined, [labelled.picture]);
  try {
    await writer().ask({ type: 'begin-video', shape: { ...size, frames_per_second: FRAMES_PER_SECOND } });
    // One is written once the next has come: how long it was shown is known then.
    let [labelled, since] = [first, 0];
    while (await another(store, stop)) {
      const now = (performance.now() - started) / 1000;
      const next = await grab(store.state);
      const fits = next !== null && labelledSize(next.picture, next.aspect).width === size.width && labelledSize(next.picture, next.aspect).height === size.height;
      if (!fits || now > LONGEST_S) break;
      await write(labelled, since, now - since);
      onProgress(now);
      [labelled, since] = [next, now];
    }
    await write(labelled, since, 1 / FRAMES_PER_SECOND);
    const blob = await writer().ask({ type: 'end-video' });
    return { name: frameName(`${stem(session.source?.name ?? 'capture')}_clip`, 1, 'webm'), blob };
  } catch (error) {
    void writer().ask({ type: 'cancel' }).catch(failureOf);
    throw error;
  }
}

/** A copy of what is shown now: its picture is closed when the next one comes. */
async function grab(state: State): Promise<Labelled | null> {
  const card = cardOf(state);
  if (state.shown === null || card === null) return null;
  const { frame, answer } = state.shown;
  return labelledOf(state, await createImageBitmap(frame.picture), frame.index, answer, card);
}

/** True when another picture is on the stage, false when the recording is to end. */
function another(store: Store, stop: AbortSignal): Promise<boolean> {
  const { shown } = store.state;
  return new Promise((resolve) => {
    if (stop.aborted) return resolve(false);
    const unwatch = store.watch((state) => [state.shown], (_, now) => {
      if (now !== shown) end(true);
    });
    const end = (more: boolean) => {
      unwatch();
      resolve(more);
    };
    stop.addEventListener('abort', () => end(false), { once: true });
  });
}
