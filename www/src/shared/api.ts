// The WASM surface as TypeScript sees it. Both bundles (cpu, webgpu) export the same names; src/web.rs is the other side.

export type Rgb = [red: number, green: number, blue: number];

export interface ModelCard {
  architecture: { image_encoder: string; mask_decoder: string; prompt_predictor: string };
  image_size: number;
  tokens: number;
  structures: { name: string; color: Rgb }[];
  provenance: string;
  licence: string;
  training_data: string;
  date: string;
}

export interface SegmentedStructure {
  /** Which of the card's structures, counted from 0. */
  structure: number;
  present: boolean;
  /** The model's own estimate of its mask's overlap with the truth, 0 to 1. */
  iou: number;
  /** The model's score that the structure is in the picture at all. */
  object_score: number;
  area_px: number;
  bounding_box: [left: number, top: number, right: number, bottom: number] | null;
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
  structures: SegmentedStructure[];
  timings: StageTiming[];
}

export interface Model {
  card(): ModelCard;
  /** Looks at a frame, once for all requests on it. */
  encode(rgba: Uint8Array, width: number, height: number): void;
  /** Segments that frame; `{}` is the autonomous mode. */
  segment(request: object): Promise<Segmentation>;
  free(): void;
}

/** Takes a model file chunk by chunk; throws an Error that says what is wrong with it. */
export interface ModelReader {
  push(chunk: Uint8Array): void;
  finish(): Promise<Model>;
  free(): void;
}

export interface Sam2RadModule {
  default(): Promise<unknown>;
  version(): string;
  ModelReader: new () => ModelReader;
}
