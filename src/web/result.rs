//! Results, as they cross to JavaScript: plain objects, with typed arrays where there is much of one kind.

use js_sys::{Array, Float32Array, Object, Reflect, Uint8Array};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::*;

use super::types::{ExplanationObject, SegmentationObject};
use crate::explain::Explanation;
use crate::measure::Measurement;
use crate::segmenter::{Segmentation, StructureResult};

/// A segmentation and its measurement as a plain object.
pub fn segmentation_object(
    segmentation: &Segmentation,
    measurement: Option<&Measurement>,
) -> Result<SegmentationObject, serde_wasm_bindgen::Error> {
    // What there is none of is null.
    let measurement = measurement.serialize(&Serializer::new().serialize_missing_as_null(true))?;
    let timings = segmentation.timings.iter();
    let timings: Vec<_> = timings.map(|t| WebTiming { stage: t.stage, milliseconds: t.milliseconds }).collect();
    let structures = segmentation.structures.iter().map(structure_object).collect::<Result<Array, _>>()?;
    Ok(object(&[
        ("width", segmentation.map.width.into()),
        ("height", segmentation.map.height.into()),
        ("class_ids", Uint8Array::from(segmentation.map.class_ids.as_slice()).into()),
        ("structures", structures.into()),
        ("measurement", measurement),
        ("timings", serde_wasm_bindgen::to_value(&timings)?),
    ])
    .unchecked_into())
}

#[derive(Serialize)]
struct WebTiming {
    stage: &'static str,
    milliseconds: f64,
}

#[derive(Serialize)]
struct WebStructure {
    structure: usize,
    present: bool,
    iou: f32,
    object_score: Option<f32>,
    expected_dice: Option<f32>,
    area_px: usize,
    bounding_box: Option<[usize; 4]>,
    predicted_box: Option<[f32; 4]>,
}

fn structure_object(found: &StructureResult) -> Result<JsValue, serde_wasm_bindgen::Error> {
    // What there is none of is null.
    let structure = WebStructure {
        structure: found.structure,
        present: found.present,
        iou: found.iou,
        object_score: found.object_score,
        expected_dice: found.expected_dice,
        area_px: found.area,
        bounding_box: found.bounds.map(|b| [b.left, b.top, b.right, b.bottom]),
        predicted_box: found.predicted_box,
    };
    let structure = structure.serialize(&Serializer::new().serialize_missing_as_null(true))?;
    let polygons = found.contours.iter().map(|polygon| Float32Array::from(polygon.as_flattened()));
    set(&structure, "contours", &polygons.collect::<Array>());
    Ok(structure)
}

#[derive(Serialize)]
struct WebTokenEffect {
    structure: usize,
    token: usize,
    dice: f32,
    iou_change: f32,
    object_score_change: Option<f32>,
}

/// A look inside as a plain object; the interim mask has `side` rows and columns.
pub fn explanation_object(
    explanation: &Explanation,
    side: usize,
) -> Result<ExplanationObject, serde_wasm_bindgen::Error> {
    let map = |height: usize, width: usize, name: &str, values: JsValue| {
        object(&[("height", height.into()), ("width", width.into()), (name, values)])
    };
    let floats = |values: &[f32]| JsValue::from(Float32Array::from(values));
    let attention = explanation.attention.iter();
    let features = explanation.features.iter();
    let ablation = explanation.ablation.iter().map(|effect| WebTokenEffect {
        structure: effect.structure,
        token: effect.token,
        dice: effect.dice,
        iou_change: effect.iou_change,
        object_score_change: effect.object_score_change,
    });
    let attention: Array = attention.map(|m| map(m.height, m.width, "weights", floats(&m.weights))).collect();
    let features: Array =
        features.map(|m| map(m.height, m.width, "rgb", Uint8Array::from(m.rgb.as_slice()).into())).collect();
    let interim = [("side", side.into()), ("logits", floats(&explanation.interim_mask))];
    Ok(object(&[
        ("coverage", serde_wasm_bindgen::to_value(&explanation.coverage)?),
        ("attention", attention.into()),
        ("predicted_boxes", serde_wasm_bindgen::to_value(&explanation.predicted_boxes)?),
        ("interim_mask", object(&interim)),
        ("features", features.into()),
        ("ablation", ablation.collect::<Vec<_>>().serialize(&Serializer::new().serialize_missing_as_null(true))?),
    ])
    .unchecked_into())
}

fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new().into();
    fields.iter().for_each(|(name, value)| set(&object, name, value));
    object
}

pub fn set(object: &JsValue, name: &str, value: &JsValue) {
    Reflect::set(object, &name.into(), value).expect("a plain object takes any property");
}
