//! What the page's DICOM worker calls: a file's bytes in, its description, frames and segmentation objects out.
//!
//! A bundle of its own, without the model: the feature `dicom` alone.

use js_sys::{Array, Object, Reflect, Uint8Array};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

use crate::dicom::{
    self, Creation, GreyWindow, SegmentAlgorithm, SegmentationRequest, SegmentedFrame, SegmentedStructure,
};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Millimetres from one pixel to the next; the last two sources are at a detector or on a film, not in the patient. */
export interface PixelSpacing {
  x_mm: number;
  y_mm: number;
  source: "ultrasound region" | "pixel spacing" | "imager pixel spacing" | "nominal scanned pixel spacing";
}

/** What the pixels along a region's side stand for; `per_pixel` is more than 0, `null` where the file does not say. */
export interface RegionAxis {
  unit:
    | "none" | "percent" | "dB" | "cm" | "seconds" | "hertz" | "dB/s" | "cm/s" | "cm2" | "cm2/s" | "cm3" | "cm3/s"
    | "degrees" | "unknown";
  per_pixel: number | null;
}

export interface UltrasoundRegion {
  /** Left, top, right, bottom in pixels; right and bottom are not in it. */
  bounding_box: [number, number, number, number];
  spatial_format: "2d" | "m-mode" | "spectral" | "waveform" | "graphics" | "none";
  data_type: "tissue" | "colour flow" | "doppler" | "ecg" | "other" | "unknown";
  x: RegionAxis;
  y: RegionAxis;
  /** Where both axes are lengths. */
  spacing: PixelSpacing | null;
}

/** Something that is not as the file says; `kind` stays the same whatever the words. */
export interface DicomNote {
  kind: string;
  message: string;
}

/** Which grey values are black and white. */
export interface GreyWindow {
  center: number;
  width: number;
  name: string | null;
}

/** What a file says of its pictures. */
export interface DicomInfo {
  width: number;
  height: number;
  /** Frames that the file holds, even where it says that it has fewer; the last one may be cut short. */
  frames: number;
  /** Frames that the file promises and does not hold. */
  missing_frames: number;
  /** When each frame was taken, in seconds since the first. */
  frame_times: number[] | null;
  /** Frames a second that the file recommends to play; no measured time. */
  playback_rate: number | null;
  regions: UltrasoundRegion[];
  /** Left, top, right, bottom of the largest two-dimensional tissue region. */
  crop: [number, number, number, number] | null;
  /** Counts in the whole picture; `null` where regions are calibrated, each for itself. */
  picture_spacing: PixelSpacing | null;
  /** The width of a pixel over its height. */
  pixel_aspect: number;
  /** Whether a window can be chosen. */
  grey: boolean;
  windows: GreyWindow[];
  notes: DicomNote[];
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

/** What a segmentation object holds for a file. */
export interface SegmentationMasks {
  structures: {
    name: string;
    color: [number, number, number] | null;
    algorithm: "automatic" | "semiautomatic" | "manual";
  }[];
  /** As in a request. */
  frames: { index: number; class_ids: Uint8Array }[];
  notes: DicomNote[];
}

/** An image that the directory of a disc lists. */
export interface DirectoryEntry {
  /** From the directory's folder on; the file system may spell it in other letters, capital or small. */
  path: string;
  modality: string | null;
  series: string | null;
  frames: number | null;
}

export type DicomKind = "picture" | "segmentation" | "directory";
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
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "SegmentationMasks")]
    pub type SegmentationMasksObject;
    /// A plain object of the type in the custom section.
    #[wasm_bindgen(typescript_type = "{ center: number; width: number }")]
    pub type WindowObject;
    /// A plain object of the type in the custom section, or `null`.
    #[wasm_bindgen(typescript_type = "GreyWindow | null")]
    pub type WindowOrNull;
    /// A word of the type in the custom section, or `null`.
    #[wasm_bindgen(typescript_type = "DicomKind | null")]
    pub type KindOrNull;
    /// Plain objects of the type in the custom section.
    #[wasm_bindgen(typescript_type = "DirectoryEntry[]")]
    pub type DirectoryEntries;
}

/// What a file is, from its first bytes (64 kB are enough); `null` where they are not those of a DICOM file.
#[wasm_bindgen]
pub fn identify(bytes: &[u8]) -> Result<KindOrNull, JsError> {
    Ok(to_object(&dicom::identify(bytes))?.unchecked_into())
}

/// The images of a DICOMDIR, in its order. Throws where it is none.
#[wasm_bindgen]
pub fn directory(bytes: &[u8]) -> Result<DirectoryEntries, JsError> {
    Ok(to_object(&dicom::directory(bytes)?)?.unchecked_into())
}

/// A plain object; what is not there is `null`.
fn to_object(value: &impl Serialize) -> Result<JsValue, JsError> {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_missing_as_null(true);
    Ok(value.serialize(&serializer)?)
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
        Ok(to_object(self.file.info())?.unchecked_into())
    }

    /// The window that is used where none is chosen; `null` where the pictures are in colour.
    pub fn window(&self) -> Result<WindowOrNull, JsError> {
        Ok(to_object(&self.file.window()?)?.unchecked_into())
    }

    /// Decodes a frame, counted from 0, in a window or as the file asks. Throws where it is damaged; others may be whole.
    pub fn frame(&self, index: usize, window: Option<WindowObject>) -> Result<DicomFrameObject, JsError> {
        let frame = match window {
            None => self.file.frame(index)?,
            Some(window) => {
                let WebWindow { center, width } = serde_wasm_bindgen::from_value(window.into())?;
                self.file.frame_in_window(index, &GreyWindow { center, width, name: None })?
            }
        };
        let rgba: Vec<u8> = frame.rgb().as_chunks().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
        let members = [
            ("width", frame.width().into()),
            ("height", frame.height().into()),
            ("rgba", Uint8Array::from(rgba.as_slice()).into()),
        ];
        Ok(object_of(members)?.unchecked_into())
    }

    /// The masks of a segmentation object that was made for this file. Throws where it is of another, or cannot be read.
    pub fn masks(&self, segmentation: &[u8]) -> Result<SegmentationMasksObject, JsError> {
        let masks = self.file.masks(segmentation)?;
        let structures = masks.structures.into_iter().map(|segment| WebSegment {
            name: segment.name,
            color: segment.color,
            algorithm: segment.algorithm,
        });
        let frames = masks.frames.into_iter().map(|SegmentedFrame { index, class_ids }| {
            object_of([("index", index.into()), ("class_ids", Uint8Array::from(class_ids.as_slice()).into())])
        });
        let members = [
            ("structures", to_object(&structures.collect::<Vec<_>>())?),
            ("frames", frames.collect::<Result<Array, _>>()?.into()),
            ("notes", to_object(&masks.notes)?),
        ];
        Ok(object_of(members)?.unchecked_into())
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
struct WebWindow {
    center: f64,
    width: f64,
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
    algorithm: SegmentAlgorithm,
}

#[derive(Serialize)]
struct WebSegment {
    name: String,
    color: Option<[u8; 3]>,
    algorithm: SegmentAlgorithm,
}

/// An object with these members.
fn object_of<const N: usize>(members: [(&str, JsValue); N]) -> Result<JsValue, JsError> {
    let object = Object::new();
    for (name, value) in members {
        let _: bool =
            Reflect::set(&object, &name.into(), &value).map_err(|_| JsError::new("it could not be handed over"))?;
    }
    Ok(object.into())
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
        algorithm: structure.algorithm,
    });
    Ok(SegmentationRequest { frames, structures: structures.collect(), model, training_data })
}
