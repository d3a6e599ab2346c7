//! How far apart the edges of two masks are, as MONAI defines it (`monai.metrics`: `compute_hausdorff_distance(percentile=95)`,
//! `compute_average_surface_distance(symmetric=True)`).

use image::{GrayImage, Luma};
use imageproc::distance_transform::euclidean_squared_distance_transform;

use super::mask::Mask;
use super::picture::{PictureScores, Prompting, SurfaceDistances, judge};
use crate::frame::LabelledPicture;
use crate::postprocess::PixelBox;
use crate::segmenter::{RequestError, Segmenter};

/// Segments a picture under each prompting and measures the answers; class id `i + 1` is the model's structure `i`, and
/// only `structures` are judged and prompted.
///
/// # Errors
/// [`RequestError`].
pub fn evaluate_picture(
    segmenter: &Segmenter,
    picture: &LabelledPicture,
    structures: &[usize],
    promptings: &[Prompting],
) -> Result<PictureScores, RequestError> {
    judge(segmenter, picture, structures, promptings, Some(surface_distances))
}

/// Euclidean distances between the edges of two masks; `None` where one is empty, for which MONAI has infinity or no number.
///
/// An edge is what erosion with a cross (4-neighbours; outside the picture is background) takes from a mask.
///
/// # Panics
/// Where the masks are not of one size.
pub fn surface_distances(predicted: &Mask, truth: &Mask) -> Option<SurfaceDistances> {
    assert_eq!(predicted.pixels().len(), truth.pixels().len(), "the masks are of different pictures");
    let bounds = union(predicted.extent().bounds?, truth.extent().bounds?);
    let (predicted, truth) = (edges(&predicted.cropped(bounds)), edges(&truth.cropped(bounds)));
    let mut to_truth = distances(&predicted, &truth);
    let mut to_predicted = distances(&truth, &predicted);
    let count = to_truth.len() + to_predicted.len();
    let sum: f64 = to_truth.iter().chain(&to_predicted).sum();
    let hd95 = percentile(&mut to_truth, 0.95).max(percentile(&mut to_predicted, 0.95));
    Some(SurfaceDistances { hd95, assd: sum / count as f64 })
}

/// The pixels of a mask, which has a border of background, that have a background neighbour.
fn edges(mask: &GrayImage) -> GrayImage {
    let is_inside = |x: u32, y: u32| mask.get_pixel(x, y).0[0] > 0;
    GrayImage::from_fn(mask.width(), mask.height(), |x, y| {
        let is_edge = is_inside(x, y)
            && !(is_inside(x - 1, y) && is_inside(x + 1, y) && is_inside(x, y - 1) && is_inside(x, y + 1));
        Luma([if is_edge { 255 } else { 0 }])
    })
}

/// How far each pixel of `from` is from the nearest of `to`.
fn distances(from: &GrayImage, to: &GrayImage) -> Vec<f64> {
    let squared = euclidean_squared_distance_transform(to);
    from.iter().zip(squared.iter()).filter(|(inside, _)| **inside > 0).map(|(_, squared)| squared.sqrt()).collect()
}

/// Linear interpolation between the values beside the share (`torch.quantile`), of at least one value.
fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let position = share * (values.len() - 1) as f64;
    let (below, above) = (values[position.floor() as usize], values[position.ceil() as usize]);
    below + (above - below) * position.fract()
}

/// The smallest box around two.
fn union(a: PixelBox, b: PixelBox) -> PixelBox {
    PixelBox {
        left: a.left.min(b.left),
        top: a.top.min(b.top),
        right: a.right.max(b.right),
        bottom: a.bottom.max(b.bottom),
    }
}

#[cfg(test)]
mod tests {
    use super::super::measures::{dice, iou};
    use super::*;
    use serde::Deserialize;
    use serde_json::Value;

    #[derive(Deserialize)]
    struct Case {
        name: String,
        pixel_spacing: f64,
        dice: Value,
        iou: Value,
        hd95: Value,
        assd: Value,
        predicted: Vec<String>,
        truth: Vec<String>,
    }

    fn mask(rows: &[String]) -> Mask {
        Mask::new(rows[0].len(), rows.concat().bytes().map(|byte| byte == b'#').collect())
    }

    /// MONAI computes in f32, the percentile's position among some hundred distances too; what it has no number for is a text
    /// in the file.
    fn assert_as_monai(name: &str, found: Option<f64>, expected: &Value) {
        match (found, expected.as_f64()) {
            (Some(found), Some(expected)) => {
                assert!((found - expected).abs() <= 1e-5 * expected.abs().max(1.0), "{name}: {found}, not {expected}");
            }
            (found, expected) => assert_eq!(found, expected, "{name}"),
        }
    }

    #[test]
    fn every_measure_is_monais() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/fixtures/monai_measures.json")).unwrap();
        assert!(cases.len() >= 20);
        for case in cases {
            let (predicted, truth) = (mask(&case.predicted), mask(&case.truth));
            let name = |measure: &str| format!("{measure} of {}", case.name);
            assert_as_monai(&name("Dice"), dice(predicted.pixels(), truth.pixels()), &case.dice);
            assert_as_monai(&name("IoU"), iou(predicted.pixels(), truth.pixels()), &case.iou);
            let distances = surface_distances(&predicted, &truth);
            let scaled = |distance: fn(SurfaceDistances) -> f64| distances.map(|d| distance(d) * case.pixel_spacing);
            assert_as_monai(&name("HD95"), scaled(|d| d.hd95), &case.hd95);
            assert_as_monai(&name("ASSD"), scaled(|d| d.assd), &case.assd);
        }
    }
}
