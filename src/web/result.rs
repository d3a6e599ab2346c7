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
    let structures = segmentation.structures.iter().map(structure_object).collect::<Result<Array, _>>()?;
    Ok(object(&[
        ("width", segmentation.map.width.into()),
        ("height", segmentation.map.height.into()),
        ("class_ids", Uint8Array::from(segmentation.map.class_ids.as_slice()).into()),
        ("structures", structures.into()),
        ("measurement", measurement),
        ("timings", serde_wasm_bindgen::to_value(&segmentation.timings)?),
    ])
    .unchecked_into())
}

fn structure_object(found: &StructureResult) -> Result<JsValue, serde_wasm_bindgen::Error> {
    // What there is none of is null.
    let structure = found.serialize(&Serializer::new().serialize_missing_as_null(true))?;
    let polygons = found.contours.iter().map(|polygon| Float32Array::from(polygon.as_flattened()));
    set(&structure, "contours", &polygons.collect::<Array>());
    Ok(structure)
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
        ("ablation", explanation.ablation.serialize(&Serializer::new().serialize_missing_as_null(true))?),
    ])
    .unchecked_into())
}

pub fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new().into();
    fields.iter().for_each(|(name, value)| set(&object, name, value));
    object
}

pub fn set(object: &JsValue, name: &str, value: &JsValue) {
    Reflect::set(object, &name.into(), value).expect("a plain object takes any property");
}
