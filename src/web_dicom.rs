//! What the page's DICOM worker calls: a file's bytes in, its description, frames and segmentation objects out.
//!
//! A bundle of its own, without the model: the feature `dicom` alone.

use js_sys::{Array, Object, Reflect, Uint8Array};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

use crate::dicom::{self, Creation, SegmentAlgorithm, SegmentationRequest, SegmentedFrame, SegmentedStructure};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Millimetres from one pixel to the next. */
export interface PixelSpacing {
  x_mm: number;
  y_mm: number;
  source: "ultrasound region" | "pixel spacing" | "imager pixel spacing";
}

export interface UltrasoundRegion {
  /** Left, top, right, bottom in pixels; right and bottom are not in it. */
  bounding_box: [number, number, number, number];
  spatial_format: "2d" | "m-mode" | "spectral" | "waveform" | "graphics" | "none";
  data_type: "tissue" | "colour flow" | "doppler" | "ecg" | "other" | "unknown";
  spacing: PixelSpacing | null;
}

/** What a file says of its pictures. */
export interface DicomInfo {
  width: number;
  height: number;
  /** Frames that the file holds; the last one may be cut short. */
  frames: number;
  /** Frames that the file promises and does not hold. */
  missing_frames: number;
  /** Seconds that each frame is shown. */
  frame_seconds: number[] | null;
  regions: UltrasoundRegion[];
  /** Left, top, right, bottom of the largest two-dimensional tissue region. */
  crop: [number, number, number, number] | null;
  spacing: PixelSpacing | null;
  transfer_syntax: { uid: string; name: string };
  lossy: boolean;
  photometric_interpretation: string | null;
  bits_stored: number;
  modality: string | null;
  manufacturer: string | null;
  model_name: string | null;
  series_description: string | null;
}

export interface DicomFrame {
  width: number;
  height: number;
  /** Red, green, blue, alpha (255), row by row. */
  rgba: Uint8Array;
}

export interface SegmentationRequest {
  /** Masks by frame, counted from 0: 0 for the background, structure + 1 elsewhere, row by row. */
  frames: { index: number; class_ids: Uint8Array }[];
  structures: {
    name: string;
    color: [number, number, number];
    algorithm: "automatic" | "semiautomatic" | "manual";
  }[];
  /** The model card's name. */
  model: string;
  /** The model card's training data. */
  training_data?: string;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "DicomInfo")]
    pub type DicomInfoObject;
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "DicomFrame")]
    pub type DicomFrameObject;
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "SegmentationRequest")]
    pub type SegmentationRequestObject;
}

/// An open file.
#[wasm_bindgen]
pub struct DicomFile {
    file: dicom::DicomFile,
}

#[wasm_bindgen]
impl DicomFile {
    /// Reads all of a file but its frames. Throws what is wrong with it.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: Vec<u8>) -> Result<Self, JsError> {
        console_error_panic_hook::set_once();
        Ok(Self { file: dicom::DicomFile::open(bytes)? })
    }

    /// What the file says of its pictures.
    pub fn info(&self) -> Result<DicomInfoObject, JsError> {
        let serializer = serde_wasm_bindgen::Serializer::new().serialize_missing_as_null(true);
        Ok(self.file.info().serialize(&serializer)?.unchecked_into())
    }

    /// Decodes a frame, counted from 0. Throws where it is damaged; others may be whole.
    pub fn frame(&self, index: usize) -> Result<DicomFrameObject, JsError> {
        let frame = self.file.frame(index)?;
        let rgba: Vec<u8> = frame.rgb().as_chunks().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
        let object = Object::new();
        for (name, value) in [
            ("width", frame.width().into()),
            ("height", frame.height().into()),
            ("rgba", Uint8Array::from(rgba.as_slice()).into()),
        ] {
            let _: bool =
                Reflect::set(&object, &name.into(), &value).map_err(|_| JsError::new("it could not be handed over"))?;
        }
        Ok(object.unchecked_into())
    }

    /// A segmentation object, the bytes of a file, that refers to this file. Throws where there is nothing to write.
    pub fn segmentation(&self, request: SegmentationRequestObject) -> Result<Vec<u8>, JsError> {
        let request = read_request(request.into())?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| JsError::new(&error.to_string()))?;
        let creation = Creation { unix_seconds: (js_sys::Date::now() / 1000.0) as i64, random };
        Ok(self.file.segmentation(&request, &creation)?)
    }
}

#[derive(Deserialize)]
struct WebRequest {
    structures: Vec<WebStructure>,
    model: String,
    #[serde(default)]
    training_data: String,
}

#[derive(Deserialize)]
struct WebStructure {
    name: String,
    color: [u8; 3],
    algorithm: WebAlgorithm,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum WebAlgorithm {
    Automatic,
    Semiautomatic,
    Manual,
}

/// Masks are copied as a whole; serde would take them byte by byte.
fn read_request(request: JsValue) -> Result<SegmentationRequest, JsError> {
    let malformed = |_| JsError::new("the request has no frames, each with an index and its class_ids");
    let frames: Array = Reflect::get(&request, &"frames".into()).and_then(JsCast::dyn_into).map_err(malformed)?;
    let frame = |frame: JsValue| {
        let index = Reflect::get(&frame, &"index".into())?.as_f64().ok_or(JsValue::NULL)?;
        let class_ids: Uint8Array = Reflect::get(&frame, &"class_ids".into())?.dyn_into()?;
        Ok(SegmentedFrame { index: index as usize, class_ids: class_ids.to_vec() })
    };
    let frames = frames.iter().map(frame).collect::<Result<_, JsValue>>().map_err(malformed)?;
    let WebRequest { structures, model, training_data } = serde_wasm_bindgen::from_value(request)?;
    let structures = structures.into_iter().map(|structure| SegmentedStructure {
        name: structure.name,
        color: structure.color,
        algorithm: match structure.algorithm {
            WebAlgorithm::Automatic => SegmentAlgorithm::Automatic,
            WebAlgorithm::Semiautomatic => SegmentAlgorithm::Semiautomatic,
            WebAlgorithm::Manual => SegmentAlgorithm::Manual,
        },
    });
    Ok(SegmentationRequest { frames, structures: structures.collect(), model, training_data })
}
