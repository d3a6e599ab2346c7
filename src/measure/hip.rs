//! The infant's hip in the standard coronal plane: Graf's alpha angle and the femoral head's coverage.
//!
//! - The baseline runs through the straight part of the iliac wing, the bony roof line from the bony rim to the lower limb of
//!   the ilium; alpha is the angle between them (Graf, Arch Orthop Trauma Surg 1980; 97: 117-133; Graf, Hip Sonography,
//!   Springer 2006).
//! - Coverage is the part of the femoral head's diameter at right angles to the baseline that lies below it (Morin, Harcke,
//!   MacEwen, Radiology 1985; 157: 673-677).
//!
//! All lengths are compared with the head's diameter, so that they hold for any magnification and age. The picture may be
//! mirrored, and turned by 30 degrees.

use super::centreline::{Centreline, resample};
use super::line::{Line, Point, degrees_between, distance, minus, moments, unit};
use super::piece::pieces;
use super::{PixelSize, Reason};
use crate::postprocess::ClassMap;
use serde::Serialize;

/// The smallest head, as a share of the picture.
const LEAST_HEAD: f64 = 0.002;

// The following are shares of the head's diameter.

/// Pieces of the ilium with a larger gap between them don't belong together.
const LARGEST_GAP: f64 = 0.3;
/// The shortest ilium with wing and roof.
const LEAST_ILIUM: f64 = 0.5;
/// The bony rim stands out at least as far from the line between the ilium's ends.
const LEAST_CORNER: f64 = 0.08;
/// The wing bends into the roof over about as much, which is no part of the baseline.
const ROUNDED: f64 = 0.1;
/// How far a straight wing is from its line at most.
const STRAIGHT: f64 = 0.02;
/// The shortest straight part of a wing, and of one that is not parallel to the probe's face: an arched ilium's straightest
/// part is tilted.
const LEAST_WING: f64 = 0.35;
const LEAST_TILTED_WING: f64 = 0.47;
/// The shortest roof.
const LEAST_ROOF: f64 = 0.36;
/// What is as little above the deepest part of the roof is the floor, or noise.
const FLOOR: f64 = 0.03;

/// Degrees to the picture's rows: from here a wing is tilted, and from here it is too steep.
const TILTED: f64 = 10.0;
const STEEP: f64 = 38.0;

/// Points along the ilium for a head's diameter.
const POINTS: f64 = 100.0;

/// Points are in pixels of the frame, where pixel (0, 0) spans 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hip {
    /// Graf's alpha angle.
    pub alpha_degrees: f64,
    /// The head's coverage, 0 to 1.
    pub coverage: f64,
    /// The straight part of the wing, from cranial to the bony rim.
    pub baseline: [Point; 2],
    /// From the bony rim to the lower limb of the ilium.
    pub roof_line: [Point; 2],
    /// The femoral head's, at right angles to the baseline; where the spacing is known.
    pub head_diameter_mm: Option<f64>,
    /// The part of it below the baseline.
    pub head_covered_mm: Option<f64>,
    /// The head as an ellipse.
    pub head: Ellipse,
}

/// An ellipse by its moments: along the direction `n` of length 1 it reaches `2 sqrt(xx nx² + 2 xy nx ny + yy ny²)` to both
/// sides of its centre.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ellipse {
    /// Its centre.
    pub centre: Point,
    /// Of its area: `[xx, xy, yy]`.
    pub covariance: [f64; 3],
}

impl Ellipse {
    fn reach(&self, [x, y]: Point) -> f64 {
        let [xx, xy, yy] = self.covariance;
        2.0 * (xx * x * x + 2.0 * xy * x * y + yy * y * y).max(0.0).sqrt()
    }

    fn to_pixels(self, size: PixelSize) -> Self {
        let ([x, y], [xx, xy, yy]) = (size.side, self.covariance);
        Self { centre: size.to_pixels(self.centre), covariance: [xx / (x * x), xy / (x * y), yy / (y * y)] }
    }
}

/// Measures the largest piece of the head and the ilium beside it.
pub(super) fn measure(map: &ClassMap, ilium: u8, head: u8, size: PixelSize) -> Result<Hip, Reason> {
    let heads = pieces(map, head);
    let least = LEAST_HEAD * map.class_ids.len() as f64;
    let largest = heads.first().filter(|piece| piece.pixels.len() as f64 >= least).ok_or(Reason::HeadAbsent)?;
    let (centre, covariance) = moments(&largest.points(size));
    let head = Ellipse { centre, covariance };
    // Of the circle with its area.
    let diameter = (4.0 * largest.pixels.len() as f64 * size.area() / std::f64::consts::PI).sqrt();

    let surface = Centreline::new(&pieces(map, ilium), size, LARGEST_GAP * diameter).ok_or(Reason::IliumAbsent)?;
    let bend = surface.thickness;
    let path = from_wing_to_roof(surface, head.centre, diameter)?;
    let corner = corner(&path, LEAST_CORNER * diameter).ok_or(Reason::NoRoof)?;
    let wing = straight_wing(&path[..corner], diameter).ok_or(Reason::NoStraightWing)?;
    let baseline = Line::fit(wing);
    check_wing(&baseline, distance(wing[0], wing[wing.len() - 1]) / diameter)?;
    let (rim, lower_limb) = roof(&path[corner..], &baseline, bend, diameter)?;

    let reach = head.reach(baseline.downwards());
    let covered = (baseline.depth(head.centre) + reach).clamp(0.0, 2.0 * reach);
    let to_pixels = |points: [Point; 2]| points.map(|point| size.to_pixels(point));
    Ok(Hip {
        alpha_degrees: degrees_between(baseline.direction, minus(lower_limb, rim)),
        coverage: covered / (2.0 * reach),
        baseline: to_pixels([baseline.foot(wing[0]), baseline.foot(path[corner])]),
        roof_line: to_pixels([rim, lower_limb]),
        head_diameter_mm: size.mm(2.0 * reach),
        head_covered_mm: size.mm(covered),
        head: head.to_pixels(size),
    })
}

/// The ilium's surface from its cranial end on: the end that is farther from the head.
fn from_wing_to_roof(surface: Centreline, head: Point, diameter: f64) -> Result<Vec<Point>, Reason> {
    let mut path = resample(&surface.points, diameter / POINTS);
    let (Some(&first), Some(&last)) = (path.first(), path.last()) else { return Err(Reason::IliumTooShort) };
    if surface.length() < LEAST_ILIUM * diameter {
        return Err(Reason::IliumTooShort);
    }
    if distance(first, head) < distance(last, head) {
        path.reverse();
    }
    Ok(path)
}

/// Where the wing turns into the roof: the point that is farthest above the line between the ends. `None` for less than
/// `least`.
fn corner(path: &[Point], least: f64) -> Option<usize> {
    let ends = Line { middle: path[0], direction: unit(minus(path[path.len() - 1], path[0])) };
    let above = path.iter().map(|&point| -ends.depth(point)).enumerate();
    let (place, height) = above.max_by(|a, b| a.1.total_cmp(&b.1))?;
    (height >= least).then_some(place)
}

/// The longest straight part of the wing.
fn straight_wing(wing: &[Point], diameter: f64) -> Option<&[Point]> {
    let wing = &wing[..wing.len().saturating_sub((ROUNDED * POINTS) as usize)];
    let mut longest: &[Point] = &[];
    for start in 0..wing.len() {
        let ends = (start + longest.len() + 1..=wing.len()).rev();
        let mut parts = ends.map(|end| &wing[start..end]);
        let is_straight = |part: &&[Point]| Line::fit(part).residual(part) <= STRAIGHT * diameter;
        longest = parts.find(is_straight).unwrap_or(longest);
    }
    (longest.len() > 1).then_some(longest)
}

fn check_wing(baseline: &Line, length: f64) -> Result<(), Reason> {
    let [x, y] = baseline.direction;
    let tilt = y.abs().atan2(x.abs()).to_degrees();
    if length < if tilt > TILTED { LEAST_TILTED_WING } else { LEAST_WING } {
        return Err(Reason::NoStraightWing);
    }
    if tilt > STEEP { Err(Reason::SteepWing) } else { Ok(()) }
}

/// The bony rim, where the bend is over, and the lower limb, where the roof is deepest.
fn roof(roof: &[Point], baseline: &Line, bend: f64, diameter: f64) -> Result<(Point, Point), Reason> {
    let deepest = roof.iter().map(|&point| baseline.depth(point)).fold(f64::MIN, f64::max);
    let is_deep = |point: &Point| baseline.depth(*point) >= deepest - FLOOR * diameter;
    let lower_limb = roof.iter().position(is_deep).ok_or(Reason::NoRoof)?;
    if distance(roof[0], roof[lower_limb]) < LEAST_ROOF * diameter {
        return Err(Reason::NoRoof);
    }
    // The average along a band rounds the rim over about the band's thickness.
    let rim = ((bend / diameter * POINTS) as usize).min(lower_limb / 2);
    Ok((roof[rim], roof[lower_limb]))
}
