//! Masks drawn onto a frame, in colours that colour-blind eyes can tell apart.

use crate::contour::{PixelContour, trace_pixels};
use crate::frame::Frame;
use crate::postprocess::ClassMap;

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
        for contour in trace_pixels(map, class_id, bounds) {
            stroke(frame, &contour, color, style.contour_width);
        }
    }
}

/// Paints a band of `width` pixels along a contour; an odd pixel goes to the right and the bottom.
fn stroke(frame: &mut Frame, contour: &PixelContour, color: [u8; 3], width: usize) {
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
    fn map(rows: &[&str]) -> ClassMap {
        let class_ids = rows.concat().bytes().map(|b| u8::from(b == b'#')).collect();
        ClassMap::from_labels(rows[0].len(), class_ids, 1)
    }

    #[test]
    fn a_mask_on_the_frame_s_edge_is_drawn_within_it() {
        let map = map(&["##", "##"]);
        let mut frame = Frame::from_grey(2, 2, &[0; 4]).unwrap();
        draw(&mut frame, &map, &[1], &[[200, 100, 50]], OverlayStyle { fill_opacity: 0.5, contour_width: 0 });
        assert_eq!(frame.rgb(), [100, 50, 25].repeat(4));
        draw(&mut frame, &map, &[1], &[[200, 100, 50]], OverlayStyle { fill_opacity: 0.5, contour_width: 3 });
        assert_eq!(frame.rgb(), [200, 100, 50].repeat(4));
    }

    #[test]
    fn the_background_keeps_its_pixels() {
        let map = map(&["#....."]);
        let mut frame = Frame::from_grey(6, 1, &[9; 6]).unwrap();
        draw(&mut frame, &map, &[1], &[[255; 3]], OverlayStyle { fill_opacity: 1.0, contour_width: 1 });
        assert_eq!(frame.rgb()[9..], [9; 9]);
    }
}
