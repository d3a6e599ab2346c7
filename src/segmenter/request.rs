//! What can be asked of a frame, and why it cannot be answered.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use crate::brush::Stroke;
use crate::model::PointLabel;

/// Who says what to segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Only the learnt prompts.
    #[default]
    Autonomous,
    /// The learnt prompts and a person's.
    SemiAutonomous,
    /// Only a person's prompts, as in the original SAM. Structures without prompts are left out.
    Manual,
}

impl Mode {
    /// All modes, the one with the least help first.
    pub const ALL: [Self; 3] = [Self::Autonomous, Self::SemiAutonomous, Self::Manual];

    /// Its name in files, requests and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Autonomous => "autonomous",
            Self::SemiAutonomous => "semi-autonomous",
            Self::Manual => "manual",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let mode = Self::ALL.into_iter().find(|mode| mode.name() == name);
        mode.ok_or_else(|| format!("there is no mode `{name}`; write autonomous, semi-autonomous or manual"))
    }
}

/// A point in pixels of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct FramePoint {
    /// Column.
    pub x: f32,
    /// Row.
    pub y: f32,
    /// On the structure or off it.
    #[serde(rename = "inside")]
    pub label: PointLabel,
}

/// A person's prompts for one structure, in pixels of the frame.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct StructurePrompts {
    /// Which structure, counted from 0.
    pub structure: usize,
    /// Clicked points.
    #[serde(default)]
    pub points: Vec<FramePoint>,
    /// Left, top, right, bottom.
    pub bounding_box: Option<[f32; 4]>,
    /// Brush strokes, later ones over earlier ones. In semi-autonomous mode they are painted over the interim mask that the
    /// prompt predictor expects (paper, section 3.2) before it is embedded; in manual mode over `mask`, or, where there is none,
    /// over a mask that is sure to be empty. See [`PAINTED_LOGIT`](crate::brush::PAINTED_LOGIT).
    #[serde(default)]
    pub strokes: Vec<Stroke>,
    /// Mask logits `[image_size / 4, image_size / 4]`, of an earlier answer; manual mode only, as in the paper.
    pub mask: Option<Vec<f32>>,
}

impl StructurePrompts {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty() && self.bounding_box.is_none() && self.strokes.is_empty() && self.mask.is_none()
    }
}

/// What is asked of a frame.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Request {
    /// Whose prompts count.
    pub mode: Mode,
    /// A person's prompts, at most one entry for a structure.
    pub prompts: Vec<StructurePrompts>,
    /// Three candidates for each mask, of which the one with the highest predicted IoU is taken.
    pub multimask_output: bool,
    /// Learnt prompt tokens that the decoder does not get, counted from 0: to see what each does.
    pub tokens_off: Vec<usize>,
    /// Traces the contours of the masks.
    pub contours: bool,
}

/// A request that this model cannot answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The model has fewer structures.
    #[error("there is no structure {asked}: the model has {has}, counted from 0")]
    NoSuchStructure {
        /// The structure asked for.
        asked: usize,
        /// How many there are.
        has: usize,
    },
    /// The model has fewer learnt tokens.
    #[error("there is no prompt token {asked}: the model has {has} for each structure, counted from 0")]
    NoSuchToken {
        /// The token asked for.
        asked: usize,
        /// How many there are.
        has: usize,
    },
    /// The model has no prompt predictor.
    #[error(
        "this model has no prompt predictor, like SAM's own models, so it works in manual mode only; add a point, a box or a brush stroke"
    )]
    ManualOnly,
    /// A mask prompt of the wrong size.
    #[error("a mask prompt has {found} values; for this model it must be {side} x {side} logits")]
    MaskSize {
        /// Values given.
        found: usize,
        /// Side of the right mask.
        side: usize,
    },
    /// A mask prompt outside manual mode, where the predicted mask stands in its place.
    #[error(
        "a mask prompt works in manual mode only, because the other modes use the predicted mask; change the mode or leave the mask out"
    )]
    MaskMode,
    /// The device did not give the result back.
    #[error(
        "the result could not be read from the device: {0}; load the model again, on another backend if it happens again"
    )]
    Device(String),
}
