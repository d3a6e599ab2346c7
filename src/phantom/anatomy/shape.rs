//! Outlines and the frame that they are in.

use rand::Rng;
use std::f32::consts::TAU;

/// Mirrors, turns and moves the deep frame within body space. Lengths are kept.
#[derive(Debug, Clone, Copy)]
pub struct Placement {
    /// Where the deep frame's origin is in body space, mm.
    pub origin: [f32; 2],
    /// Cosine and sine of the turn.
    turn: [f32; 2],
    /// -1 for a mirrored frame, otherwise 1.
    side: f32,
}

impl Placement {
    /// At `origin`, turned by `degrees`, mirrored or not.
    pub fn new(origin: [f32; 2], degrees: f32, mirrored: bool) -> Self {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        Self { origin, turn: [cosine, sine], side: if mirrored { -1.0 } else { 1.0 } }
    }

    /// A vector of the deep frame in body space.
    pub fn direction_to_body(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [c, s] = self.turn;
        [self.side * (c * x - s * y), s * x + c * y]
    }

    /// A point of the deep frame in body space.
    pub fn to_body(&self, point: [f32; 2]) -> [f32; 2] {
        let [x, y] = self.direction_to_body(point);
        [x + self.origin[0], y + self.origin[1]]
    }

    /// A point of body space in the deep frame.
    pub fn to_deep(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [c, s] = self.turn;
        let (x, y) = (self.side * (x - self.origin[0]), y - self.origin[1]);
        [c * x + s * y, c * y - s * x]
    }
}

/// A closed outline around a centre: an ellipse with two harmonics.
#[derive(Debug, Clone, Copy)]
pub struct Outline {
    /// Its centre, mm.
    pub center: [f32; 2],
    radii: [f32; 2],
    turn: [f32; 2],
    /// Share of the radius and phase of the third and the fifth harmonic.
    harmonics: [[f32; 2]; 2],
}

impl Outline {
    /// An ellipse turned by `angle` radians.
    pub fn ellipse(center: [f32; 2], radii: [f32; 2], angle: f32) -> Self {
        let (sine, cosine) = angle.sin_cos();
        Self { center, radii, turn: [cosine, sine], harmonics: [[0.0; 2]; 2] }
    }

    /// Nearly a circle: an ellipse and harmonics of up to `irregularity` of the radius.
    pub fn irregular(center: [f32; 2], radius: f32, irregularity: f32, rng: &mut impl Rng) -> Self {
        let stretch = 1.0 + rng.random_range(-2.0..=2.0) * irregularity;
        let mut outline = Self::ellipse(center, [radius * stretch, radius / stretch], rng.random_range(0.0..TAU));
        outline.harmonics =
            [1.0, 0.4].map(|share| [share * irregularity * rng.random_range(0.0..=1.0), rng.random_range(0.0..TAU)]);
        outline
    }

    /// The mean radius, mm.
    pub fn mean_radius(&self) -> f32 {
        (self.radii[0] * self.radii[1]).sqrt()
    }

    /// The radius towards an angle, 0 along x, a quarter turn along y (down).
    pub fn radius(&self, angle: f32) -> f32 {
        let (sine, cosine) = angle.sin_cos();
        self.radius_towards([cosine, sine], angle)
    }

    fn radius_towards(&self, [x, y]: [f32; 2], angle: f32) -> f32 {
        let [c, s] = self.turn;
        let ellipse = ((c * x + s * y) / self.radii[0]).hypot((c * y - s * x) / self.radii[1]).recip();
        let [[third, phase3], [fifth, phase5]] = self.harmonics;
        ellipse * (1.0 + third * (3.0 * angle + phase3).sin() + fifth * (5.0 * angle + phase5).sin())
    }

    /// A point outside the outline by `offset_mm`, towards an angle.
    pub fn point(&self, angle: f32, offset_mm: f32) -> [f32; 2] {
        let radius = self.radius(angle) + offset_mm;
        [self.center[0] + radius * angle.cos(), self.center[1] + radius * angle.sin()]
    }

    /// Whether a point is inside.
    pub fn contains(&self, [x, y]: [f32; 2]) -> bool {
        let (x, y) = (x - self.center[0], y - self.center[1]);
        let distance = x.hypot(y);
        distance < 1.3 * self.radii[0].max(self.radii[1]) && distance < self.radius(y.atan2(x))
    }
}

/// Where a point is within a shape, in mm.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Along the fibres.
    pub along: f32,
    /// Across them.
    pub across: f32,
    /// From the nearest edge.
    pub depth: f32,
    /// Unit vector along the fibres, in the deep frame.
    pub direction: [f32; 2],
    /// Unit vector towards that edge, in the deep frame.
    pub normal: [f32; 2],
}

/// A region's extent in the deep frame.
pub enum Shape {
    /// Inside an outline.
    Blob(Outline),
    /// A band that follows an outline on its outside, from one angle to another; its ends taper.
    Band(Band),
    /// Between two curves over x.
    Strip(Strip),
}

/// See [`Shape::Band`].
pub struct Band {
    /// What it follows.
    pub outline: Outline,
    /// Distance of its inner edge from the outline, mm.
    pub gap: f32,
    /// Greatest thickness, mm.
    pub thickness: f32,
    /// First and last angle, radians.
    pub angles: [f32; 2],
    /// How far before the last and after the first angle it begins to taper, radians.
    pub tapers: [f32; 2],
}

impl Band {
    /// The thickness at an angle; 0 outside.
    pub fn thickness_at(&self, angle: f32) -> f32 {
        let from_first = (angle - self.angles[0]) / self.tapers[0];
        let from_last = (self.angles[1] - angle) / self.tapers[1];
        let share = from_first.min(from_last).clamp(0.0, 1.0);
        // Steep at the tip and level where it is full: a bird's beak.
        self.thickness * (share * (2.0 - share))
    }
}

/// See [`Shape::Strip`].
pub struct Strip {
    /// First and last x, mm.
    pub from: f32,
    /// Last x, mm.
    pub to: f32,
    /// Depth of the middle as a polynomial of x: constant, slope, bend.
    pub middle: [f32; 3],
    /// Half the thickness, mm.
    pub half_thickness: f32,
}

impl Shape {
    /// Where a point is within the shape, if it is.
    pub fn place(&self, point: [f32; 2]) -> Option<Place> {
        match self {
            Self::Blob(outline) => {
                let [x, y] = [point[0] - outline.center[0], point[1] - outline.center[1]];
                let distance = x.hypot(y);
                if distance > 1.3 * outline.radii[0].max(outline.radii[1]) {
                    return None;
                }
                let unit = [x / distance.max(1e-6), y / distance.max(1e-6)];
                let depth = outline.radius_towards(unit, y.atan2(x)) - distance;
                let place = Place { along: x, across: y, depth, direction: [1.0, 0.0], normal: unit };
                (depth > 0.0).then_some(place)
            }
            Self::Band(band) => {
                let [x, y] = [point[0] - band.outline.center[0], point[1] - band.outline.center[1]];
                let distance = x.hypot(y);
                let reach = 1.3 * band.outline.radii[0].max(band.outline.radii[1]) + band.gap + band.thickness;
                if distance > reach || distance < 1.0 {
                    return None;
                }
                let angle = y.atan2(x);
                let thickness = band.thickness_at(angle);
                if thickness <= 0.0 {
                    return None;
                }
                let unit = [x / distance, y / distance];
                let height = distance - band.outline.radius_towards(unit, angle) - band.gap;
                let depth = height.min(thickness - height);
                (depth > 0.0).then_some(Place {
                    along: angle * distance,
                    across: height,
                    depth,
                    direction: [-unit[1], unit[0]],
                    normal: unit,
                })
            }
            Self::Strip(strip) => {
                let [x, y] = point;
                if x < strip.from || x > strip.to {
                    return None;
                }
                let [constant, slope, bend] = strip.middle;
                let across = y - (constant + x * (slope + x * bend));
                // The ends are round.
                let end = (x - strip.from).min(strip.to - x);
                let half = strip.half_thickness * (end / 3.0).min(1.0).sqrt();
                let depth = half - across.abs();
                let tangent = slope + 2.0 * bend * x;
                let length = tangent.hypot(1.0);
                (depth > 0.0).then_some(Place {
                    along: x,
                    across,
                    depth,
                    direction: [1.0 / length, tangent / length],
                    normal: [-tangent / length, 1.0 / length],
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_returns_from_the_deep_frame() {
        let placement = Placement::new([3.0, 20.0], 25.0, true);
        let [x, y] = placement.to_body(placement.to_deep([-7.0, 11.0]));
        assert!((x + 7.0).abs() < 1e-4 && (y - 11.0).abs() < 1e-4);
    }
}
