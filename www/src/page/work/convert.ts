// A frame as it is kept here, and as a project file has it: with COCO's run lengths, which other programs read.

import { contoursOf } from '../../export/polygons';
import { paintRle, rleOf } from '../../export/rle';
import { classIdsOfLabel, type FrameLabel } from '../../learn/labels';
import { maskOf, type ClassMap } from '../../measure/mask';
import type { KeptAnswer, KeptFrame } from '../../persist/work';
import type { ProjectFrame } from '../../project/schema';
import { clampBox, type Box } from '../../shared/geometry';
import { classIdsOf, runsOf, type Runs } from '../../shared/runs';

type Masks = NonNullable<ProjectFrame['masks']>;

export function projectFrameOf({ frame, prompts, calipers, graf, answer, reviewed, label }: KeptFrame): ProjectFrame {
  return { frame, prompts, masks: answer && masksOf(answer), calipers, graf: graf ?? null, reviewed, labels: label ? rlesOf(label) : [] };
}

export function keptFrameOf({ frame, prompts, masks, calipers, graf, reviewed, labels }: ProjectFrame): KeptFrame {
  return { frame, prompts, calipers, graf, answer: masks && answerOf(masks), reviewed, label: labelOf(labels) };
}

function rlesOf(label: FrameLabel): ProjectFrame['labels'] {
  return [...label.masks.keys()].map((structure) => ({ structure, rle: rleOf({ ...label.size, class_ids: classIdsOfLabel(label, [structure]) }, 1) }));
}

/** Null where nothing is labelled, or masks are not of one size. */
function labelOf(labels: ProjectFrame['labels']): FrameLabel | null {
  const [first] = labels;
  if (first === undefined) return null;
  const [height, width] = first.rle.size;
  try {
    const masks = labels.map(({ structure, rle }): [string, Runs] => {
      const map = { width, height, class_ids: new Uint8Array(width * height) };
      paintRle(rle, map, 1);
      return [structure, runsOf(map.class_ids)];
    });
    return { size: { width, height }, masks: new Map(masks) };
  } catch {
    return null;
  }
}

function masksOf({ size, segmentation: { crop, runs, structures }, imported }: KeptAnswer): Masks {
  const map = { ...size, class_ids: classIdsOf(runs, crop, size) };
  return {
    ...size,
    crop,
    ...(imported && { imported }),
    structures: structures.map(({ structure, present, iou, object_score, expected_dice, predicted_box }) => ({
      structure,
      present,
      iou,
      object_score,
      expected_dice: expected_dice ?? null,
      predicted_box,
      rle: present ? rleOf(map, structure + 1) : null,
    })),
  };
}

/** Null where the masks are not of the size that they say. */
function answerOf({ width, height, crop, structures, imported }: Masks): KeptAnswer | null {
  const size = { width, height };
  let whole: ClassMap;
  try {
    whole = { ...size, class_ids: new Uint8Array(width * height) };
    for (const { structure, rle } of structures) if (rle !== null) paintRle(rle, whole, structure + 1);
  } catch {
    return null;
  }
  const answer = answerOfMap(whole, clampBox(crop, size), structures);
  return imported ? { ...answer, imported } : answer;
}

/** What is known of a structure beside its mask. */
type Scores = Omit<Masks['structures'][number], 'rle' | 'present'> & { present?: boolean };

/** The masks of a whole frame as an answer on its crop. A structure without a mask is absent, unless it is said to be there. */
export function answerOfMap(whole: ClassMap, within: Box, structures: readonly Scores[]): KeptAnswer {
  const { width, height } = whole;
  const [left, top, right, bottom] = within;
  const class_ids = new Uint8Array((right - left) * (bottom - top));
  for (let y = top; y < bottom; y++) class_ids.set(whole.class_ids.subarray(y * width + left, y * width + right), (y - top) * (right - left));
  const found = structures.map(({ structure, present, iou, object_score, expected_dice, predicted_box }) => {
    const mask = maskOf(whole, structure + 1);
    const { outlines, holes } = mask === null ? { outlines: [], holes: [] } : contoursOf(mask);
    return {
      structure,
      present: present ?? mask !== null,
      iou,
      object_score,
      expected_dice: expected_dice ?? null,
      area_px: mask?.area ?? 0,
      bounding_box: mask === null ? null : ([mask.left, mask.top, mask.left + mask.width, mask.top + mask.height] as [number, number, number, number]),
      predicted_box,
      contours: [...outlines, ...holes].map((polygon) => new Float32Array(polygon)),
    };
  });
  return { size: { width, height }, segmentation: { width: right - left, height: bottom - top, runs: runsOf(class_ids), structures: found, measurement: null, timings: [], crop: within } };
}
