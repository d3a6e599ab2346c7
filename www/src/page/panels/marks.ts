// What each frame of a cine has, under the slider: a low line where it is answered, a full one where a person prompted it, a gap in the
// upper half where it was followed and a mark there where it needs a look.

import type { App } from '../app';
import { h } from '../dom';
import { cardOf, type Answer } from '../state';
import { doubtful } from './doubtful';

/** Pixels from top to bottom. */
const HEIGHT = 8;
/** A followed mask of which the model expects less overlap (IoU) than this with the truth needs a look. Our choice; it was not measured. */
const LOW_IOU = 0.5;

type Mark = 'prompted' | 'followed' | 'answered';

export function marks({ store, session }: App): HTMLElement {
  const canvas = h('canvas', { id: 'marks', className: 'marks', height: HEIGHT });
  canvas.setAttribute('role', 'img');
  // An answer may take another's place: then their number stays, and the frame is on the stage.
  store.watch(({ answered, shown, source, history }) => [answered, shown?.answer ?? null, source, history], (state, _answered, _answer, _source, history) => {
    const frames = session.finite?.frames ?? 0;
    canvas.hidden = frames < 2;
    if (canvas.hidden) return;
    canvas.width = frames;
    const context = canvas.getContext('2d')!;
    const style = getComputedStyle(canvas);
    const color = (name: string) => style.getPropertyValue(name);
    const card = cardOf(state);
    const counts = { prompted: 0, followed: 0, look: 0 };
    for (const [frame, answer] of session.answers()) {
      const mark = markOf(answer);
      const look = card !== null && needsLook(answer, doubtful(card, answer.segmentation.structures).length > 0);
      context.fillStyle = color(mark === 'followed' ? '--mark-followed' : '--stage-accent');
      context.fillRect(frame, HEIGHT - 3, 1, 3);
      if (look) counts.look++;
      if (look) context.fillStyle = color('--mark-look');
      if (look) context.fillRect(frame, 0, 1, 4);
      if (mark === 'followed') counts.followed++;
    }
    for (const [frame, prompts] of history.present.prompts) {
      if (prompts.length === 0) continue;
      context.fillStyle = color('--stage-ink');
      context.fillRect(frame, 0, 1, HEIGHT);
      counts.prompted++;
    }
    canvas.ariaLabel = `Frames: ${counts.prompted} prompted, ${counts.followed} followed, ${counts.look} to look at`;
    canvas.title = canvas.ariaLabel;
  });
  return canvas;
}

function markOf({ following, question }: Answer): Mark {
  if (following !== undefined) return 'followed';
  return question.prompts.length > 0 ? 'prompted' : 'answered';
}

/** By its calibration where the model has one, and of followed frames by the model's own word. */
function needsLook({ following, segmentation }: Answer, isDoubtful: boolean): boolean {
  return isDoubtful || (following !== undefined && segmentation.structures.some(({ present, iou }) => present && iou !== null && iou < LOW_IOU));
}
