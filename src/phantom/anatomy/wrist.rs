//! The wrist in a plane along the forearm, from its back or its palm: the radius' surface with its flared end, the
//! carpal bones as a row of arcs (lunate or scaphoid, capitate, and on), and tendons over them.
//!
//! The deep frame's origin is the end of the radius; distal is to the right.

use super::shape::Strip;
use super::{Anatomy, Outline, Placement, Present, Region, Shape, Texture, Tissue, tendon};
use crate::phantom::ranges::{Range, TISSUE};
use rand::Rng;

const RADIUS: u8 = 1;
const CARPAL_BONES: u8 = 2;
/// By convention the proximal end of a longitudinal picture is on its left; so often a probe is held the other way round.
const HELD_THE_OTHER_WAY: f64 = 0.1;

pub fn draw([has_radius, has_carpals]: Present, rng: &mut impl Rng) -> Anatomy {
    let bone_depth = rng.random_range(6.5..15.0_f32);
    let tilt = rng.random_range(-13.0..13.0);
    let placement = Placement::new([0.0, bone_depth], tilt, rng.random_bool(HELD_THE_OTHER_WAY));
    let fat = rng.random_range(1.4..0.5 * bone_depth);
    let muscle = rng.random_range(fat + 1.0..bone_depth);
    let mut anatomy = Anatomy::layered(fat, &[muscle], placement, rng);
    anatomy.depth_mm = bone_depth + rng.random_range(9.0..22.0);
    let interest = match (has_radius, has_carpals) {
        (true, true) => rng.random_range(-4.0..12.0),
        (true, false) => -45.0,
        (false, true) => 32.0,
        (false, false) => 0.0,
    };
    anatomy.centre_mm = placement.to_body([interest, 0.0])[0];
    anatomy.add_distractors(Range { low: fat, high: bone_depth }, rng);
    let roughness = rng.random_range(0.02..0.25);

    // Tendons run over the bones; one is the rule, a second lies over it now and then.
    let tendons = if rng.random::<f32>() < 0.85 { rng.random_range(1..=2) } else { 0 };
    for i in 0..tendons {
        let half_thickness = rng.random_range(0.7..1.7);
        let above = half_thickness + rng.random_range(0.3..2.0) + 3.0 * i as f32;
        anatomy.regions.push(Region {
            shape: Shape::Strip(Strip {
                from: -85.0 + if rng.random::<f32>() < 0.3 { rng.random_range(50.0..80.0) } else { 0.0 },
                to: 85.0,
                middle: [-above - 0.8, rng.random_range(-0.08..0.08), rng.random_range(-0.002..0.002)],
                half_thickness,
            }),
            tissue: tendon(&TISSUE, rng),
            rim: (rng.random::<f32>() < 0.6).then(|| (rng.random_range(6.0..14.0), 0.2)),
            anisotropy_db: TISSUE.anisotropy_db.draw(rng),
            class_id: 0,
        });
    }
    if has_radius {
        // Where the carpals are not seen the plane is further proximal, and the shaft runs on.
        let end = if has_carpals { 0.0 } else { 60.0 };
        anatomy.add_bone(&radius(end, rng), RADIUS, roughness, rng);
    }
    if has_carpals {
        let mut x = rng.random_range(1.5..4.0);
        if has_radius {
            // The joint's capsule and ligaments fill the gap.
            anatomy.regions.push(Region {
                shape: Shape::Blob(Outline::ellipse(
                    [0.5 * x, rng.random_range(0.5..2.0)],
                    [rng.random_range(1.5..3.5), rng.random_range(0.8..1.8)],
                    rng.random_range(-0.3..0.3),
                )),
                tissue: Tissue {
                    level_db: rng.random_range(-10.0..5.0),
                    texture: Texture::Mottled { size: 0.8, contrast: 4.0 },
                    attenuation: 0.6,
                },
                rim: None,
                anisotropy_db: 0.0,
                class_id: 0,
            });
        } else {
            x -= 30.0;
        }
        while x < 75.0 {
            let width = rng.random_range(8.5..19.0);
            let height = width * rng.random_range(0.13..0.34);
            let top = rng.random_range(-0.5..3.0);
            anatomy.add_bone(&carpal(x, width, height, top, rng), CARPAL_BONES, roughness, rng);
            x += width + rng.random_range(0.5..2.5);
        }
    }
    anatomy
}

/// The radius' surface up to `end`: slightly hollow, flared and rounded at its end.
fn radius(end: f32, rng: &mut impl Rng) -> Vec<[f32; 2]> {
    let flare = rng.random_range(0.3..2.6);
    let flare_length = rng.random_range(4.0..10.0_f32);
    let drop = rng.random_range(1.5..4.0);
    let drop_length = rng.random_range(1.2..3.0_f32);
    let slope = rng.random_range(-0.05..0.05);
    let height = |x: f32| {
        let back = end - x;
        let rim = -flare * (-((back - drop_length) / flare_length).powi(2)).exp();
        // A quarter of an ellipse rounds the end off.
        let round = (1.0 - back / drop_length).clamp(0.0, 1.0);
        rim + drop * (1.0 - (1.0 - round * round).sqrt()) - slope * back.min(40.0)
    };
    let steps = ((end + 75.0) / 0.25) as usize;
    (0..=steps).map(|i| -75.0 + 0.25 * i as f32).map(|x| [x, height(x)]).collect()
}

/// A carpal bone's surface: a dome, steeper at its ends.
fn carpal(x: f32, width: f32, height: f32, top: f32, rng: &mut impl Rng) -> Vec<[f32; 2]> {
    let skew = rng.random_range(-0.25..0.25_f32);
    let dent = if rng.random::<f32>() < 0.4 { rng.random_range(0.0..0.35) } else { 0.0 };
    let power = rng.random_range(1.8..3.2_f32);
    let steps = (width / 0.3) as usize;
    (0..=steps)
        .map(|i| {
            let t = 2.0 * i as f32 / steps as f32 - 1.0;
            let dome = 1.0 - t.abs().powf(power);
            let waist = dent * (-(t / 0.4).powi(2)).exp();
            [x + 0.5 * width * (t + 1.0), top + height * (1.0 - dome + waist + skew * t)]
        })
        .collect()
}
