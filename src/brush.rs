//! Brush strokes as mask logits, the kind of prompt that SAM's prompt encoder takes for a mask.
//! Strokes in pixels of the frame -> logits `[image_size / 4, image_size / 4]`.

use serde::Deserialize;
use std::ops::RangeInclusive;

use crate::preprocess::FrameTransform;

/// Logit of a painted cell, and with a minus sign of a cell painted outside: as far from 0 as the mask prompts of the golden
/// vectors are moved, which is a mask that SAM is sure of.
pub const PAINTED_LOGIT: f32 = 8.0;

/// Side of a cell of mask logits in pixels of the model's input.
const CELL: f32 = 4.0;

/// One stroke of a round brush, in pixels of the frame.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Stroke {
    /// Where the brush's centre went, `[x, y]`, joined by straight lines; a single point is a dab.
    pub path: Vec<[f32; 2]>,
    /// Half the brush's width. A brush too thin to cover the centre of a cell on its way counts as one that just does.
    pub radius: f32,
    /// Whether it paints the structure, or what is not the structure.
    pub inside: bool,
}

/// Paints strokes over `logits`, `[image_size / 4, image_size / 4]`, later strokes over earlier ones: a cell is painted where
/// its centre is within the radius of the path. Coordinates that are not numbers paint nothing.
///
/// # Panics
/// Where `logits` are not those of the transform's input size.
pub fn paint(strokes: &[Stroke], transform: &FrameTransform, logits: &mut [f32]) {
    let side = transform.image_size / 4;
    assert_eq!(logits.len(), side * side, "logits of another input size");
    let [cell_width, cell_height] = transform.to_frame([CELL; 2]);
    let thinnest = cell_width.hypot(cell_height) / 2.0;
    for stroke in strokes {
        let radius = stroke.radius.max(thinnest);
        let logit = if stroke.inside { PAINTED_LOGIT } else { -PAINTED_LOGIT };
        let ends = stroke.path.iter().skip(1).chain(stroke.path.last());
        for (&from, &to) in stroke.path.iter().zip(ends) {
            let cells = |a: f32, b: f32, cell: f32| cells_between(a.min(b) - radius, a.max(b) + radius, cell, side);
            for row in cells(from[1], to[1], cell_height) {
                for column in cells(from[0], to[0], cell_width) {
                    let centre = [(column as f32 + 0.5) * cell_width, (row as f32 + 0.5) * cell_height];
                    if distance(centre, from, to) <= radius {
                        logits[row * side + column] = logit;
                    }
                }
            }
        }
    }
}

/// The cells of an axis that reach between two coordinates.
fn cells_between(low: f32, high: f32, cell: f32, side: usize) -> RangeInclusive<usize> {
    // Casts saturate and make 0 of what is not a number; the distance decides in the end.
    (low / cell) as usize..=((high / cell) as usize).min(side - 1)
}

/// From a point to the line between two others.
fn distance([x, y]: [f32; 2], [x0, y0]: [f32; 2], [x1, y1]: [f32; 2]) -> f32 {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let length = dx * dx + dy * dy;
    let t = if length > 0.0 { (((x - x0) * dx + (y - y0) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    (x - x0 - t * dx).hypot(y - y0 - t * dy)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 16;

    /// Painted on nothing, for a frame of 128 x 128 pixels: a cell is 8 pixels wide.
    fn painted(strokes: &[Stroke]) -> Vec<f32> {
        let mut logits = vec![0.0; SIDE * SIDE];
        paint(strokes, &FrameTransform::new(128, 128, 4 * SIDE), &mut logits);
        logits
    }

    fn stroke(path: &[[f32; 2]], radius: f32, inside: bool) -> Stroke {
        Stroke { path: path.to_vec(), radius, inside }
    }

    #[test]
    fn a_cell_is_painted_where_its_centre_is_within_the_radius_of_the_path() {
        let path = [[20.0, 20.0], [100.0, 60.0], [30.0, 90.0]];
        let logits = painted(&[stroke(&path, 12.0, true)]);
        for (i, &logit) in logits.iter().enumerate() {
            let centre = [(i % SIDE) as f32 * 8.0 + 4.0, (i / SIDE) as f32 * 8.0 + 4.0];
            // Against a fine walk along the path, nothing shared with the distance to a line.
            let walk = path.windows(2).flat_map(|ends| {
                (0..=1000).map(|i| {
                    let t = i as f32 / 1000.0;
                    [0, 1].map(|k| ends[0][k] + t * (ends[1][k] - ends[0][k]))
                })
            });
            let nearest = walk.map(|[x, y]| (x - centre[0]).hypot(y - centre[1])).fold(f32::INFINITY, f32::min);
            assert!(logit == if nearest <= 12.0 { 8.0 } else { 0.0 } || (nearest - 12.0).abs() < 0.1, "{centre:?}");
        }
    }

    #[test]
    fn a_later_stroke_paints_over_an_earlier_one() {
        let (inside, outside) = (stroke(&[[64.0, 64.0]], 30.0, true), stroke(&[[64.0, 64.0]], 10.0, false));
        let both = painted(&[inside.clone(), outside.clone()]);
        assert_eq!((both[8 * SIDE + 8], both[8 * SIDE + 5]), (-8.0, 8.0));
        assert_eq!(painted(&[outside, inside.clone()]), painted(&[inside]));
    }

    #[test]
    fn the_thinnest_brush_leaves_no_gap_in_its_path() {
        let logits = painted(&[stroke(&[[3.0, 9.0], [120.0, 9.0]], 0.0, true)]);
        assert!(logits[SIDE..2 * SIDE - 1].iter().all(|&logit| logit == 8.0));
    }

    #[test]
    fn strokes_over_the_edge_and_broken_ones_paint_what_there_is() {
        assert_eq!(painted(&[stroke(&[[-500.0, -500.0], [-30.0, -30.0]], 10.0, true)]), [0.0; SIDE * SIDE]);
        assert_eq!(painted(&[stroke(&[[64.0, 64.0]], f32::INFINITY, true)]), [8.0; SIDE * SIDE]);
        let broken = [stroke(&[], 10.0, true), stroke(&[[f32::NAN, 20.0], [f32::NAN, 60.0]], 10.0, true)];
        assert_eq!(painted(&broken), [0.0; SIDE * SIDE]);
    }

    #[test]
    fn cells_follow_the_frame_where_it_is_not_square() {
        // 256 x 64 pixels in an input of 64: a cell is 16 pixels wide and high.
        let mut logits = vec![0.0; SIDE * SIDE];
        paint(&[stroke(&[[200.0, 40.0]], 1.0, true)], &FrameTransform::new(256, 64, 4 * SIDE), &mut logits);
        assert_eq!(logits[2 * SIDE + 12], 8.0);
    }
}
