// The WASM surface as TypeScript sees it. Both bundles (cpu, webgpu) export the same names; src/web/ is the other side.

import type { Box } from './geometry';

/** Sides in pixels of the square that a model looks at; every model runs at each, best at its own. */
export const IMAGE_SIZES = [256, 512, 1024] as const;

export type Rgb = [red: number, green: number, blue: number];

/** What a model file says of itself; the image size is the one it runs at. */
export interface ModelCard {
  architecture: { image_encoder: string; mask_decoder: string; prompt_predictor: string };
  image_size: number;
  tokens: number;
  structures: { name: string; color: Rgb }[];
  /** Without a prompt predictor it answers in manual mode alone; without an object score it says nothing of presence. */
  parts: { prompt_predictor: boolean; object_score: boolean };
  /** Whether a person's clicks are answered one after the other, each with the answer before it. */
  interactive?: boolean;
  /** How sure its answers are; left out where that was never measured. */
  calibration?: { look_below: number; pictures: number; data: string };
  dtype: 'f32' | 'f16' | 'q8';
  provenance: string;
  licence: string;
  training_data: string;
  date: string;
}

/** Prompts for one structure (counted from 0). */
export interface StructurePrompts {
  structure: number;
  points?: { x: number; y: number; inside: boolean }[];
  bounding_box?: Box;
  /** Of a brush: where it went, how wide it is, and whether it paints or erases. */
  strokes?: { path: [x: number, y: number][]; radius: number; inside: boolean }[];
  /** Logits of the answer that is corrected, while following. */
  mask?: Float32Array<ArrayBuffer>;
}

export type Mode = 'autonomous' | 'semi-autonomous' | 'manual';

/** What is asked of a frame; everything has a default: autonomous, no prompts, single masks. */
export interface SegmentRequest {
  mode?: Mode;
  prompts?: StructurePrompts[];
  multimask_output?: boolean;
  /** Learnt prompt tokens that the decoder does not get, counted from 0. */
  tokens_off?: readonly number[];
}

export interface StructureResult {
  /** Which of the card's structures, counted from 0. */
  structure: number;
  present: boolean;
  /** The model's own estimate of its mask's overlap with the truth, 0 to 1; null of masks from a file. */
  iou: number | null;
  /** Logit of the structure's presence; below 0 is absent. Null where the model has no object score. */
  object_score: number | null;
  /** The Dice that its mask may be expected to have, 0 to 1; null or left out where the model has no calibration. */
  expected_dice?: number | null | undefined;
  area_px: number;
  /** Around the mask. */
  bounding_box: Box | null;
  /** The box that the prompt predictor expected; null in manual mode, which does not ask it. */
  predicted_box: Box | null;
  /** Closed polygons around the mask and its holes, x, y, x, y, ... between pixels. */
  contours: Float32Array<ArrayBuffer>[];
}

export interface StageTiming {
  stage: string;
  milliseconds: number;
}

/** A straight line in pixels of the frame. */
export type Ends = [from: [x: number, y: number], to: [x: number, y: number]];

/** By its moments: along `n` of length 1 it reaches `2 sqrt(xx nx nx + 2 xy nx ny + yy ny ny)` to both sides of its centre. */
export interface Ellipse {
  centre: [x: number, y: number];
  covariance: [xx: number, xy: number, yy: number];
}

/** What the structures are measured for, as far as pixels are square: places and lengths in pixels. */
export type Measurement =
  | {
      kind: 'hip';
      outcome: 'measured';
      /** Graf's alpha angle. */
      alpha_degrees: number;
      /** The part of the head's diameter below the baseline, 0 to 1. */
      coverage: number;
      baseline: Ends;
      /** From the bony rim to the lower limb. */
      roof_line: Ends;
      head: Ellipse;
    }
  | {
      kind: 'muscle';
      outcome: 'measured';
      mean_thickness_px: number;
      middle_thickness_px: number;
      angle_degrees: number;
      superficial: Ends;
      deep: Ends;
    }
  | { kind: 'heart'; outcome: 'measured'; area_px: number }
  | { kind: 'hip' | 'muscle' | 'heart'; outcome: 'abstained'; reason: string; message: string };

export interface Segmentation {
  width: number;
  height: number;
  /** One byte a pixel: 0 is background, structure + 1 elsewhere. */
  class_ids: Uint8Array<ArrayBuffer>;
  structures: StructureResult[];
  /** Null where nothing is measured of such structures. */
  measurement: Measurement | null;
  /** Stages in their order; those before the mask decoder are of the frame's encoding. */
  timings: StageTiming[];
}

/** What was found on a frame of a video that is followed. */
export interface Followed extends Segmentation {
  /** For each of its structures the mask's logits: the `mask` of a correction. */
  logits: Float32Array<ArrayBuffer>[];
}

/** A look inside; without a prompt predictor the features alone. Maps lie on the model's square input, the frame in its left top corner. */
export interface Explanation {
  /** How much of the maps the frame takes, from the left and from the top. */
  coverage: [across: number, down: number];
  /** The predictor's cross-attention, coarse to fine: [structures, tokens, height, width], each token's sum to 1. */
  attention: { height: number; width: number; weights: Float32Array<ArrayBuffer> }[];
  /** For each structure. */
  predicted_boxes: Box[];
  /** Logits [structures, side, side]. */
  interim_mask: { side: number; logits: Float32Array<ArrayBuffer> };
  /** The image embedding, then the two maps of higher resolution: [height, width, 3]. */
  features: { height: number; width: number; rgb: Uint8Array<ArrayBuffer> }[];
  /** What becomes of a structure without a token. */
  ablation: TokenEffect[];
}

export interface TokenEffect {
  structure: number;
  token: number;
  /** Overlap of the mask without the token with the mask as it is; 1 is no change. */
  dice: number;
  /** Without the token, less with it. */
  iou_change: number;
  object_score_change: number | null;
}

export interface Model {
  card(): ModelCard;
  /** Whether it answers in manual mode alone, as a checkpoint without a trained prompt predictor does. */
  is_manual_only(): boolean;
  /** Looks at a frame, once for all requests on it. */
  encode(rgba: Uint8Array, width: number, height: number): void;
  /** Segments that frame; `{}` is the autonomous mode. */
  segment(request: SegmentRequest): Promise<Segmentation>;
  /** Looks inside the answer to a request on that frame. */
  explain(request: SegmentRequest): Promise<Explanation>;
  /** Whether it follows structures through a video: its file has SAM 2's memory. */
  can_follow(): boolean;
  /** A video of so many frames begins; what is remembered of another is forgotten. */
  start_video(frames?: number): void;
  /** Finds structures from prompts on the frame that was encoded last, frame `at` of the video. */
  prompt_video(at: number, request: SegmentRequest): Promise<Followed>;
  /** Takes the masks of these structures on that frame as they are: class ids, row by row. */
  accept_masks(at: number, class_ids: Uint8Array, structures: Uint32Array): Promise<Followed>;
  /** Follows every structure that was found on a frame before to that frame. */
  follow(at: number, backward: boolean): Promise<Followed>;
  free(): void;
}

/** Takes a model file chunk by chunk; throws an Error that says what is wrong with it. */
export interface ModelReader {
  push(chunk: Uint8Array): void;
  /** The model, at the image size of its file or another one. */
  finish(image_size?: number): Promise<Model>;
  free(): void;
}

/** Takes any supported checkpoint chunk by chunk. Both calls throw an Error that says what is wrong with it. */
export interface CheckpointConverter {
  push(chunk: Uint8Array): void;
  /** A model file of it, in half precision: `put` takes what follows its header, piece by piece, each in the same
   * array; returns the header. */
  finish(options: ConvertOptions | undefined, put: (piece: Uint8Array<ArrayBuffer>) => void): Uint8Array<ArrayBuffer>;
}

/** What a checkpoint does not say for itself. */
export interface ConvertOptions {
  image_size?: number;
  /** Which prompts to take where a trainer's checkpoint has several. */
  dataset?: string;
  /** Names of the structures, in the order of their prompts. */
  structures?: string[];
  provenance?: string;
}

/** The `kind` of an Error that a model's file causes. */
export type CheckpointErrorKind = 'not-a-checkpoint' | 'other-architecture' | 'keys' | 'damaged' | 'metadata' | 'dtype' | 'dataset' | 'shards' | 'image-size' | 'configuration' | 'not-on-gpu' | 'gpu';

export interface Sam2RadModule {
  default(): Promise<{ memory: WebAssembly.Memory }>;
  version(): string;
  /** Starts the workers that the CPU bundle computes on; the others have none. */
  initThreadPool?(threads: number): Promise<void>;
  /** For a file of that many bytes; in the CPU bundle alone. */
  CheckpointConverter?: new (size: number) => CheckpointConverter;
  ModelReader: new () => ModelReader;
}
