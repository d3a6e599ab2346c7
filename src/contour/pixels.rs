//! The contours of a class map along the edges of its pixels.

use crate::postprocess::{ClassMap, PixelBox};

/// A closed polygon along pixel edges, with no point between two corners. Its last point joins the first.
///
/// With y pointing down, outer contours run clockwise and holes counter-clockwise: the structure is always on the right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PixelContour {
    /// Corners `[x, y]` of pixels: pixel `(x, y)` spans `x..x + 1`, `y..y + 1`.
    pub points: Vec<[u32; 2]>,
    /// The structure is outside the polygon.
    pub is_hole: bool,
}

/// The contours of the pixels of `class_id` inside `bounds`. Pixels that touch only at a corner are apart.
pub fn trace_pixels(map: &ClassMap, class_id: u8, bounds: PixelBox) -> Vec<PixelContour> {
    let tracer = Tracer { map, class_id, bounds };
    let mut contours = Vec::new();
    let mut traced = vec![false; (bounds.right - bounds.left) * (bounds.bottom - bounds.top)];
    for y in bounds.top..bounds.bottom {
        for x in bounds.left..bounds.right {
            // Every contour has an upper edge, so tracing from untraced upper edges finds them all.
            let is_start = tracer.is_inside(x, y) && !y.checked_sub(1).is_some_and(|above| tracer.is_inside(x, above));
            if is_start && !traced[tracer.index(x, y)] {
                contours.push(tracer.trace(x, y, &mut traced));
            }
        }
    }
    contours
}

struct Tracer<'a> {
    map: &'a ClassMap,
    class_id: u8,
    bounds: PixelBox,
}

/// Right, down, left, up.
const STEPS: [[i64; 2]; 4] = [[1, 0], [0, 1], [-1, 0], [0, -1]];

impl Tracer<'_> {
    fn is_inside(&self, x: usize, y: usize) -> bool {
        let PixelBox { left, top, right, bottom } = self.bounds;
        (left..right).contains(&x)
            && (top..bottom).contains(&y)
            && self.map.class_ids[y * self.map.width + x] == self.class_id
    }

    fn index(&self, x: usize, y: usize) -> usize {
        (y - self.bounds.top) * (self.bounds.right - self.bounds.left) + x - self.bounds.left
    }

    /// Follows the pixel edges from the upper edge of `(x, y)`, the structure on the right, back to where it began.
    fn trace(&self, x: usize, y: usize, traced: &mut [bool]) -> PixelContour {
        let start = [x as i64, y as i64];
        let (mut corner, mut direction) = (start, 0);
        let mut points = Vec::new();
        let mut doubled_area = 0;
        loop {
            let [x, y] = corner;
            if direction == 0 {
                traced[self.index(x as usize, y as usize)] = true;
            }
            let [dx, dy] = STEPS[direction];
            doubled_area += x * (y + dy) - (x + dx) * y;
            corner = [x + dx, y + dy];
            let next = self.turn(corner, direction);
            if next != direction {
                points.push(corner.map(|v| v as u32));
            }
            direction = next;
            if corner == start && direction == 0 {
                break;
            }
        }
        PixelContour { points, is_hole: doubled_area < 0 }
    }

    /// Where to go from a corner reached in `direction`: right if the structure ends ahead, left if it bars the way.
    fn turn(&self, [x, y]: [i64; 2], direction: usize) -> usize {
        // The pixel between two directions seen from a corner, by the first of them clockwise.
        let ahead = |direction: usize| {
            let [dx, dy] = [[0, 0], [-1, 0], [-1, -1], [0, -1]][direction % 4];
            let (x, y) = (x + dx, y + dy);
            x >= 0 && y >= 0 && self.is_inside(x as usize, y as usize)
        };
        if !ahead(direction) {
            (direction + 1) % 4
        } else if ahead(direction + 3) {
            (direction + 3) % 4
        } else {
            direction
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `#` is the structure.
    fn contours_of(rows: &[&str]) -> Vec<PixelContour> {
        let (width, height) = (rows[0].len(), rows.len());
        let class_ids = rows.concat().bytes().map(|b| u8::from(b == b'#')).collect();
        let bounds = PixelBox { left: 0, top: 0, right: width, bottom: height };
        trace_pixels(&ClassMap::from_labels(width, class_ids, 1), 1, bounds)
    }

    /// Twice the area, positive for clockwise (y down).
    fn doubled_area(contour: &PixelContour) -> i64 {
        let next = contour.points.iter().cycle().skip(1);
        let cross =
            |(a, b): (&[u32; 2], &[u32; 2])| i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1]);
        contour.points.iter().zip(next).map(cross).sum()
    }

    #[test]
    fn a_rectangle_has_four_corners_on_pixel_edges() {
        let found = contours_of(&["....", ".##.", ".##.", "...."]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].points, [[3, 1], [3, 3], [1, 3], [1, 1]]);
        assert!(!found[0].is_hole);
    }

    #[test]
    fn a_ring_has_a_hole_that_runs_the_other_way() {
        let found = contours_of(&["###", "#.#", "###"]);
        assert_eq!(found.iter().map(|c| c.is_hole).collect::<Vec<_>>(), [false, true]);
        assert_eq!(found.iter().map(doubled_area).collect::<Vec<_>>(), [18, -2]);
    }

    #[test]
    fn pixels_that_touch_at_a_corner_are_apart() {
        let found = contours_of(&["#.", ".#"]);
        assert_eq!(found.iter().map(doubled_area).collect::<Vec<_>>(), [2, 2]);
    }

    #[test]
    fn an_island_in_a_hole_is_a_contour_of_its_own() {
        let found = contours_of(&["#####", "#...#", "#.#.#", "#...#", "#####"]);
        assert_eq!((found.len(), found.iter().filter(|c| c.is_hole).count()), (3, 1));
    }

    #[test]
    fn contours_enclose_exactly_the_pixels() {
        // A scatter with every kind of corner; outer areas less holes is the count of pixels.
        let cells: Vec<u8> =
            (0..41 * 37).map(|i: u32| if i.wrapping_mul(2_654_435_761) >> 28 < 9 { b'#' } else { b'.' }).collect();
        let rows: Vec<&str> = cells.chunks(41).map(|row| std::str::from_utf8(row).unwrap()).collect();
        let pixels = cells.iter().filter(|&&b| b == b'#').count() as i64;
        let found = contours_of(&rows);
        assert_eq!(found.iter().map(doubled_area).sum::<i64>(), 2 * pixels);
        assert!(found.iter().all(|c| (doubled_area(c) < 0) == c.is_hole));
    }
}
