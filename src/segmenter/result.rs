//! What was found.

use serde::Serialize;

use super::clock::Timing;
use crate::contour::Polygon;
use crate::postprocess::{ClassMap, PixelBox};

/// What was found of one structure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StructureResult {
    /// Which structure, counted from 0; its pixels have this plus 1 in the class map.
    pub structure: usize,
    /// Whether it is present in the picture; always true where the model has no presence score.
    pub present: bool,
    /// Predicted IoU of the mask.
    pub iou: f32,
    /// Logit of its presence; `None` where the model has no object score.
    pub object_score: Option<f32>,
    /// The Dice that the mask may be expected to have, 0 to 1; `None` where the model's file has no [`Calibration`](super::Calibration).
    pub expected_dice: Option<f32>,
    /// Pixels of the frame.
    #[serde(rename = "area_px")]
    pub area: usize,
    /// The smallest box around the mask.
    #[serde(rename = "bounding_box")]
    pub bounds: Option<PixelBox>,
    /// The box that the prompt predictor expected, left, top, right, bottom in pixels of the frame; `None` in manual mode, which
    /// does not ask it.
    pub predicted_box: Option<[f32; 4]>,
    /// The mask's contours between pixels, holes among them; empty unless they were asked for.
    #[serde(skip)]
    pub contours: Vec<Polygon>,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Segmentation {
    /// Which structure each pixel belongs to.
    pub map: ClassMap,
    /// One entry for each structure that was asked for, as `map.extents`.
    pub structures: Vec<StructureResult>,
    /// Stages in their order.
    pub timings: Vec<Timing>,
}
