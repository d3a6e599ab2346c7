// The WASM surface as TypeScript sees it. Both bundles (cpu, webgpu) export the same names; src/web.rs is the other side.

import type { Box } from './geometry';

export type Rgb = [red: number, green: number, blue: number];

export interface ModelCard {
  architecture: { image_encoder: string; mask_decoder: string; prompt_predictor: string };
  image_size: number;
  tokens: number;
  structures: { name: string; color: Rgb }[];
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
}

export type Mode = 'autonomous' | 'semi-autonomous' | 'manual';

/** What is asked of a frame; everything has a default: autonomous, no prompts, single masks. */
export interface SegmentRequest {
  mode?: Mode;
  prompts?: StructurePrompts[];
  multimask_output?: boolean;
}

export interface StructureResult {
  /** Which of the card's structures, counted from 0. */
  structure: number;
  present: boolean;
  /** The model's own estimate of its mask's overlap with the truth, 0 to 1. */
  iou: number;
  /** Logit of the structure's presence; below 0 is absent. */
  object_score: number;
  area_px: number;
  /** Around the mask. */
  bounding_box: Box | null;
  /** The box that the prompt predictor expected. */
  predicted_box: Box;
  /** Closed polygons around the mask, x, y, x, y, ... between pixels. */
  contours: Float32Array<ArrayBuffer>[];
}

export interface StageTiming {
  stage: string;
  milliseconds: number;
}

export interface Segmentation {
  width: number;
  height: number;
  /** One byte a pixel: 0 is background, structure + 1 elsewhere. */
  class_ids: Uint8Array<ArrayBuffer>;
  structures: StructureResult[];
  /** Stages in their order; those before the mask decoder are of the frame's encoding. */
  timings: StageTiming[];
}

export interface Model {
  card(): ModelCard;
  /** Looks at a frame, once for all requests on it. */
  encode(rgba: Uint8Array, width: number, height: number): void;
  /** Segments that frame; `{}` is the autonomous mode. */
  segment(request: SegmentRequest): Promise<Segmentation>;
  free(): void;
}

/** Takes a model file chunk by chunk; throws an Error that says what is wrong with it. */
export interface ModelReader {
  push(chunk: Uint8Array): void;
  /** The model, at the image size of its file or another one. */
  finish(image_size?: number): Promise<Model>;
  free(): void;
}

export interface Sam2RadModule {
  default(): Promise<unknown>;
  version(): string;
  ModelReader: new () => ModelReader;
}
