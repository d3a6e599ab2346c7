//! A simulated person: a box around a structure, points where it is widest, then where the answer is most wrong.

use image::{GrayImage, Luma};
use imageproc::distance_transform::euclidean_squared_distance_transform;
use imageproc::region_labelling::{Connectivity, connected_components};

use super::mask::Mask;
use crate::model::PointLabel;
use crate::segmenter::FramePoint;

/// Left, top, right, bottom: the outermost pixels of the mask; `None` where it is empty.
pub fn bounding_box(mask: &Mask) -> Option<[f32; 4]> {
    let bounds = mask.extent().bounds?;
    Some([bounds.left, bounds.top, bounds.right - 1, bounds.bottom - 1].map(|edge| edge as f32))
}

/// The pixel `[x, y]` farthest from the background (beyond the picture is background); of several, the one nearest to the
/// mask's centroid. `None` where the mask is empty.
pub fn innermost_point(mask: &Mask) -> Option<[usize; 2]> {
    let extent = mask.extent();
    let bounds = extent.bounds?;
    let mask = mask.cropped(bounds);
    let background = GrayImage::from_fn(mask.width(), mask.height(), |x, y| Luma([255 - mask.get_pixel(x, y).0[0]]));
    let squared = euclidean_squared_distance_transform(&background);
    let inside = || mask.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[0] > 0).map(|(x, y, _)| (x, y));
    let mean = |coordinate: fn((u32, u32)) -> u32| {
        inside().map(|pixel| f64::from(coordinate(pixel))).sum::<f64>() / extent.area as f64
    };
    let (centre_x, centre_y) = (mean(|(x, _)| x), mean(|(_, y)| y));
    let from_centre = |x: u32, y: u32| (f64::from(x) - centre_x).hypot(f64::from(y) - centre_y);
    let (x, y) = inside().max_by(|&(ax, ay), &(bx, by)| {
        let depth = squared.get_pixel(ax, ay).0[0].total_cmp(&squared.get_pixel(bx, by).0[0]);
        depth.then(from_centre(bx, by).total_cmp(&from_centre(ax, ay)))
    })?;
    Some([bounds.left + x as usize - 1, bounds.top + y as usize - 1])
}

/// The first click on a structure: its inner-most point.
pub fn first_click(truth: &Mask) -> Option<FramePoint> {
    innermost_point(truth).map(|[x, y]| FramePoint { x: x as f32, y: y as f32, label: PointLabel::Inside })
}

/// The largest connected region (4-neighbours) of an answer that is missing, or too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorRegion {
    /// Its pixels.
    pub mask: Mask,
    /// What a click in it would say: inside where the structure is missing, outside where it is too much.
    pub label: PointLabel,
}

/// Finds the largest error of an answer. `None` where nothing is wrong.
///
/// # Panics
/// Where the masks are not of one size.
pub fn largest_error(predicted: &Mask, truth: &Mask) -> Option<ErrorRegion> {
    assert_eq!(predicted.pixels().len(), truth.pixels().len(), "the masks are of different pictures");
    let (width, height) = (truth.width(), truth.pixels().len() / truth.width());
    // Two colours, so that what is missing and what is too much stay apart where they touch.
    let errors = predicted.pixels().iter().zip(truth.pixels()).map(|errors| match errors {
        (false, true) => 1,
        (true, false) => 2,
        _ => 0,
    });
    let errors = GrayImage::from_raw(width as u32, height as u32, errors.collect())?;
    let regions = connected_components(&errors, Connectivity::Four, Luma([0]));
    let mut areas = vec![0usize; *regions.iter().max()? as usize + 1];
    regions.iter().for_each(|&region| areas[region as usize] += 1);
    // The first of the largest, so that the same answer gets the same click.
    let largest = (1..areas.len()).rev().max_by_key(|&region| areas[region])?;
    let mask = Mask::new(width, regions.iter().map(|&region| region as usize == largest).collect());
    let first = mask.pixels().iter().position(|&pixel| pixel)?;
    let label = if truth.pixels()[first] { PointLabel::Inside } else { PointLabel::Outside };
    Some(ErrorRegion { mask, label })
}

/// The click that corrects an answer: the inner-most point of its largest error. `None` where nothing is wrong.
///
/// # Panics
/// As [`largest_error`].
pub fn correcting_click(predicted: &Mask, truth: &Mask) -> Option<FramePoint> {
    let error = largest_error(predicted, truth)?;
    let [x, y] = innermost_point(&error.mask)?;
    Some(FramePoint { x: x as f32, y: y as f32, label: error.label })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(rows: &[&str]) -> Mask {
        Mask::new(rows[0].len(), rows.concat().bytes().map(|byte| byte == b'#').collect())
    }

    fn click(x: usize, y: usize, label: PointLabel) -> Option<FramePoint> {
        Some(FramePoint { x: x as f32, y: y as f32, label })
    }

    #[test]
    fn the_box_goes_through_the_outermost_pixels() {
        assert_eq!(bounding_box(&mask(&[".....", ".##..", "..##."])), Some([1.0, 1.0, 3.0, 2.0]));
        assert_eq!(bounding_box(&mask(&["....."])), None);
    }

    #[test]
    fn the_innermost_point_is_where_the_structure_is_widest_not_its_centroid() {
        let racket = mask(&["###......", "###......", "#########", "###......", "###......"]);
        assert_eq!(innermost_point(&racket), Some([1, 2]));
        assert_eq!(innermost_point(&mask(&["...", "..."])), None);
    }

    #[test]
    fn of_equally_inner_points_the_middle_one_is_taken() {
        assert_eq!(innermost_point(&mask(&[".......", "#######"])), Some([3, 1]));
    }

    #[test]
    fn the_picture_ends_where_a_structure_does() {
        assert_eq!(innermost_point(&mask(&["###", "###", "###"])), Some([1, 1]));
    }

    #[test]
    fn a_correction_goes_to_the_largest_error_with_the_label_of_its_kind() {
        let truth = mask(&["###.......", "###.......", "###......."]);
        let nothing = mask(&["..........", "..........", ".........."]);
        let too_much = mask(&[".#########", "##########", "##########"]);
        let too_little = mask(&["........##", "..........", ".........."]);
        assert_eq!(correcting_click(&nothing, &truth), click(1, 1, PointLabel::Inside));
        assert_eq!(correcting_click(&too_much, &truth), click(6, 1, PointLabel::Outside));
        assert_eq!(correcting_click(&too_little, &truth), click(1, 1, PointLabel::Inside));
        assert_eq!(correcting_click(&truth, &truth), None);
    }

    #[test]
    fn missing_and_superfluous_regions_that_touch_are_two() {
        let (predicted, truth) = (mask(&["..####"]), mask(&["###..."]));
        assert_eq!(correcting_click(&predicted, &truth), click(4, 0, PointLabel::Outside));
    }
}
