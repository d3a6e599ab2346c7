//! Masks made visible: contours as closed polygons, colours that colour-blind eyes can tell apart, drawing onto a frame.

use crate::frame::Frame;
use crate::postprocess::{ClassMap, PixelBox};

/// Okabe and Ito's colour-blind-safe palette without black, brightest on a dark picture first.
pub const PALETTE: [[u8; 3]; 7] = [
    [86, 180, 233],  // sky blue
    [230, 159, 0],   // orange
    [0, 158, 115],   // bluish green
    [240, 228, 66],  // yellow
    [204, 121, 167], // reddish purple
    [213, 94, 0],    // vermilion
    [0, 114, 178],   // blue
];

/// The colour of a structure that has none of its own: the palette's, over again after seven.
pub fn default_color(structure: usize) -> [u8; 3] {
    PALETTE[structure % PALETTE.len()]
}

/// A closed polygon along pixel edges, with no point between two corners. Its last point joins the first.
///
/// With y pointing down, outer contours run clockwise and holes counter-clockwise: the structure is always on the right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contour {
    /// Corners `[x, y]` of pixels: pixel `(x, y)` spans `x..x + 1`, `y..y + 1`.
    pub points: Vec<[u32; 2]>,
    /// The structure is outside the polygon.
    pub is_hole: bool,
}

/// The contours of the pixels of `class_id` inside `bounds`. Pixels that touch only at a corner are apart.
pub fn contours(map: &ClassMap, class_id: u8, bounds: PixelBox) -> Vec<Contour> {
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
    fn trace(&self, x: usize, y: usize, traced: &mut [bool]) -> Contour {
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
        Contour { points, is_hole: doubled_area < 0 }
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

/// How masks are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OverlayStyle {
    /// Share of the colour in a filled pixel, 0 to 1.
    pub fill_opacity: f32,
    /// Width of the contour in pixels; 0 draws none.
    pub contour_width: usize,
}

impl OverlayStyle {
    /// A light fill, and a contour that stays visible when the picture is scaled to a screen.
    pub fn for_frame(frame: &Frame) -> Self {
        Self { fill_opacity: 0.3, contour_width: (frame.width().max(frame.height()) / 400).max(1) }
    }
}

/// Paints the structures of `map` onto `frame`: fills first, then contours over them. `colors[i]` is that of the structure
/// whose extent is `map.extents[i]`, and `class_ids[i]` its value in the map.
///
/// # Panics
/// Where the map is not of the frame's size.
pub fn draw(frame: &mut Frame, map: &ClassMap, class_ids: &[u8], colors: &[[u8; 3]], style: OverlayStyle) {
    assert_eq!((frame.width(), frame.height()), (map.width, map.height), "the map is another frame's");
    let structures = || map.extents.iter().zip(class_ids).zip(colors);
    let mut color_of = [None; 256];
    for ((_, &class_id), &color) in structures() {
        color_of[usize::from(class_id)] = Some(color);
    }
    color_of[0] = None;
    for (pixel, &class_id) in frame.rgb_mut().as_chunks_mut::<3>().0.iter_mut().zip(&map.class_ids) {
        if let Some(color) = color_of[usize::from(class_id)] {
            for (value, color) in pixel.iter_mut().zip(color) {
                let blended = f32::from(*value) + style.fill_opacity * (f32::from(color) - f32::from(*value));
                *value = blended.round() as u8;
            }
        }
    }
    for ((extent, &class_id), &color) in structures() {
        let Some(bounds) = extent.bounds else { continue };
        for contour in contours(map, class_id, bounds) {
            stroke(frame, &contour, color, style.contour_width);
        }
    }
}

/// Paints a band of `width` pixels along a contour; an odd pixel goes to the right and the bottom.
fn stroke(frame: &mut Frame, contour: &Contour, color: [u8; 3], width: usize) {
    let columns = frame.width();
    let rows = frame.height();
    let (before, after) = (width / 2, width.div_ceil(2));
    let ends = contour.points.iter().cycle().skip(1);
    for (&[x0, y0], &[x1, y1]) in contour.points.iter().zip(ends) {
        let band = |a: u32, b: u32, side: usize| {
            let (low, high) = (a.min(b) as usize, a.max(b) as usize);
            low.saturating_sub(before).min(side)..(high + after).min(side)
        };
        let across = band(x0, x1, columns);
        for y in band(y0, y1, rows) {
            let row = &mut frame.rgb_mut()[3 * y * columns..][..3 * columns];
            row[3 * across.start..3 * across.end].as_chunks_mut::<3>().0.fill(color);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `#` is the structure.
    fn map(rows: &[&str]) -> (ClassMap, PixelBox) {
        let (width, height) = (rows[0].len(), rows.len());
        let class_ids: Vec<u8> = rows.concat().bytes().map(|b| u8::from(b == b'#')).collect();
        let area = class_ids.iter().filter(|&&id| id == 1).count();
        let bounds = PixelBox { left: 0, top: 0, right: width, bottom: height };
        let extents = vec![crate::postprocess::Extent { area, bounds: Some(bounds) }];
        (ClassMap { width, height, class_ids, extents }, bounds)
    }

    fn contours_of(rows: &[&str]) -> Vec<Contour> {
        let (map, bounds) = map(rows);
        contours(&map, 1, bounds)
    }

    /// Twice the area, positive for clockwise (y down).
    fn doubled_area(contour: &Contour) -> i64 {
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

    #[test]
    fn a_mask_on_the_frame_s_edge_is_drawn_within_it() {
        let (map, _) = map(&["##", "##"]);
        let mut frame = Frame::from_grey(2, 2, &[0; 4]).unwrap();
        draw(&mut frame, &map, &[1], &[[200, 100, 50]], OverlayStyle { fill_opacity: 0.5, contour_width: 0 });
        assert_eq!(frame.rgb(), [100, 50, 25].repeat(4));
        draw(&mut frame, &map, &[1], &[[200, 100, 50]], OverlayStyle { fill_opacity: 0.5, contour_width: 3 });
        assert_eq!(frame.rgb(), [200, 100, 50].repeat(4));
    }

    #[test]
    fn the_background_keeps_its_pixels() {
        let (map, _) = map(&["#....."]);
        let mut frame = Frame::from_grey(6, 1, &[9; 6]).unwrap();
        draw(&mut frame, &map, &[1], &[[255; 3]], OverlayStyle { fill_opacity: 1.0, contour_width: 1 });
        assert_eq!(frame.rgb()[9..], [9; 9]);
    }
}
