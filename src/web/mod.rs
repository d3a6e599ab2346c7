//! What the page's worker calls: a model from the pieces of its file, a frame in, masks out.
//!
//! Data crosses as typed arrays. One of the features `cpu` and `webgpu` says where a bundle computes.

use burn::tensor::Device;
use js_sys::{Float32Array, Object, Reflect, Uint8Array};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

use crate::checkpoint::{LoadOptions, ModelFileReader, load};
use crate::frame::Frame;
use crate::model::PointLabel;
use crate::segmenter::{EncodedFrame, FramePoint, Mode, Request, Segmentation, Segmenter, StructurePrompts};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What a model file says of itself. */
export interface ModelCard {
  architecture: { image_encoder: string; mask_decoder: string; prompt_predictor: string };
  image_size: number;
  tokens: number;
  structures: { name: string; color: [number, number, number] }[];
  dtype: "f32" | "f16" | "q8";
  provenance: string;
  licence: string;
  training_data: string;
  date: string;
}

/** Prompts for one structure (counted from 0), in pixels of the frame. */
export interface StructurePrompts {
  structure: number;
  points?: { x: number; y: number; inside: boolean }[];
  /** Left, top, right, bottom. */
  bounding_box?: [number, number, number, number];
}

/** What is asked of a frame; everything has a default: autonomous, no prompts, single masks. */
export interface SegmentRequest {
  mode?: "autonomous" | "semi-autonomous" | "manual";
  prompts?: StructurePrompts[];
  multimask_output?: boolean;
}

export interface StructureResult {
  structure: number;
  present: boolean;
  /** Predicted IoU. */
  iou: number;
  /** Logit of its presence; below 0 is absent. */
  object_score: number;
  area_px: number;
  /** Around the mask: left, top, right, bottom in pixels. */
  bounding_box: [number, number, number, number] | null;
  /** The box that the prompt predictor expected. */
  predicted_box: [number, number, number, number];
}

export interface Segmentation {
  width: number;
  height: number;
  /** 0 for the background, structure + 1 elsewhere; row by row. */
  class_ids: Uint8Array;
  structures: StructureResult[];
  /** Stages in their order. */
  timings: { stage: string; milliseconds: number }[];
}
"#;

#[wasm_bindgen]
extern "C" {
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "ModelCard")]
    pub type ModelCardObject;
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "SegmentRequest")]
    pub type RequestObject;
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "Segmentation")]
    pub type SegmentationObject;
    /// Values by name.
    #[wasm_bindgen(typescript_type = "Record<string, Float32Array>")]
    pub type TensorsObject;
}

#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// The crate's version.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Takes a model file piece by piece, as it arrives.
#[wasm_bindgen]
#[derive(Default)]
pub struct ModelReader {
    reader: ModelFileReader,
}

#[wasm_bindgen]
impl ModelReader {
    /// A reader at the start of a file.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes. Throws where they are not of a model file.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), JsError> {
        Ok(self.reader.push(piece)?)
    }

    /// The model, once the whole file is in. Throws where the file is not whole or not a model.
    pub async fn finish(self) -> Result<Model, JsError> {
        let mut file = self.reader.finish()?;
        let card = file.card().cloned().ok_or_else(|| {
            JsError::new("this safetensors file does not describe its model; convert it with `sam2rad convert` first")
        })?;
        let device = device().await?;
        let options = LoadOptions {
            architecture: Some(card.architecture.clone()),
            image_size: Some(card.image_size),
            ..LoadOptions::default()
        };
        let loaded = load(&mut file, &options, &device)?;
        Ok(Model { segmenter: Segmenter::new(loaded.model, loaded.config, card, device), frame: None })
    }
}

#[cfg(feature = "cpu")]
async fn device() -> Result<Device, JsError> {
    Ok(Device::flex())
}

#[cfg(all(feature = "webgpu", not(feature = "cpu")))]
async fn device() -> Result<Device, JsError> {
    use std::cell::RefCell;
    thread_local!(static DEVICE: RefCell<Option<Device>> = const { RefCell::new(None) });
    if let Some(device) = DEVICE.with_borrow(Clone::clone) {
        return Ok(device);
    }
    let device = Device::wgpu_options().init_async().await.map_err(|error| {
        JsError::new(&format!("WebGPU cannot be started: {error:?}; reload the page with ?backend=cpu"))
    })?;
    DEVICE.set(Some(device.clone()));
    Ok(device)
}

/// A model and the frame it looks at.
#[wasm_bindgen]
pub struct Model {
    segmenter: Segmenter,
    frame: Option<EncodedFrame>,
}

#[wasm_bindgen]
impl Model {
    /// What the file says of the model.
    pub fn card(&self) -> Result<ModelCardObject, JsError> {
        Ok(serde_wasm_bindgen::to_value(self.segmenter.card())?.unchecked_into())
    }

    /// Looks at a frame, `width * height` pixels of red, green, blue, alpha: once for all requests on it.
    pub fn encode(&mut self, rgba: &[u8], width: usize, height: usize) -> Result<(), JsError> {
        self.frame = Some(self.segmenter.encode(&Frame::from_rgba(width, height, rgba)?));
        Ok(())
    }

    /// Segments the frame that was encoded last; an empty request is the autonomous mode.
    pub async fn segment(&self, request: RequestObject) -> Result<SegmentationObject, JsError> {
        let request: WebRequest = serde_wasm_bindgen::from_value(request.into())?;
        let segmentation = self.segmenter.segment(self.frame()?, &request.into()).await?;
        segmentation_object(&segmentation)
    }

    /// What the model computes on its way from the frame to the masks, by the names of the reference's tensors; maps are
    /// `[.., height, width, channels]`.
    pub async fn inspect(&self) -> Result<TensorsObject, JsError> {
        let tensors = Object::new();
        for (name, values) in self.segmenter.inspect(self.frame()?).await? {
            let values = Float32Array::from(values.as_slice());
            Reflect::set(&tensors, &name.into(), &values)
                .map_err(|_| JsError::new("a tensor could not be handed over"))?;
        }
        Ok(tensors.unchecked_into())
    }
}

impl Model {
    fn frame(&self) -> Result<&EncodedFrame, JsError> {
        self.frame.as_ref().ok_or_else(|| JsError::new("there is no frame yet: call encode first"))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WebRequest {
    mode: WebMode,
    prompts: Vec<WebPrompts>,
    multimask_output: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
enum WebMode {
    #[default]
    Autonomous,
    SemiAutonomous,
    Manual,
}

#[derive(Deserialize)]
struct WebPrompts {
    structure: usize,
    #[serde(default)]
    points: Vec<WebPoint>,
    #[serde(default)]
    bounding_box: Option<[f32; 4]>,
}

#[derive(Deserialize)]
struct WebPoint {
    x: f32,
    y: f32,
    inside: bool,
}

impl From<WebRequest> for Request {
    fn from(request: WebRequest) -> Self {
        let label = |inside| if inside { PointLabel::Inside } else { PointLabel::Outside };
        let point = |point: WebPoint| FramePoint { x: point.x, y: point.y, label: label(point.inside) };
        let prompts = request.prompts.into_iter().map(|prompts| StructurePrompts {
            structure: prompts.structure,
            points: prompts.points.into_iter().map(point).collect(),
            bounding_box: prompts.bounding_box,
            mask: None,
        });
        Request {
            mode: match request.mode {
                WebMode::Autonomous => Mode::Autonomous,
                WebMode::SemiAutonomous => Mode::SemiAutonomous,
                WebMode::Manual => Mode::Manual,
            },
            prompts: prompts.collect(),
            multimask_output: request.multimask_output,
        }
    }
}

#[derive(Serialize)]
struct WebSegmentation<'a> {
    width: usize,
    height: usize,
    structures: Vec<WebStructure>,
    timings: Vec<WebTiming<'a>>,
}

#[derive(Serialize)]
struct WebStructure {
    structure: usize,
    present: bool,
    iou: f32,
    object_score: f32,
    area_px: usize,
    bounding_box: Option<[usize; 4]>,
    predicted_box: [f32; 4],
}

#[derive(Serialize)]
struct WebTiming<'a> {
    stage: &'a str,
    milliseconds: f64,
}

fn segmentation_object(segmentation: &Segmentation) -> Result<SegmentationObject, JsError> {
    let structures = segmentation.structures.iter().map(|found| WebStructure {
        structure: found.structure,
        present: found.present,
        iou: found.iou,
        object_score: found.object_score,
        area_px: found.area,
        bounding_box: found.bounds.map(|b| [b.left, b.top, b.right, b.bottom]),
        predicted_box: found.predicted_box,
    });
    let timings = segmentation.timings.iter();
    let object = serde_wasm_bindgen::to_value(&WebSegmentation {
        width: segmentation.map.width,
        height: segmentation.map.height,
        structures: structures.collect(),
        timings: timings.map(|t| WebTiming { stage: t.stage, milliseconds: t.milliseconds }).collect(),
    })?;
    let class_ids = Uint8Array::from(segmentation.map.class_ids.as_slice());
    Reflect::set(&object, &"class_ids".into(), &class_ids)
        .map_err(|_| JsError::new("the mask could not be handed over"))?;
    Ok(object.unchecked_into())
}
