//! A request, as it crosses from JavaScript.

use serde::Deserialize;

use super::types::RequestObject;
use crate::brush::Stroke;
use crate::model::PointLabel;
use crate::segmenter::{FramePoint, Mode, Request, StructurePrompts};

/// A plain object as a request.
pub fn read_request(object: RequestObject) -> Result<Request, serde_wasm_bindgen::Error> {
    let request: WebRequest = serde_wasm_bindgen::from_value(object.into())?;
    Ok(request.into())
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WebRequest {
    mode: WebMode,
    prompts: Vec<WebPrompts>,
    multimask_output: bool,
    tokens_off: Vec<usize>,
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
    #[serde(default)]
    strokes: Vec<WebStroke>,
    #[serde(default)]
    mask: Option<Vec<f32>>,
}

#[derive(Deserialize)]
struct WebPoint {
    x: f32,
    y: f32,
    inside: bool,
}

#[derive(Deserialize)]
struct WebStroke {
    path: Vec<[f32; 2]>,
    radius: f32,
    inside: bool,
}

impl From<WebRequest> for Request {
    fn from(request: WebRequest) -> Self {
        Self {
            mode: match request.mode {
                WebMode::Autonomous => Mode::Autonomous,
                WebMode::SemiAutonomous => Mode::SemiAutonomous,
                WebMode::Manual => Mode::Manual,
            },
            prompts: request.prompts.into_iter().map(StructurePrompts::from).collect(),
            multimask_output: request.multimask_output,
            tokens_off: request.tokens_off,
            contours: true,
        }
    }
}

impl From<WebPrompts> for StructurePrompts {
    fn from(prompts: WebPrompts) -> Self {
        let label = |inside| if inside { PointLabel::Inside } else { PointLabel::Outside };
        let points = prompts.points.into_iter();
        let strokes = prompts.strokes.into_iter();
        Self {
            structure: prompts.structure,
            points: points.map(|WebPoint { x, y, inside }| FramePoint { x, y, label: label(inside) }).collect(),
            bounding_box: prompts.bounding_box,
            strokes: strokes.map(|WebStroke { path, radius, inside }| Stroke { path, radius, inside }).collect(),
            mask: prompts.mask,
        }
    }
}
