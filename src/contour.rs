//! Tracing masks: contours of logits between pixels ([`trace_logits`]), of class ids along the edges of pixels ([`trace_pixels`]).
//!
//! Between pixels: closed polygons along which a structure's logits are 0, or those of another structure equal to its
//! own, so that they stay crisp at any zoom. `[image_size / 4, image_size / 4]` logits -> polygons in pixels of the frame.
//!
//! The logits are read as the mask reads them, bilinearly, at two samples for each of theirs and along the frame's edges;
//! marching squares with linear interpolation join the zeros.

mod pixels;

pub use pixels::{PixelContour, trace_pixels};

use crate::postprocess::StructureLogits;
use crate::preprocess::FrameTransform;
use crate::resample::{Taps, resize_plane};

/// Samples for each logit along each axis: at the logits, where the bilinear surface has its kinks, and halfway, so that the
/// curve between two logits is followed.
const SAMPLES: usize = 2;

/// A closed polygon, `[x, y]` in pixels of the frame, where pixel `(x, y)` spans `x..x + 1`, `y..y + 1`. Its last point joins
/// the first. With y pointing down, outer contours run clockwise and holes counter-clockwise.
pub type Polygon = Vec<[f32; 2]>;

/// The contours of each structure, as [`class_map`](crate::postprocess::class_map) gives pixels to it: where its logit is above
/// 0 and above the others'. One that is absent has none and hides none.
///
/// # Panics
/// Where logits are not those of the transform's input size.
pub fn trace_logits(structures: &[StructureLogits], transform: &FrameTransform) -> Vec<Vec<Polygon>> {
    let side = transform.image_size / 4;
    let [height, width] = transform.frame_size;
    let [resized_height, resized_width] = transform.resized;
    let (columns, rows) = (Axis::new(width, resized_width, side), Axis::new(height, resized_height, side));
    let planes: Vec<_> = structures
        .iter()
        .map(|structure| structure.present.then(|| resize_plane(structure.logits, side, &rows.taps, &columns.taps)))
        .collect();
    // The two highest logits of each sample, background among them with 0: what a structure has to be above.
    let mut highest = vec![[0f32; 2]; columns.coordinates.len() * rows.coordinates.len()];
    for plane in planes.iter().flatten() {
        for ([first, second], &logit) in highest.iter_mut().zip(plane) {
            *second = if logit > *first { *first } else { second.max(logit) };
            *first = first.max(logit);
        }
    }
    let lead = |plane: Vec<f32>| {
        let leads = plane.iter().zip(&highest).map(|(&logit, &[first, second])| {
            let lead = logit - if logit < first { first } else { second };
            // What is not a number is background, and what is not finite must not spoil an interpolation.
            if lead.is_nan() { -f32::MAX / 4.0 } else { lead.clamp(-f32::MAX / 4.0, f32::MAX / 4.0) }
        });
        Field { values: leads.collect(), x: &columns.coordinates, y: &rows.coordinates }.contours()
    };
    planes.into_iter().map(|plane| plane.map(lead).unwrap_or_default()).collect()
}

/// Where an axis of the frame is sampled.
struct Axis {
    /// In pixels of the frame, ascending, from its first edge to its last.
    coordinates: Vec<f32>,
    taps: Taps<2>,
}

impl Axis {
    /// For `length` pixels of the frame that take `resized` of the input, whose logits are `side`.
    fn new(length: usize, resized: usize, side: usize) -> Self {
        // Position 0 is the first logit's centre; the frame ends at `end`.
        let end = resized as f64 / 4.0 - 0.5;
        let inner = (0..SAMPLES * side).map(|i| i as f64 / SAMPLES as f64).take_while(|&position| position < end);
        let positions: Vec<f64> = std::iter::once(-0.5).chain(inner).chain([end]).collect();
        let to_frame = 4.0 * length as f64 / resized as f64;
        Self {
            coordinates: positions.iter().map(|position| ((position + 0.5) * to_frame) as f32).collect(),
            taps: Taps::at(positions.into_iter(), side),
        }
    }
}

/// Samples of a function, row by row; beyond them it is negative.
struct Field<'a> {
    values: Vec<f32>,
    x: &'a [f32],
    y: &'a [f32],
}

/// An edge between two neighbouring samples: the first's column and row, counted from 1 as the ring around the samples is 0,
/// and whether the other one is below it and not beside it.
#[derive(Clone, Copy, PartialEq)]
struct Edge {
    column: usize,
    row: usize,
    is_down: bool,
}

/// No edge.
const NONE: u32 = u32::MAX;

impl Field<'_> {
    /// Marching squares: each square of four samples says how the zeros on its edges are joined; then they are followed.
    fn contours(&self) -> Vec<Polygon> {
        let mut next = vec![NONE; 2 * (self.x.len() + 2) * (self.y.len() + 2)];
        for row in 0..=self.y.len() {
            for column in 0..=self.x.len() {
                self.join(column, row, &mut next);
            }
        }
        let mut polygons = Vec::new();
        for start in 0..next.len() {
            let mut polygon = Polygon::new();
            let mut edge = start;
            while next[edge] != NONE {
                let point = self.zero(self.edge(edge));
                // At a corner of the frame, and where a sample is 0, zeros of several edges are the same point.
                if polygon.last() != Some(&point) {
                    polygon.push(point);
                }
                edge = std::mem::replace(&mut next[edge], NONE) as usize;
            }
            if polygon.len() > 1 && polygon.first() == polygon.last() {
                polygon.pop();
            }
            if polygon.len() > 2 {
                polygons.push(polygon);
            }
        }
        polygons
    }

    /// Joins the zeros around the square whose left upper sample is at `column`, `row`.
    fn join(&self, column: usize, row: usize, next: &mut [u32]) {
        // Clockwise from the left upper one; edge `k` is from corner `k` to the following.
        let corners = [[column, row], [column + 1, row], [column + 1, row + 1], [column, row + 1]];
        let values = corners.map(|[column, row]| self.value(column, row));
        let inside = values.map(|value| value > 0.0);
        if inside == [inside[0]; 4] {
            return;
        }
        let edges = [[column, row, 0], [column + 1, row, 1], [column, row + 1, 0], [column, row, 1]]
            .map(|[column, row, is_down]| self.index(Edge { column, row, is_down: is_down == 1 }));
        let is_saddle = inside[0] == inside[2] && inside[1] == inside[3];
        let is_joined = is_saddle && values.iter().sum::<f32>() > 0.0;
        for k in (0..4).filter(|&k| inside[k] && !inside[(k + 1) % 4]) {
            // The contour leaves the corners inside, back to where they begin; where opposite ones hang together, it goes
            // around the corner outside.
            let mut first = k;
            while inside[(first + 3) % 4] {
                first = (first + 3) % 4;
            }
            let to = if is_joined { (k + 1) % 4 } else { (first + 3) % 4 };
            next[edges[k]] = edges[to] as u32;
        }
    }

    fn value(&self, column: usize, row: usize) -> f32 {
        let beyond = column == 0 || row == 0 || column > self.x.len() || row > self.y.len();
        if beyond { f32::NEG_INFINITY } else { self.values[(row - 1) * self.x.len() + column - 1] }
    }

    fn index(&self, Edge { column, row, is_down }: Edge) -> usize {
        2 * (row * (self.x.len() + 2) + column) + usize::from(is_down)
    }

    fn edge(&self, index: usize) -> Edge {
        let stride = self.x.len() + 2;
        Edge { column: index / 2 % stride, row: index / 2 / stride, is_down: index % 2 == 1 }
    }

    /// Where the function is 0 on an edge, linearly; on an edge to beyond, at its sample.
    fn zero(&self, Edge { column, row, is_down }: Edge) -> [f32; 2] {
        let other = if is_down { [column, row + 1] } else { [column + 1, row] };
        let (a, b) = (self.value(column, row), self.value(other[0], other[1]));
        let t = match (a.is_finite(), b.is_finite()) {
            (true, true) => a / (a - b),
            (false, _) => 1.0,
            (_, false) => 0.0,
        };
        let coordinate = |along: &[f32], i: usize| along[i.clamp(1, along.len()) - 1];
        let between = |a: f32, b: f32| a + t * (b - a);
        [
            between(coordinate(self.x, column), coordinate(self.x, other[0])),
            between(coordinate(self.y, row), coordinate(self.y, other[1])),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postprocess::{ClassMap, class_map};

    const IMAGE_SIZE: usize = 64;
    const SIDE: usize = IMAGE_SIZE / 4;

    fn logits(value: impl Fn(f32, f32) -> f32) -> Vec<f32> {
        (0..SIDE * SIDE).map(|i| value((i % SIDE) as f32, (i / SIDE) as f32)).collect()
    }

    fn disc(x: f32, y: f32, radius: f32) -> Vec<f32> {
        logits(|column, row| radius - (column - x).hypot(row - y))
    }

    fn present(class_id: u8, logits: &[f32]) -> StructureLogits<'_> {
        StructureLogits { class_id, logits, present: true }
    }

    /// Positive for clockwise (y down).
    fn area(polygon: &Polygon) -> f32 {
        let next = polygon.iter().cycle().skip(1);
        polygon.iter().zip(next).map(|([x0, y0], [x1, y1])| x0 * y1 - x1 * y0).sum::<f32>() / 2.0
    }

    /// Whether a point is inside, by the number of edges to its right.
    fn encloses(polygons: &[Polygon], [x, y]: [f32; 2]) -> bool {
        let crosses = |a: [f32; 2], b: [f32; 2]| {
            (a[1] > y) != (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
        };
        let edges = polygons.iter().flat_map(|polygon| polygon.iter().zip(polygon.iter().cycle().skip(1)));
        edges.filter(|&(&a, &b)| crosses(a, b)).count() % 2 == 1
    }

    /// Pixels on which polygons and map differ though all pixels within `reach` are alike, and how many differ at all.
    fn disagreement(polygons: &[Polygon], map: &ClassMap, class_id: u8, reach: usize) -> (usize, usize) {
        let is = |x: usize, y: usize| map.class_ids[y * map.width + x] == class_id;
        let near = |v: usize, length: usize| v.saturating_sub(reach)..(v + reach + 1).min(length);
        let (mut far, mut all) = (0, 0);
        for (y, x) in (0..map.height).flat_map(|y| (0..map.width).map(move |x| (y, x))) {
            if encloses(polygons, [x as f32 + 0.5, y as f32 + 0.5]) != is(x, y) {
                all += 1;
                let mut around = near(y, map.height).flat_map(|v| near(x, map.width).map(move |u| (u, v)));
                far += usize::from(around.all(|(u, v)| is(u, v) == is(x, y)));
            }
        }
        (far, all)
    }

    #[test]
    fn polygons_and_class_map_part_only_at_the_border() {
        let discs = [disc(4.0, 5.0, 4.2), disc(8.0, 6.0, 3.7), disc(30.0, 30.0, 3.0), disc(15.0, 3.0, 2.5)];
        let structures: Vec<_> = discs.iter().zip(1..).map(|(logits, id)| present(id, logits)).collect();
        for (width, height) in [(64, 64), (100, 70), (37, 61), (13, 200), (3, 2), (640, 480)] {
            let transform = FrameTransform::new(width, height, IMAGE_SIZE);
            let map = class_map(&structures, &transform);
            for (polygons, structure) in trace_logits(&structures, &transform).iter().zip(&structures) {
                // A pixel, or where one logit is spread over many, a tenth of that: two structures are as good as equal there.
                let reach = (width.max(height) / SIDE / 10).max(1);
                let (far, all) = disagreement(polygons, &map, structure.class_id, reach);
                assert!(far <= 1, "{width} x {height}: {far} pixels off the border");
                assert!(all * 200 <= width * height, "{width} x {height}: {all} pixels differ");
            }
        }
    }

    #[test]
    fn a_contour_lies_between_pixels() {
        // A straight edge at logit 5.3, the frame as large as the input: at pixel 4 * 5.8.
        let plane = logits(|column, _| 5.3 - column);
        let found = trace_logits(&[present(1, &plane)], &FrameTransform::new(64, 64, IMAGE_SIZE));
        let right = found[0][0].iter().map(|point| point[0]).fold(0.0, f32::max);
        assert!((right - 23.2).abs() < 1e-4, "{right}");
    }

    #[test]
    fn a_full_mask_is_the_frame_s_own_rectangle() {
        let plane = vec![3.0; SIDE * SIDE];
        let found = trace_logits(&[present(1, &plane)], &FrameTransform::new(100, 70, IMAGE_SIZE));
        assert_eq!(found[0].len(), 1);
        assert!((area(&found[0][0]) - 7000.0).abs() < 0.1);
        for corner in [[0.0, 0.0], [100.0, 0.0], [100.0, 70.0], [0.0, 70.0]] {
            assert!(found[0][0].contains(&corner), "{:?}", found[0][0]);
        }
    }

    #[test]
    fn a_hole_runs_the_other_way() {
        let ring = logits(|column, row| 2.0 - ((column - 8.0).hypot(row - 8.0) - 4.0).abs());
        let found = trace_logits(&[present(1, &ring)], &FrameTransform::new(64, 64, IMAGE_SIZE));
        let mut areas: Vec<_> = found[0].iter().map(area).collect();
        areas.sort_by(f32::total_cmp);
        let expected = [-4.0, 36.0].map(|squared| squared * 16.0 * std::f32::consts::PI);
        assert_eq!(areas.len(), 2);
        assert!(areas.iter().zip(expected).all(|(found, expected)| (found / expected - 1.0).abs() < 0.05), "{areas:?}");
    }

    #[test]
    fn neighbours_share_their_border_and_an_absent_one_has_none() {
        let (left, right) = (logits(|column, _| 9.0 - column), logits(|column, _| column - 5.0));
        let transform = FrameTransform::new(64, 64, IMAGE_SIZE);
        let found = trace_logits(&[present(1, &left), present(2, &right)], &transform);
        // Equal at column 7: at pixel 30.
        assert!((area(&found[0][0]) - 30.0 * 64.0).abs() < 0.1 && (area(&found[1][0]) - 34.0 * 64.0).abs() < 0.1);
        let absent = StructureLogits { present: false, ..present(2, &right) };
        let found = trace_logits(&[present(1, &left), absent], &transform);
        assert!((area(&found[0][0]) - 38.0 * 64.0).abs() < 0.1 && found[1].is_empty());
    }

    #[test]
    fn logits_that_are_not_numbers_spoil_no_polygon() {
        let plane = logits(|column, row| match (column as usize, row as usize) {
            (3, 3) => f32::NAN,
            (8, 8) => f32::INFINITY,
            (9, 4) => f32::NEG_INFINITY,
            _ => 1.0,
        });
        let found = trace_logits(&[present(1, &plane)], &FrameTransform::new(64, 64, IMAGE_SIZE));
        assert!(!found[0].is_empty() && found[0].iter().flatten().flatten().all(|value| value.is_finite()));
    }
}
