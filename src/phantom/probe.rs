//! The probe: where its scan lines run, and which of them passes through a point.
//!
//! Probe space is in mm: x along the face, y away from it into the body, the origin in the middle of the face.

use super::ranges::MachineRanges;
use rand::Rng;

/// How the scan lines run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Parallel lines.
    Linear,
    /// Lines from a flat face that fan out from a point this far behind it, mm.
    Trapezoid {
        /// Distance of that point, mm.
        apex_mm: f32,
    },
    /// Lines at right angles to a convex face.
    Curved {
        /// Radius of the face, mm.
        radius_mm: f32,
    },
}

/// Scan lines of a probe and how deep they look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    /// How the lines run.
    pub shape: Shape,
    /// Half the face's width in mm; for a curved probe, half its opening angle in radians.
    pub half_extent: f32,
    /// Length of a line, mm.
    pub depth_mm: f32,
}

/// A scan line: it starts at the face and runs along a unit vector.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// Start, mm.
    pub origin: [f32; 2],
    /// Unit vector.
    pub direction: [f32; 2],
}

impl Line {
    /// The point at a distance from the face.
    pub fn at(&self, range_mm: f32) -> [f32; 2] {
        [self.origin[0] + range_mm * self.direction[0], self.origin[1] + range_mm * self.direction[1]]
    }
}

impl Probe {
    /// Draws a probe that looks `depth_mm` deep.
    pub fn draw(ranges: &MachineRanges, depth_mm: f32, rng: &mut impl Rng) -> Self {
        if rng.random::<f32>() < ranges.curved {
            let radius_mm = ranges.curved_radius_mm.draw(rng);
            return Self {
                shape: Shape::Curved { radius_mm },
                half_extent: ranges.curved_degrees.draw(rng).to_radians(),
                depth_mm,
            };
        }
        let half_extent = 0.5 * ranges.linear_width_mm.draw(rng);
        let angle = ranges.trapezoid_degrees.draw(rng).to_radians();
        let fans_out = rng.random::<f32>() < ranges.trapezoid;
        let shape = if fans_out { Shape::Trapezoid { apex_mm: half_extent / angle.tan() } } else { Shape::Linear };
        Self { shape, half_extent, depth_mm }
    }

    /// The line at `across`, -1 (left) to 1 (right).
    pub fn line(&self, across: f32) -> Line {
        let position = across * self.half_extent;
        match self.shape {
            Shape::Linear => Line { origin: [position, 0.0], direction: [0.0, 1.0] },
            Shape::Trapezoid { apex_mm } => {
                let length = position.hypot(apex_mm);
                Line { origin: [position, 0.0], direction: [position / length, apex_mm / length] }
            }
            Shape::Curved { radius_mm } => {
                let (sine, cosine) = position.sin_cos();
                Line { origin: [radius_mm * sine, radius_mm * (cosine - 1.0)], direction: [sine, cosine] }
            }
        }
    }

    /// Where a point is: its line (-1 to 1 inside the picture) and its distance from the face along that line.
    pub fn locate(&self, [x, y]: [f32; 2]) -> (f32, f32) {
        match self.shape {
            Shape::Linear => (x / self.half_extent, y),
            Shape::Trapezoid { apex_mm } => {
                let position = x * apex_mm / (apex_mm + y);
                (position / self.half_extent, y * position.hypot(apex_mm) / apex_mm)
            }
            Shape::Curved { radius_mm } => {
                (x.atan2(y + radius_mm) / self.half_extent, x.hypot(y + radius_mm) - radius_mm)
            }
        }
    }

    /// Distance of two neighbouring ones of `lines` lines at a distance from the face, mm.
    pub fn line_spacing_mm(&self, lines: usize, range_mm: f32) -> f32 {
        let step = 2.0 * self.half_extent / (lines - 1) as f32;
        match self.shape {
            Shape::Linear => step,
            Shape::Trapezoid { apex_mm } => step * (1.0 + range_mm / apex_mm),
            Shape::Curved { radius_mm } => step * (radius_mm + range_mm),
        }
    }

    /// The picture's box in probe space: left, top, right, bottom, mm.
    pub fn bounds_mm(&self) -> [f32; 4] {
        let edge = self.line(1.0);
        let half_width = edge.at(self.depth_mm)[0].max(edge.origin[0]);
        [-half_width, edge.origin[1].min(0.0), half_width, self.depth_mm]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_on_a_line_is_located_on_it() {
        let shapes = [
            (Shape::Linear, 19.0),
            (Shape::Trapezoid { apex_mm: 80.0 }, 19.0),
            (Shape::Curved { radius_mm: 50.0 }, 0.5),
        ];
        for (shape, half_extent) in shapes {
            let probe = Probe { shape, half_extent, depth_mm: 40.0 };
            for (across, range) in [(-1.0, 3.0), (0.3, 40.0), (0.0, 0.0), (0.9, 17.0)] {
                let (found_across, found_range) = probe.locate(probe.line(across).at(range));
                assert!((found_across - across).abs() < 1e-4, "{shape:?}: {found_across} for {across}");
                assert!((found_range - range).abs() < 1e-3, "{shape:?}: {found_range} for {range}");
            }
        }
    }
}
