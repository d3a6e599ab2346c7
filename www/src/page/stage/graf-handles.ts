// The ends of a hip's baseline and roof line.

import type { GrafLines } from '../../measure/graf';
import type { Point } from '../../shared/geometry';
import type { Edits } from '../prompts/edits';
import type { Store } from '../store';
import { grafLines, hipShown, pointOf } from '../work/standard';
import type { Movable } from './handles';

const HANDLES = [
  ['Baseline, cranial end', 'baseline', 0],
  ['Baseline, at the bony rim', 'baseline', 1],
  ['Roof line, at the bony rim', 'roof_line', 0],
  ['Roof line, lower limb', 'roof_line', 1],
] as const;

export class GrafHandles implements Movable {
  readonly label = 'Baseline and roof line of the hip';
  readonly handles = HANDLES.map(([name]) => ({ name, cursor: 'move' }));

  constructor(
    private readonly store: Store,
    private readonly edits: Edits,
  ) {}

  places(): Point[] | null {
    const lines = this.lines;
    return lines && HANDLES.map(([, line, end]) => pointOf(lines[line][end]));
  }

  move(handle: number, { x, y }: Point): void {
    const { lines } = this;
    if (lines === null) return;
    const [, line, end] = HANDLES[handle]!;
    const other = lines[line][1 - end]!;
    const { baseline, roof_line } = lines;
    this.store.update({ graf_draft: { baseline, roof_line, [line]: end === 0 ? [[x, y], other] : [other, [x, y]] } });
  }

  settle(): void {
    const { graf_draft: draft } = this.store.state;
    if (draft !== null) this.edits.setGraf(draft);
  }

  private get lines(): GrafLines | null {
    const { state } = this.store;
    const hip = hipShown(state);
    return hip && grafLines(state, state.shown!.frame.index, hip);
  }
}
