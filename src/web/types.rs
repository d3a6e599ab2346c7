//! The surface as TypeScript sees it.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What a model file says of itself; the image size is the one it runs at. */
export interface ModelCard {
  architecture: { image_encoder: string; mask_decoder: string; prompt_predictor: string; memory?: string };
  image_size: number;
  tokens: number;
  structures: { name: string; color: [number, number, number] }[];
  parts: { prompt_predictor: boolean; object_score: boolean };
  /** Whether a person's clicks are answered one after the other, each with the answer before it. */
  interactive: boolean;
  /** How sure its answers are; left out where that was never measured. */
  calibration?: { look_below: number; pictures: number; data: string };
  /** How a frame becomes square: with padding, or stretched as SAM 2's own predictor does it. */
  fit?: "pad" | "stretch";
  dtype: "f32" | "f16" | "q8";
  provenance: string;
  licence: string;
  training_data: string;
  date: string;
}

/** What a checkpoint does not say for itself; everything may be left out. */
export interface ConvertOptions {
  /** Side of the input: 256, 512 or 1024. */
  image_size?: number;
  /** Which prompts to take where a trainer's checkpoint has several. */
  dataset?: string;
  /** Names of the structures, in the order of their prompts. */
  structures?: string[];
  /** Where the weights come from. */
  provenance?: string;
}

/** What kind of error a model's file causes; the `kind` of what is thrown. The last two are the WebGPU bundle's: it has no kernels
 * for the model's network, or the GPU failed. */
export type CheckpointErrorKind =
  | "not-a-checkpoint" | "other-architecture" | "keys" | "damaged" | "metadata" | "dtype" | "dataset" | "shards" | "image-size" | "configuration"
  | "not-on-gpu" | "gpu";

/** Prompts for one structure (counted from 0), in pixels of the frame. */
export interface StructurePrompts {
  structure: number;
  points?: { x: number; y: number; inside: boolean }[];
  /** Left, top, right, bottom. */
  bounding_box?: [number, number, number, number];
  /** Of a brush: where it went, half its width, and whether it paints or takes away; later ones over earlier ones. */
  strokes?: { path: [number, number][]; radius: number; inside: boolean }[];
  /** Logits of an earlier answer, in manual mode and of a correction while following. */
  mask?: Float32Array;
}

/** What was found on a frame of a video that is followed. */
export interface Followed extends Segmentation {
  /** For each of its structures the mask's logits: the `mask` of a correction. */
  logits: Float32Array[];
}

/** What is asked of a frame; everything has a default: autonomous, no prompts, single masks. */
export interface SegmentRequest {
  mode?: "autonomous" | "semi-autonomous" | "manual";
  prompts?: StructurePrompts[];
  multimask_output?: boolean;
  /** Learnt prompt tokens that the decoder does not get, counted from 0. */
  tokens_off?: number[];
}

export interface StructureResult {
  structure: number;
  present: boolean;
  /** Predicted IoU. */
  iou: number;
  /** Logit of its presence; below 0 is absent. Null where the model has no object score. */
  object_score: number | null;
  /** The Dice that its mask may be expected to have, 0 to 1. Null where the model has no calibration. */
  expected_dice: number | null;
  area_px: number;
  /** Around the mask: left, top, right, bottom in pixels. */
  bounding_box: [number, number, number, number] | null;
  /** The box that the prompt predictor expected; null in manual mode, which does not ask it. */
  predicted_box: [number, number, number, number] | null;
  /** Closed polygons around the mask and its holes, x, y, x, y, ... in pixels of the frame, between pixels. */
  contours: Float32Array[];
}

/** An ellipse by its moments: along `n` of length 1 it reaches `2 * sqrt(xx nx nx + 2 xy nx ny + yy ny ny)` to both sides. */
export interface Ellipse {
  centre: [number, number];
  /** xx, xy, yy. */
  covariance: [number, number, number];
}

/** What the structures are measured for; places in pixels of the frame, mm where the spacing is known. */
export type Measurement =
  | {
      kind: "hip"; outcome: "measured";
      /** Graf's alpha angle. */
      alpha_degrees: number;
      /** The part of the head's diameter below the baseline, 0 to 1. */
      coverage: number;
      baseline: [[number, number], [number, number]];
      /** From the bony rim to the lower limb. */
      roof_line: [[number, number], [number, number]];
      head_diameter_mm: number | null;
      head_covered_mm: number | null;
      head: Ellipse;
    }
  | {
      kind: "muscle"; outcome: "measured";
      mean_thickness_px: number;
      middle_thickness_px: number;
      mean_thickness_mm: number | null;
      middle_thickness_mm: number | null;
      angle_degrees: number;
      superficial: [[number, number], [number, number]];
      deep: [[number, number], [number, number]];
    }
  | { kind: "heart"; outcome: "measured"; area_px: number; area_mm2: number | null }
  | { kind: "hip" | "muscle" | "heart"; outcome: "abstained"; reason: string; message: string };

export interface Segmentation {
  width: number;
  height: number;
  /** 0 for the background, structure + 1 elsewhere; row by row. */
  class_ids: Uint8Array;
  structures: StructureResult[];
  /** Null where nothing is measured of such structures. */
  measurement: Measurement | null;
  /** Stages in their order. */
  timings: { stage: string; milliseconds: number }[];
}

/** A look inside; without a prompt predictor the features alone. Maps lie on the model's square input, the frame in its left top corner. */
export interface Explanation {
  /** How much of the maps the frame takes, from the left and from the top. */
  coverage: [number, number];
  /** The predictor's cross-attention, coarse to fine: [structures, tokens, height, width], each token's sum to 1. */
  attention: { height: number; width: number; weights: Float32Array }[];
  /** For each structure, in pixels of the frame. */
  predicted_boxes: [number, number, number, number][];
  /** Logits [structures, side, side]. */
  interim_mask: { side: number; logits: Float32Array };
  /** The image embedding, then the two maps of higher resolution: [height, width, 3]. */
  features: { height: number; width: number; rgb: Uint8Array }[];
  /** What becomes of a structure without a token. */
  ablation: { structure: number; token: number; dice: number; iou_change: number; object_score_change: number | null }[];
}
"#;

#[wasm_bindgen]
extern "C" {
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "ModelCard")]
    pub type ModelCardObject;
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "ConvertOptions | undefined")]
    pub type ConvertOptionsObject;
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "SegmentRequest")]
    pub type RequestObject;
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "Segmentation")]
    pub type SegmentationObject;
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "Followed")]
    pub type FollowedObject;
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "Explanation")]
    pub type ExplanationObject;
    /// Values by name.
    #[wasm_bindgen(typescript_type = "Record<string, Float32Array>")]
    pub type TensorsObject;
}
