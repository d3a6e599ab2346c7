//! Where the probe is, which bones its lines meet first, and what is labelled in its picture.

use super::anatomy::{Anatomy, Shape};
use super::echo::LINES;
use super::probe::{Line, Probe};
use super::screen::Screen;

/// Thickness of the band that labels a bone's surface, mm.
pub const BAND_MM: f32 = 2.0;
/// But at least this much of the picture's longest side: 5 pixels of 256.
pub const BAND_SHARE: f32 = 5.0 / 256.0;

/// A surface that the beam meets at a smaller cosine than this is not seen and not labelled (78 degrees).
const LEAST_COSINE: f32 = 0.2;

/// Two neighbouring lines' echoes belong to one surface up to this distance, mm.
const LARGEST_STEP_MM: f32 = 3.0;

/// What is labelled on less than this share of the picture is not labelled at all.
const LEAST_SHARE: f32 = 0.0015;

/// Where the probe is on the body.
#[derive(Debug, Clone, Copy)]
pub struct Pose {
    /// The middle of its face along the skin, mm.
    pub x_mm: f32,
    /// Its tilt, radians.
    pub tilt: f32,
}

impl Pose {
    fn turn(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (sine, cosine) = self.tilt.sin_cos();
        [cosine * x - sine * y, sine * x + cosine * y]
    }

    /// A point of probe space in body space.
    pub fn to_body(&self, point: [f32; 2]) -> [f32; 2] {
        let [x, y] = self.turn(point);
        [x + self.x_mm, y]
    }

    /// A line of probe space in body space.
    pub fn line_to_body(&self, line: Line) -> Line {
        Line { origin: self.to_body(line.origin), direction: self.turn(line.direction) }
    }

    /// A point of body space in probe space.
    pub fn to_probe(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        Self { x_mm: 0.0, tilt: -self.tilt }.turn([x - self.x_mm, y])
    }
}

/// Where a line meets bone first.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    /// Distance from the face, mm.
    pub range_mm: f32,
    /// Which bone of the anatomy.
    pub bone: usize,
    /// Cosine of the angle between the line and the surface's normal.
    pub cosine: f32,
}

/// For each line, left to right.
pub fn hits(anatomy: &Anatomy, probe: &Probe, pose: &Pose) -> Vec<Option<Hit>> {
    let hit = |line: usize| {
        let beam = pose.line_to_body(probe.line(2.0 * line as f32 / (LINES - 1) as f32 - 1.0));
        let mut nearest: Option<Hit> = None;
        for (bone, surface) in anatomy.bones.iter().enumerate() {
            for ends in surface.points.windows(2) {
                let Some((range_mm, cosine)) = meet(&beam, ends[0], ends[1]) else { continue };
                if range_mm < nearest.as_ref().map_or(probe.depth_mm, |hit| hit.range_mm) {
                    nearest = Some(Hit { range_mm, bone, cosine });
                }
            }
        }
        nearest
    };
    let mut hits: Vec<_> = (0..LINES).map(hit).collect();
    smooth_cosines(&mut hits);
    hits
}

/// A beam is wider than a line: the brightness of a rough surface follows the mean slope under it.
fn smooth_cosines(hits: &mut [Option<Hit>]) {
    const HALF: usize = 2;
    let cosines: Vec<Option<(usize, f32)>> = hits.iter().map(|hit| hit.map(|hit| (hit.bone, hit.cosine))).collect();
    for (i, hit) in hits.iter_mut().enumerate() {
        let Some(hit) = hit else { continue };
        let near = &cosines[i.saturating_sub(HALF)..(i + HALF + 1).min(cosines.len())];
        let same = near.iter().flatten().filter(|(bone, _)| *bone == hit.bone);
        let (sum, count) = same.fold((0.0, 0.0), |(sum, count), (_, cosine)| (sum + cosine, count + 1.0));
        hit.cosine = sum / count;
    }
}

/// Distance along a line to a segment, and the cosine of incidence.
fn meet(line: &Line, a: [f32; 2], b: [f32; 2]) -> Option<(f32, f32)> {
    let [dx, dy] = line.direction;
    let (sx, sy) = (b[0] - a[0], b[1] - a[1]);
    let (ox, oy) = (a[0] - line.origin[0], a[1] - line.origin[1]);
    let cross = dx * sy - dy * sx;
    // How far along the segment, and along the line, times the cross product.
    let along_segment = ox * dy - oy * dx;
    if cross == 0.0 || !(0.0..=1.0).contains(&(along_segment / cross)) {
        return None;
    }
    let range = (ox * sy - oy * sx) / cross;
    (range > 0.0).then(|| (range, cross.abs() / sx.hypot(sy)))
}

/// The class of each pixel, `[height, width]`: 0 background. Areas first, surfaces over them.
pub fn labels(anatomy: &Anatomy, probe: &Probe, pose: &Pose, hits: &[Option<Hit>], screen: &Screen) -> Vec<u8> {
    let mut class_ids = vec![0; screen.width * screen.height];
    for row in 0..screen.height {
        for column in 0..screen.width {
            let point = screen.to_probe([column as f32, row as f32]);
            if let Some((line, range)) = inside(probe, point) {
                let hit = hits[(line * (LINES - 1) as f32).round() as usize].as_ref();
                class_ids[row * screen.width + column] = area_at(anatomy, pose, point, range, hit);
            }
        }
    }
    let thickness = (BAND_MM / screen.spacing_mm).max(BAND_SHARE * screen.width.max(screen.height) as f32);
    for (i, pair) in hits.windows(2).enumerate() {
        let [Some(a), Some(b)] = pair else { continue };
        let class_id = anatomy.bones[a.bone].class_id;
        if class_id == 0 || a.bone != b.bone || a.cosine.min(b.cosine) < LEAST_COSINE {
            continue;
        }
        let end = |line: usize, hit: &Hit| probe.line(2.0 * line as f32 / (LINES - 1) as f32 - 1.0).at(hit.range_mm);
        let (a, b) = (end(i, a), end(i + 1, b));
        if (a[0] - b[0]).hypot(a[1] - b[1]) < LARGEST_STEP_MM {
            draw_capsule(&mut class_ids, screen, probe, a, b, 0.5 * thickness, class_id);
        }
    }
    drop_slivers(&mut class_ids);
    class_ids
}

/// The line (0 to 1) and range of a point of probe space inside the picture.
pub fn inside(probe: &Probe, point: [f32; 2]) -> Option<(f32, f32)> {
    let (across, range) = probe.locate(point);
    let is_inside = across.abs() <= 1.0 && (0.0..probe.depth_mm).contains(&range);
    is_inside.then_some((0.5 * (across + 1.0), range))
}

/// The class of the area at a point of probe space. What is in the shadow of another bone is not seen.
fn area_at(anatomy: &Anatomy, pose: &Pose, point: [f32; 2], range: f32, hit: Option<&Hit>) -> u8 {
    let deep = anatomy.placement.to_deep(pose.to_body(point));
    let shadowed_by = hit.filter(|hit| hit.range_mm < range).map(|hit| hit.bone);
    for (i, bone) in anatomy.bones.iter().enumerate() {
        let Some(cap) = &bone.cap else { continue };
        let center = pose.to_probe(anatomy.placement.to_body(cap.outline.center));
        let is_above_chord = point[1] < center[1] - cap.chord * cap.outline.mean_radius();
        if is_above_chord && shadowed_by == Some(i) && cap.outline.contains(deep) {
            return cap.class_id;
        }
    }
    if shadowed_by.is_some() {
        return 0;
    }
    let region = anatomy.regions.iter().rev().find(|region| is_in(&region.shape, deep));
    region.map_or(0, |region| region.class_id)
}

fn is_in(shape: &Shape, deep: [f32; 2]) -> bool {
    shape.place(deep).is_some()
}

fn draw_capsule(
    class_ids: &mut [u8],
    screen: &Screen,
    probe: &Probe,
    a: [f32; 2],
    b: [f32; 2],
    half_thickness: f32,
    class_id: u8,
) {
    let ([ax, ay], [bx, by]) = (screen.to_pixel(a), screen.to_pixel(b));
    let length = ((bx - ax).powi(2) + (by - ay).powi(2)).max(1e-9);
    let span = |low: f32, high: f32, size: usize| {
        let first = (low - half_thickness).ceil().clamp(0.0, size as f32) as usize;
        first..((high + half_thickness).floor() + 1.0).clamp(0.0, size as f32) as usize
    };
    for row in span(ay.min(by), ay.max(by), screen.height) {
        for column in span(ax.min(bx), ax.max(bx), screen.width) {
            let (x, y) = (column as f32 - ax, row as f32 - ay);
            let share = ((x * (bx - ax) + y * (by - ay)) / length).clamp(0.0, 1.0);
            let distance = (x - share * (bx - ax)).hypot(y - share * (by - ay));
            if distance <= half_thickness && inside(probe, screen.to_probe([column as f32, row as f32])).is_some() {
                class_ids[row * screen.width + column] = class_id;
            }
        }
    }
}

fn drop_slivers(class_ids: &mut [u8]) {
    let mut counts = [0_usize; 256];
    for &id in class_ids.iter() {
        counts[usize::from(id)] += 1;
    }
    let least = LEAST_SHARE * class_ids.len() as f32;
    for id in class_ids {
        if (counts[usize::from(*id)] as f32) < least {
            *id = 0;
        }
    }
}
