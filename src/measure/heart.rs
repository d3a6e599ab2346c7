//! The left ventricle: its area in a frame, and over a beat.

use super::{PixelSize, Reason};
use crate::postprocess::ClassMap;
use serde::Serialize;

/// Frames with the ventricle that a beat needs at least.
const LEAST_FRAMES: usize = 5;

/// Of one frame.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ventricle {
    /// Pixels of the cavity.
    pub area_px: usize,
    /// The same in mm², where the spacing is known.
    pub area_mm2: Option<f64>,
}

/// Of a cine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Beat {
    /// The frame with the largest area, counted from 0.
    pub end_diastolic_frame: usize,
    /// The frame with the smallest.
    pub end_systolic_frame: usize,
    /// Area at the end of diastole, in the unit of what was given.
    pub end_diastolic_area: f64,
    /// Area at the end of systole.
    pub end_systolic_area: f64,
    /// The difference as a share of the end-diastolic area, 0 to 1 (Lang et al., J Am Soc Echocardiogr 2015; 28: 1-39).
    pub fractional_area_change: f64,
}

/// The area in a frame.
pub(super) fn measure(map: &ClassMap, class_id: u8, size: PixelSize) -> Result<Ventricle, Reason> {
    let area_px = map.class_ids.iter().filter(|&&id| id == class_id).count();
    let area_mm2 = size.mm(area_px as f64 * size.area());
    if area_px == 0 { Err(Reason::VentricleAbsent) } else { Ok(Ventricle { area_px, area_mm2 }) }
}

/// Extremes of the area over a cine's frames in their order; `None` where the ventricle isn't seen. Each is the median of three
/// frames that show it, so that a single bad mask makes no extreme.
///
/// # Errors
/// [`Reason::TooFewFrames`].
pub fn beat(areas: &[Option<f64>]) -> Result<Beat, Reason> {
    let seen: Vec<(usize, f64)> = areas.iter().enumerate().filter_map(|(i, area)| Some((i, (*area)?))).collect();
    if seen.len() < LEAST_FRAMES {
        return Err(Reason::TooFewFrames);
    }
    let medians = seen.windows(3).map(|near| {
        let mut values = [near[0].1, near[1].1, near[2].1];
        values.sort_by(f64::total_cmp);
        (near[1].0, values[1])
    });
    let medians: Vec<_> = medians.collect();
    let by_area = |a: &&(usize, f64), b: &&(usize, f64)| a.1.total_cmp(&b.1);
    // There are at least three medians.
    let &(end_diastolic_frame, largest) = medians.iter().max_by(by_area).ok_or(Reason::TooFewFrames)?;
    let &(end_systolic_frame, smallest) = medians.iter().min_by(by_area).ok_or(Reason::TooFewFrames)?;
    Ok(Beat {
        end_diastolic_frame,
        end_systolic_frame,
        end_diastolic_area: largest,
        end_systolic_area: smallest,
        fractional_area_change: (largest - smallest) / largest,
    })
}
