//! An infant's hip in the standard coronal plane (Graf 1980): the ilium's straight surface and the bony roof, the
//! cartilaginous femoral head beside it, and what lies around them.
//!
//! The deep frame's origin is the bony rim; cranial is to the left.

use super::shape::Strip;
use super::{Anatomy, Outline, Placement, Present, Region, Shape, Texture, Tissue, tendon};
use crate::phantom::ranges::{Range, TISSUE};
use rand::Rng;
use std::f32::consts::{FRAC_PI_2, PI};

const ILIUM: u8 = 1;
const FEMORAL_HEAD: u8 = 2;

pub fn draw([has_ilium, has_head]: Present, rng: &mut impl Rng) -> Anatomy {
    // 15 to 22 mm across in the first half year.
    let radius = rng.random_range(7.2..11.5);
    let gap = rng.random_range(0.9..2.2);
    // Graf's alpha angle; below 60 degrees the hip is immature or dysplastic.
    let alpha = rng.random_range(43.0_f32..70.0).to_radians();
    // Share of the head below the ilium's line: 0.4 to 0.65.
    let cover = rng.random_range(0.38..0.62_f32);
    let cy = radius * (2.0 * cover - 1.0);
    // The roof's line from the rim touches the circle of the head and its cartilage.
    let cx = (radius + gap + cy * alpha.cos()) / alpha.sin();
    let rim_depth = rng.random_range(1.25..2.2) * radius;
    let rim_depth = rim_depth.max(radius - cy + 5.0);

    let tilt = rng.random_range(-16.0..16.0);
    let placement = Placement::new([0.0, rim_depth], tilt, rng.random::<bool>());
    let fat = rng.random_range(2.5..0.45 * rim_depth);
    let muscle = rng.random_range(fat + 2.0..fat + 2.0 + 0.6 * rim_depth);
    let mut anatomy = Anatomy::layered(fat, &[muscle], placement, rng);
    anatomy.depth_mm = rim_depth + radius * rng.random_range(1.5..3.0);
    let interest = match (has_ilium, has_head) {
        (true, true) => rng.random_range(0.1..0.75) * cx,
        (true, false) => -25.0,
        _ => cx * rng.random_range(0.8..1.3),
    };
    anatomy.centre_mm = placement.to_body([interest, 0.0])[0];
    anatomy.add_distractors(Range { low: fat, high: rim_depth - 2.0 }, rng);

    let roughness = rng.random_range(0.02..0.22);
    let outline = Outline::irregular([cx, cy], radius, 0.025, rng);
    if has_head {
        head(&mut anatomy, outline, rng);
    }
    if has_ilium {
        let bow = rng.random_range(-0.0025..0.006);
        let slope = rng.random_range(-0.05..0.05);
        let mut points: Vec<[f32; 2]> = Vec::new();
        // Without the head the plane is further cranial, where the ilium runs on.
        let end = if has_head { 0.0 } else { 60.0 };
        let mut x = -70.0_f32;
        while x < end - 0.6 {
            let bent = x.max(-40.0);
            points.push([x, bow * bent * bent - slope * x]);
            x += 0.5;
        }
        if has_head {
            roof(&mut points, [cx, cy], radius + gap, alpha, rng.random_range(8.0..30.0));
            let [x, y] = points[points.len() - 1];
            anatomy.alpha_degrees = Some((y.atan2(x) + (bow * 2.0 * radius + slope).atan()).to_degrees());
        }
        anatomy.add_bone(&points, ILIUM, roughness, rng);
    }
    if has_head {
        // Beyond the triradiate cartilage the ischium closes the socket.
        let start = FRAC_PI_2 + rng.random_range(-0.25..0.1);
        let points =
            arc([cx, cy], radius + gap + rng.random_range(0.3..1.5), start, start - rng.random_range(0.5..1.0));
        anatomy.add_bone(&points, 0, roughness, rng);
        // The metaphysis of the femur beyond the head.
        if rng.random::<f32>() < 0.7 {
            let size = radius * rng.random_range(0.6..1.0);
            let center = [cx + radius + size * rng.random_range(0.75..1.15), cy + radius * rng.random_range(0.1..0.8)];
            anatomy.add_bone(&arc(center, size, -PI * 0.95, -PI * 0.15), 0, roughness, rng);
        }
    } else if !has_ilium && rng.random::<f32>() < 0.6 {
        // The shaft of the femur, cut across.
        let size = rng.random_range(3.5..6.5);
        let center = [rng.random_range(-12.0..12.0), size + rng.random_range(0.0..6.0)];
        anatomy.add_bone(&arc(center, size, -PI, 0.0), 0, roughness, rng);
    }
    anatomy
}

/// The cartilaginous head with its capsule, labrum and, in some, the centre of ossification.
fn head(anatomy: &mut Anatomy, outline: Outline, rng: &mut impl Rng) {
    let [cx, cy] = outline.center;
    let radius = outline.mean_radius();
    let plain = |level_db: f32, texture: Texture| Tissue { level_db, texture, attenuation: 0.5 };
    // The capsule and the gluteal tendons over it.
    if rng.random::<f32>() < 0.6 {
        anatomy.regions.push(Region {
            shape: Shape::Strip(Strip {
                from: cx - 1.6 * radius,
                to: cx + 1.8 * radius,
                middle: [cy - radius - rng.random_range(1.2..3.0) + 0.02 * cx * cx, -0.04 * cx, 0.02],
                half_thickness: rng.random_range(0.5..1.4),
            }),
            tissue: tendon(&TISSUE, rng),
            rim: None,
            anisotropy_db: TISSUE.anisotropy_db.draw(rng),
            class_id: 0,
        });
    }
    let labrum = rng.random_range(3.7..4.1);
    anatomy.regions.push(Region {
        shape: Shape::Blob(Outline::ellipse(
            outline.point(labrum, 0.9),
            [rng.random_range(1.3..2.6), rng.random_range(0.7..1.1)],
            labrum + FRAC_PI_2,
        )),
        tissue: plain(rng.random_range(5.0..12.0), Texture::Plain),
        rim: None,
        anisotropy_db: 0.0,
        class_id: 0,
    });
    anatomy.regions.push(Region {
        shape: Shape::Blob(outline),
        tissue: plain(
            rng.random_range(-17.0..-7.0),
            Texture::Mottled { size: rng.random_range(0.7..1.6), contrast: rng.random_range(1.0..5.0) },
        ),
        rim: Some((rng.random_range(0.0..10.0), rng.random_range(0.2..0.45))),
        anisotropy_db: 0.0,
        class_id: FEMORAL_HEAD,
    });
    if rng.random::<f32>() < 0.3 {
        let size = radius * rng.random_range(0.1..0.32);
        let offset = [0.15 * radius * rng.random_range(-1.0..1.0), 0.15 * radius * rng.random_range(-1.0..1.0)];
        anatomy.regions.push(Region {
            shape: Shape::Blob(Outline::irregular([cx + offset[0], cy + offset[1]], size, 0.1, rng)),
            tissue: Tissue {
                level_db: rng.random_range(4.0..12.0),
                texture: Texture::Mottled { size: 0.6, contrast: 3.0 },
                attenuation: rng.random_range(1.0..4.0),
            },
            rim: Some((rng.random_range(8.0..16.0), 0.4)),
            anisotropy_db: 0.0,
            class_id: FEMORAL_HEAD,
        });
    }
}

/// The bony roof: from the rim straight down at `alpha`, then on around the head.
fn roof(points: &mut Vec<[f32; 2]>, [cx, cy]: [f32; 2], distance: f32, alpha: f32, beyond_degrees: f32) {
    let touching = cx * alpha.cos() + cy * alpha.sin();
    let steps = (touching / 0.4).max(1.0) as usize;
    for i in 1..=steps {
        let along = touching * i as f32 / steps as f32;
        points.push([along * alpha.cos(), along * alpha.sin()]);
    }
    let start = alpha + FRAC_PI_2;
    points.extend(arc([cx, cy], distance, start, start - beyond_degrees.to_radians()));
}

/// Points on a circle between two angles.
fn arc([cx, cy]: [f32; 2], radius: f32, from: f32, to: f32) -> Vec<[f32; 2]> {
    let steps = ((to - from).abs() * radius / 0.4).ceil().max(2.0) as usize;
    let angle = |i: usize| from + (to - from) * i as f32 / steps as f32;
    (0..=steps).map(|i| [cx + radius * angle(i).cos(), cy + radius * angle(i).sin()]).collect()
}
