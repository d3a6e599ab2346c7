// Whether two answers to one question are the same but for rounding: how the page finds out that a GPU computes what it should.

import type { StructureResult } from '../../shared/api';
import type { CroppedSegmentation } from '../../shared/messages';
import { bytesOf } from '../../shared/runs';

/** Of each structure's two masks. Rounding moves an edge by a pixel here and there; */
const LEAST_DICE = 0.98;
/** so that in a structure of few pixels so many may differ. */
const FEW_PIXELS = 8;
const MOST_IOU_APART = 0.01;
/** Of logits. */
const MOST_OBJECT_SCORE_APART = 0.1;

export function sameAnswers(a: CroppedSegmentation, b: CroppedSegmentation): boolean {
  if (a.width !== b.width || a.height !== b.height || a.structures.length !== b.structures.length) return false;
  const [ids, others] = [bytesOf(a.runs), bytesOf(b.runs)];
  return a.structures.every((structure, i) => sameScores(structure, b.structures[i]!) && sameMask(ids, others, structure.structure + 1));
}

function sameScores(a: StructureResult, b: StructureResult): boolean {
  const near = (x: number | null, y: number | null, apart: number) => x === y || (x !== null && y !== null && Math.abs(x - y) <= apart);
  return a.structure === b.structure && a.present === b.present && near(a.iou, b.iou, MOST_IOU_APART) && near(a.object_score, b.object_score, MOST_OBJECT_SCORE_APART);
}

function sameMask(ids: Uint8Array, others: Uint8Array, id: number): boolean {
  let [both, different] = [0, 0];
  ids.forEach((own, at) => {
    const other = others[at];
    if (own === id && other === id) both++;
    else if (own === id || other === id) different++;
  });
  return different <= Math.max(FEW_PIXELS, (1 - LEAST_DICE) * (2 * both + different));
}
