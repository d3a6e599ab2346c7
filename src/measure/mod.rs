//! What the structures are segmented for: angles, thicknesses and areas, from a class map and the size of a pixel.
//!
//! [`measure`] picks the measurement by the structures' names: an "ilium" and a "femoral head" are measured after Graf
//! ([`hip`]), an "aponeurosis" as the thickness of the muscle ([`muscle`]), a "left ventricle" by its area ([`heart`]). Where
//! a picture can't be measured, the reason is given and no number. Research and teaching only.

mod centreline;
pub mod heart;
pub mod hip;
mod line;
pub mod muscle;
mod piece;
#[cfg(test)]
mod tests;

use crate::postprocess::ClassMap;
pub use line::Point;
use serde::Serialize;

/// The measurement of a picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Measurement {
    /// Of an infant's hip.
    Hip(Outcome<hip::Hip>),
    /// Of a muscle between its aponeuroses.
    Muscle(Outcome<muscle::Muscle>),
    /// Of the left ventricle.
    Heart(Outcome<heart::Ventricle>),
}

/// Numbers, or why there are none.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome<T> {
    /// The numbers.
    Measured(T),
    /// The picture can't be measured.
    Abstained {
        /// Which rule it breaks.
        reason: Reason,
        /// The same in words.
        message: String,
    },
}

impl<T> From<Result<T, Reason>> for Outcome<T> {
    fn from(result: Result<T, Reason>) -> Self {
        match result {
            Ok(measured) => Self::Measured(measured),
            Err(reason) => Self::Abstained { reason, message: reason.to_string() },
        }
    }
}

/// Why a picture can't be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Without the head the plane can't be judged and lengths have no scale.
    #[error("not a standard plane: the femoral head is not seen")]
    HeadAbsent,
    /// There is no ilium.
    #[error("not a standard plane: the ilium is not seen")]
    IliumAbsent,
    /// Less of the ilium than wing and roof need.
    #[error("not a standard plane: too little of the ilium is seen")]
    IliumTooShort,
    /// A baseline would be a guess.
    #[error("not a standard plane: the ilium's wing is not straight, or too short for a baseline")]
    NoStraightWing,
    /// The ilium ends at the bony rim, or soon after.
    #[error("not a standard plane: the bony roof is not seen")]
    NoRoof,
    /// The wing runs far off the probe's face.
    #[error("not a standard plane: the ilium's wing is steep")]
    SteepWing,
    /// There is no second aponeurosis below the first.
    #[error("the superficial and the deep aponeurosis are not both seen")]
    OneAponeurosis,
    /// The two are not above each other.
    #[error("the two aponeuroses are seen above each other in too small a part of the picture")]
    LittleOverlap,
    /// No pixel of the left ventricle.
    #[error("the left ventricle is not seen")]
    VentricleAbsent,
    /// A beat needs frames.
    #[error("too few frames show the left ventricle")]
    TooFewFrames,
}

/// What the structures' names call for; class id `i + 1` is structure `i`. `spacing_mm` is the size of a pixel, `[x, y]`, where
/// it is known. `None` where no measurement is for these structures.
pub fn measure(map: &ClassMap, structures: &[&str], spacing_mm: Option<[f64; 2]>) -> Option<Measurement> {
    let class_of = |name: &str| {
        let place = structures.iter().position(|structure| structure.eq_ignore_ascii_case(name))?;
        u8::try_from(place + 1).ok()
    };
    let spacing_mm = spacing_mm.filter(|spacing| spacing.iter().all(|mm| mm.is_finite() && *mm > 0.0));
    let size = PixelSize { side: spacing_mm.unwrap_or([1.0; 2]), is_mm: spacing_mm.is_some() };
    if let (Some(ilium), Some(head)) = (class_of("ilium"), class_of("femoral head")) {
        return Some(Measurement::Hip(hip::measure(map, ilium, head, size).into()));
    }
    if let Some(class_id) = class_of("aponeurosis") {
        return Some(Measurement::Muscle(muscle::measure(map, class_id, size).into()));
    }
    class_of("left ventricle").map(|class_id| Measurement::Heart(heart::measure(map, class_id, size).into()))
}

/// The size of a pixel along x and y: in mm, or 1 where that isn't known.
#[derive(Debug, Clone, Copy, PartialEq)]
struct PixelSize {
    side: [f64; 2],
    is_mm: bool,
}

impl PixelSize {
    /// A place in pixels, in units of length.
    fn to_length(self, [x, y]: Point) -> Point {
        [x * self.side[0], y * self.side[1]]
    }

    /// A place in units of length, in pixels.
    fn to_pixels(self, [x, y]: Point) -> Point {
        [x / self.side[0], y / self.side[1]]
    }

    /// Of a pixel.
    fn area(self) -> f64 {
        self.side[0] * self.side[1]
    }

    /// The side of a square of a pixel's area.
    fn mean_side(self) -> f64 {
        self.area().sqrt()
    }

    /// A length or an area, if its unit is mm.
    fn mm(self, value: f64) -> Option<f64> {
        self.is_mm.then_some(value)
    }
}
