// What a project file holds: the shape, the limits, and the words for what breaks them. README.md beside this says it for readers of files.

import * as v from 'valibot';
import { decompress } from '../export/rle';

/** Raised when a file of this version would be misread by an older page. */
export const PROJECT_VERSION = 1;

/** Larger than any ultrasound picture; keeps a damaged file from asking for all memory. */
const MAX_PIXELS = 1 << 26;

const count = v.pipe(v.number(), v.integer('must be a whole number'), v.minValue(0, 'must not be negative'));
const finite = v.pipe(v.number(), v.finite('must be finite'));
const share = v.pipe(v.number(), v.minValue(0, 'must be from 0 to 1'), v.maxValue(1, 'must be from 0 to 1'));
const positive = v.pipe(finite, v.gtValue(0, 'must be greater than 0'));
const name = v.pipe(v.string(), v.maxLength(1000, 'is too long'));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'));
const byte = v.pipe(count, v.maxValue(255, 'must be at most 255'));
const rgb = v.strictTuple([byte, byte, byte]);
const point = v.object({ x: finite, y: finite });
const ends = v.strictTuple([v.strictTuple([finite, finite]), v.strictTuple([finite, finite])]);

const box = v.pipe(
  v.strictTuple([finite, finite, finite, finite]),
  v.check(([left, top, right, bottom]) => left < right && top < bottom, 'must be left, top, right, bottom with left < right and top < bottom'),
);

const rle = v.pipe(
  v.object({ size: v.strictTuple([count, count]), counts: v.string() }),
  v.check(({ size: [height, width] }) => width * height <= MAX_PIXELS, 'is larger than a picture can be'),
  v.check(({ size: [height, width], counts }) => {
    try {
      const runs = decompress(counts);
      return runs.every((run) => run >= 0) && runs.reduce((sum, run) => sum + run, 0) === width * height;
    } catch {
      return false;
    }
  }, 'must be COCO run lengths that cover the size exactly'),
);

/** What a person says of one structure on one frame, in pixels of the frame. */
export const promptSchema = v.variant('kind', [
  v.object({ kind: v.literal('point'), structure: count, at: point, inside: v.boolean() }),
  v.object({ kind: v.literal('box'), structure: count, box }),
  v.object({ kind: v.literal('stroke'), structure: count, path: v.array(v.strictTuple([finite, finite])), radius: positive, inside: v.boolean() }),
]);

/** How the overlay is drawn. */
export const lookSchema = v.object({
  style: v.picklist(['fill', 'contour', 'both']),
  opacity: share,
  /** Structures that are not shown, counted from 0. */
  hidden: v.array(count),
  /** Colours chosen instead of the model's. */
  colors: v.array(v.object({ structure: count, color: v.pipe(v.string(), v.regex(/^#[0-9a-f]{6}$/i, 'must be a colour as #rrggbb')) })),
  predicted_box: v.boolean(),
  names: v.boolean(),
});

const fileIdentity = v.object({ name, size: count, sha256_first_mib: sha256 });

const source = v.variant('kind', [
  v.object({ kind: v.literal('demo'), name }),
  v.object({ kind: v.picklist(['pictures', 'video', 'dicom', 'cine', 'camera', 'screen']), files: v.array(fileIdentity) }),
]);

/** What the model answered on one frame. */
const masks = v.object({
  /** Of the whole frame, in pixels. */
  width: count,
  height: count,
  /** What of it the model looked at. */
  crop: box,
  /** They come from a file of masks, and no model of this page made them. */
  imported: v.optional(v.boolean()),
  structures: v.array(
    v.object({
      structure: count,
      present: v.boolean(),
      /** Null of masks from another file. */
      iou: v.nullable(finite),
      /** Null where the model has no object score. */
      object_score: v.nullable(finite),
      /** Null where the model has no calibration. */
      expected_dice: v.optional(v.nullable(finite)),
      /** The box that the prompt predictor expected, in pixels of the frame; null where it was not asked. */
      predicted_box: v.nullable(v.strictTuple([finite, finite, finite, finite])),
      /** At the frame's size; null where the structure is absent. */
      rle: v.nullable(rle),
    }),
  ),
});

const frame = v.object({
  frame: count,
  /** Null where nobody said anything; an empty list stops prompts that are carried on from frames before. */
  prompts: v.nullable(v.array(promptSchema)),
  /** Null where the frame was not segmented. */
  masks: v.nullable(masks),
  /** Distances that a person took, in pixels of the frame. */
  calipers: v.array(v.object({ from: point, to: point })),
  /** Of a hip, the baseline and the roof line as a person dragged them; null where they are as found. Older pages did not say. */
  graf: v.optional(v.nullable(v.object({ baseline: ends, roof_line: ends })), null),
  /** A person has looked at the masks and accepted them. Older pages did not say. */
  reviewed: v.optional(v.boolean(), false),
  /** Where structures of the person's own are, at the frame's size; without a pixel where one is said to be absent. Older pages wrote none. */
  labels: v.optional(v.array(v.object({ structure: name, rle })), []),
});

export const projectSchema = v.object({
  format: v.literal('sam2rad-project'),
  version: v.literal(PROJECT_VERSION),
  /** What a reader of the file must know. */
  note: v.string(),
  /** ISO 8601. */
  saved: v.pipe(v.string(), v.isoTimestamp('must be a time as ISO 8601 has it')),
  source: v.nullable(source),
  /** What the model looks at, in pixels of the frame, by the picture's name and size; of a cine all frames are one picture. */
  crops: v.array(v.object({ picture: name, box })),
  spacing: v.nullable(v.object({ x_mm: positive, y_mm: positive })),
  /** Lengths that a person said, by the picture's name and size; by an empty name for all pictures. Older pages wrote none. */
  scales_by_hand: v.optional(v.array(v.object({ picture: name, from: point, to: point, mm: positive })), []),
  model: v.nullable(
    v.object({
      name,
      sha256: v.nullable(sha256),
      /** Names that prompts' numbers mean: the model's own, then those of earlier models that prompts wait for. */
      structures: v.array(v.object({ name, color: rgb })),
      /** At which it ran. Older pages did not say. */
      image_size: v.optional(count),
    }),
  ),
  settings: v.object({
    /** A person's prompts alone. */
    manual: v.boolean(),
    /** Prompts go on counting on the frames after theirs. */
    carry: v.boolean(),
    look: lookSchema,
  }),
  /** Structures of the person's own, which a model learns. Older pages wrote none. */
  own_structures: v.optional(v.array(v.object({ name, color: v.pipe(v.string(), v.regex(/^#[0-9a-f]{6}$/i, 'must be a colour as #rrggbb')) })), []),
  /** The frame that was shown. */
  current_frame: count,
  /** Those that have anything, in their order. */
  frames: v.array(frame),
});

export type Project = v.InferOutput<typeof projectSchema>;
export type ProjectFrame = Project['frames'][number];
export type ProjectSource = NonNullable<Project['source']>;
export type FileIdentity = v.InferOutput<typeof fileIdentity>;
export type ProjectPrompt = v.InferOutput<typeof promptSchema>;
export type ProjectLook = v.InferOutput<typeof lookSchema>;
