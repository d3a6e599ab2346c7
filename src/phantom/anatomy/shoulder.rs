//! The shoulder from the side: deltoid, bursa, supraspinatus tendon, and the humeral head under it (Jacobson,
//! Fundamentals of Musculoskeletal Ultrasound, chapter 3).
//!
//! The deep frame's origin is the centre of the humeral head; lateral is to the right.

use super::shape::Band;
use super::{Anatomy, Bone, Cap, Outline, Placement, Present, Region, Shape, Texture, Tissue, tendon};
use crate::phantom::ranges::{Range, TISSUE};
use rand::Rng;
use std::f32::consts::{FRAC_PI_2, PI};

const HUMERAL_HEAD: u8 = 1;
const SUPRASPINATUS_TENDON: u8 = 2;

/// The label ends at the chord half a radius above the centre: the surface above it is met at up to 60 degrees.
const CHORD: f32 = 0.5;

pub fn draw([has_head, has_tendon]: Present, rng: &mut impl Rng) -> Anatomy {
    // The head's radius of curvature in adults: 24 mm, 20 to 29 (Iannotti et al. 1992). Over a scapula's flat bone, a
    // tendon follows a much wider arc.
    let radius = if has_head { rng.random_range(19.0..28.0) } else { rng.random_range(70.0..140.0) };
    let top = rng.random_range(13.0..27.0);
    // A turn about the centre moves what is on the arc sideways.
    let tilt = rng.random_range(-12.0..12.0) * 24.0 / radius;
    let placement = Placement::new([0.0, top + radius], tilt, rng.random::<bool>());
    let thickness = rng.random_range(3.5..7.5_f32).min(top - 8.0);
    let fat = rng.random_range(2.0..0.45 * top);
    let mut anatomy = Anatomy::layered(fat, &[], placement, rng);
    anatomy.depth_mm = top + rng.random_range(13.0..30.0);
    anatomy.centre_mm = rng.random_range(-9.0..9.0);
    anatomy.add_distractors(Range { low: fat, high: top - thickness }, rng);

    let outline = Outline::irregular([0.0; 2], radius, if has_head { 0.02 } else { 0.005 }, rng);
    let roughness = rng.random_range(0.02..0.22);
    if has_tendon {
        tendon_and_bursa(&mut anatomy, outline, thickness, has_head, rng);
    }
    if has_head {
        head(&mut anatomy, outline, roughness, rng);
        if rng.random::<f32>() < 0.35 {
            acromion(&mut anatomy, radius, top, roughness, rng);
        }
    } else {
        // The scapula's fossa under the tendon, or the shaft of the humerus: no round head.
        let rise = if has_tendon { 0.0 } else { rng.random_range(-8.0..4.0) };
        let slope = rng.random_range(-0.08..0.08);
        let points: Vec<_> =
            (-160..=160)
                .map(|i| i as f32 * 0.5)
                .map(|x| {
                    if has_tendon { outline.point(x / radius - FRAC_PI_2, 0.0) } else { [x, slope * x - radius - rise] }
                })
                .collect();
        if has_tendon || rng.random::<f32>() < 0.7 {
            anatomy.add_bone(&points, 0, roughness, rng);
        }
    }
    anatomy
}

fn head(anatomy: &mut Anatomy, outline: Outline, roughness: f32, rng: &mut impl Rng) {
    let steps = (PI * 1.3 * outline.mean_radius() / 0.4) as usize;
    let points: Vec<_> =
        (0..=steps).map(|i| outline.point(-FRAC_PI_2 - 0.65 * PI + 1.3 * PI * i as f32 / steps as f32, 0.0)).collect();
    anatomy.add_bone(&points, 0, roughness, rng);
    if let Some(Bone { cap, .. }) = anatomy.bones.last_mut() {
        *cap = Some(Cap { outline, chord: CHORD, class_id: HUMERAL_HEAD });
    }
}

/// The tendon between the head's cartilage and the bursa. Along the tendon it ends as a beak at the tuberosity; across
/// it, it is a band of even thickness.
fn tendon_and_bursa(anatomy: &mut Anatomy, outline: Outline, thickness: f32, has_head: bool, rng: &mut impl Rng) {
    let along = rng.random::<f32>() < 0.6;
    let reach = if has_head { 1.0 } else { 30.0 / outline.mean_radius() };
    let last = -FRAC_PI_2 + reach * if along { rng.random_range(0.35..0.8) } else { rng.random_range(0.7..1.1) };
    let first = -FRAC_PI_2 - reach * if along { rng.random_range(1.0..1.25) } else { rng.random_range(0.7..1.1) };
    let tapers = if along { [0.15, rng.random_range(0.35..0.7)] } else { [0.3, 0.3] }.map(|taper| taper * reach);
    let gap = if has_head { rng.random_range(0.5..1.3) } else { rng.random_range(0.5..2.5) };
    let band = |gap: f32, thickness: f32| Shape::Band(Band { outline, gap, thickness, angles: [first, last], tapers });
    let plain = |level_db: f32| Tissue { level_db, texture: Texture::Plain, attenuation: 0.4 };
    if rng.random::<f32>() < 0.75 {
        // The bursa with the fat over it: a bright line, and a dark one where it holds fluid.
        let fluid = rng.random_range(0.3..1.2);
        let fat = rng.random_range(0.4..1.0);
        let bright = Region {
            shape: band(gap + thickness, fluid + fat),
            tissue: plain(rng.random_range(6.0..15.0)),
            rim: None,
            anisotropy_db: 2.0,
            class_id: 0,
        };
        let dark = Region {
            shape: band(gap + thickness, fluid),
            tissue: plain(rng.random_range(-22.0..-6.0)),
            rim: None,
            anisotropy_db: 0.0,
            class_id: 0,
        };
        anatomy.regions.extend([bright, dark]);
    }
    anatomy.regions.push(Region {
        // Cartilage.
        shape: Shape::Band(Band { outline, gap: 0.0, thickness: gap, angles: [first, last], tapers: [0.1; 2] }),
        tissue: plain(rng.random_range(-18.0..-8.0)),
        rim: None,
        anisotropy_db: 0.0,
        class_id: 0,
    });
    anatomy.regions.push(Region {
        shape: band(gap, thickness),
        tissue: tendon(&TISSUE, rng),
        rim: None,
        anisotropy_db: TISSUE.anisotropy_db.draw(rng),
        class_id: SUPRASPINATUS_TENDON,
    });
}

/// The acromion's edge, medial and above: its shadow hides what is below.
fn acromion(anatomy: &mut Anatomy, radius: f32, top: f32, roughness: f32, rng: &mut impl Rng) {
    let edge = -radius * rng.random_range(0.55..0.95);
    let height = -radius - (top - rng.random_range(6.0..10.0)).max(3.0);
    let points: Vec<_> = (0..=120)
        .map(|i| {
            let back = 0.4 * i as f32;
            [edge - back, height + 2.5 * (-back / 1.5).exp() + 0.03 * back]
        })
        .collect();
    anatomy.add_bone(&points, 0, roughness, rng);
}
