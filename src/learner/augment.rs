//! Augmentation of training pictures: the reference's (`datasets/main.py`) and ultrasound's own. All of a picture's changes of
//! shape become one affine map, so that it is resampled once.

use rand::Rng;
use serde::{Deserialize, Serialize};
use std::f32::consts::TAU;

use super::picture::TrainingPicture;

/// How often and how far a training picture is changed; each `p` is a probability from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augmentation {
    /// Rotation and shift.
    pub affine_p: f64,
    /// Rotation by up to this many degrees either way.
    pub affine_degrees: f32,
    /// Shift by up to this share of a side either way.
    pub affine_shift: f32,
    /// Left and right changed about. (Up and down never are: the probe is above.)
    pub flip_p: f64,
    /// A part of the picture, somewhere, enlarged to its size.
    pub crop_p: f64,
    /// The smallest part, as a share of the area.
    pub crop_min: f32,
    /// The largest part; above 1 it is the whole picture made smaller, somewhere on black.
    pub crop_max: f32,
    /// A part of the picture around the labels, enlarged to its size.
    pub centred_crop_p: f64,
    /// The smallest part, as a share of a side.
    pub centred_crop_min: f32,
    /// The depth axis stretched or compressed under the probe, as another depth setting does.
    pub depth_p: f64,
    /// By up to this factor either way.
    pub depth_factor: f32,
    /// Another gain and time-gain compensation: grey added, growing with depth.
    pub gain_p: f64,
    /// Grey levels added or taken away, at most.
    pub gain_levels: f32,
    /// Another grey map: a power of the brightness.
    pub gamma_p: f64,
    /// The power is at most this, at least one over it.
    pub gamma_max: f32,
    /// More speckle: brightness times a noise of a grain of a few pixels.
    pub speckle_p: f64,
    /// Standard deviation of the noise, at most.
    pub speckle_std: f32,
    /// An acoustic shadow from somewhere to the bottom.
    pub shadow_p: f64,
    /// Share of the brightness that is lost in it, at most.
    pub shadow_depth: f32,
    /// Tissue pressed and pulled: a smooth displacement.
    pub elastic_p: f64,
    /// Largest displacement, as a share of a side.
    pub elastic_shift: f32,
    /// A coarser resolution: blurred, across more than along depth.
    pub blur_p: f64,
    /// Standard deviation of the blur across, at most, in pixels; half of it along depth.
    pub blur_std: f32,
    /// What a console leaves around a picture: black margins and burned-in marks.
    pub frame_p: f64,
}

impl Default for Augmentation {
    /// The reference's, and none of ultrasound's own.
    fn default() -> Self {
        Self {
            affine_p: 0.3,
            affine_degrees: 90.0,
            affine_shift: 0.2,
            flip_p: 0.3,
            crop_p: 0.3,
            crop_min: 0.8,
            crop_max: 1.0,
            centred_crop_p: 0.5,
            centred_crop_min: 0.8,
            depth_p: 0.0,
            depth_factor: 1.25,
            gain_p: 0.0,
            gain_levels: 25.0,
            gamma_p: 0.0,
            gamma_max: 1.4,
            speckle_p: 0.0,
            speckle_std: 0.25,
            shadow_p: 0.0,
            shadow_depth: 0.8,
            elastic_p: 0.0,
            elastic_shift: 0.03,
            blur_p: 0.0,
            blur_std: 1.5,
            frame_p: 0.0,
        }
    }
}

/// The reference's three changes of shape; at most two of them happen to one picture.
const SHAPE_CHANGES: usize = 3;

impl Augmentation {
    /// No change at all.
    pub fn none() -> Self {
        Self {
            affine_p: 0.0,
            flip_p: 0.0,
            crop_p: 0.0,
            centred_crop_p: 0.0,
            depth_p: 0.0,
            gain_p: 0.0,
            gamma_p: 0.0,
            speckle_p: 0.0,
            shadow_p: 0.0,
            elastic_p: 0.0,
            blur_p: 0.0,
            frame_p: 0.0,
            ..Self::default()
        }
    }

    /// A changed copy of the picture, of the same size.
    pub fn apply(&self, picture: &TrainingPicture, rng: &mut impl Rng) -> TrainingPicture {
        let affine = self.draw_affine(picture, rng);
        let elastic = happens(self.elastic_p, rng).then(|| Elastic::draw(self.elastic_shift, rng));
        let mut changed = match (affine, elastic) {
            (None, None) => picture.clone(),
            (affine, elastic) => warp(picture, affine.unwrap_or(Affine::IDENTITY), elastic),
        };
        self.change_brightness(&mut changed, rng);
        if happens(self.blur_p, rng) {
            let std = rng.random::<f32>() * self.blur_std;
            blur(&mut changed, std, std / 2.0);
        }
        if happens(self.frame_p, rng) {
            draw_console(&mut changed, rng);
        }
        changed
    }

    /// Draws the changes of shape; `None` where there is none.
    fn draw_affine(&self, picture: &TrainingPicture, rng: &mut impl Rng) -> Option<Affine> {
        let (width, height) = (picture.columns() as f32, picture.rows() as f32);
        let left_out = rng.random_range(0..SHAPE_CHANGES);
        let mut affine = Affine::IDENTITY;
        if left_out != 0 && happens(self.affine_p, rng) {
            let degrees = rng.random_range(-1.0..=1.0) * self.affine_degrees;
            let [right, down] = [width, height].map(|side| rng.random_range(-1.0..=1.0) * self.affine_shift * side);
            affine = affine.then(Affine::rotation(degrees, [width / 2.0, height / 2.0]));
            affine = affine.then(Affine::shift([right, down]));
        }
        if left_out != 1 && happens(self.flip_p, rng) {
            affine = affine.then(Affine { matrix: [-1.0, 0.0, 0.0, 1.0], offset: [width, 0.0] });
        }
        if left_out != 2 && happens(self.crop_p, rng) {
            let share = rng.random_range(self.crop_min..=self.crop_max).sqrt();
            let [left, top] = [width, height].map(|side| rng.random::<f32>() * (1.0 - share) * side);
            affine = affine.then(Affine::enlarged([left, top], share));
        }
        if happens(self.depth_p, rng) {
            let factor = self.depth_factor.powf(rng.random_range(-1.0..=1.0));
            affine = affine.then(Affine { matrix: [1.0, 0.0, 0.0, factor], offset: [0.0; 2] });
        }
        if happens(self.centred_crop_p, rng) {
            let share = rng.random_range(self.centred_crop_min..=1.0);
            let centre = picture.label_centre().unwrap_or([width / 2.0, height / 2.0]);
            let centre = affine.apply(centre);
            let corner = |centre: f32, side: f32| (centre - share * side / 2.0).clamp(0.0, (1.0 - share) * side);
            affine = affine.then(Affine::enlarged([corner(centre[0], width), corner(centre[1], height)], share));
        }
        (affine != Affine::IDENTITY).then_some(affine)
    }

    fn change_brightness(&self, picture: &mut TrainingPicture, rng: &mut impl Rng) {
        let (rows, columns) = (picture.rows(), picture.columns());
        if happens(self.gamma_p, rng) {
            let gamma = self.gamma_max.powf(rng.random_range(-1.0..=1.0));
            let table: [u8; 256] =
                std::array::from_fn(|grey| (255.0 * (grey as f32 / 255.0).powf(gamma)).round() as u8);
            picture.rgb_mut().iter_mut().for_each(|value| *value = table[usize::from(*value)]);
        }
        if happens(self.gain_p, rng) {
            let [top, bottom] = [0, 1].map(|_| rng.random_range(-1.0..=1.0) * self.gain_levels);
            for (y, row) in picture.rgb_mut().chunks_exact_mut(3 * columns).enumerate() {
                let level = top + (bottom - top) * y as f32 / rows as f32;
                // What is black stays black: the machine's frame has no gain.
                row.iter_mut().filter(|value| **value > 0).for_each(|value| *value = (f32::from(*value) + level) as u8);
            }
        }
        if happens(self.speckle_p, rng) {
            let std = rng.random::<f32>() * self.speckle_std;
            let noise = grain(rows, columns, rng);
            for (pixel, noise) in picture.rgb_mut().as_chunks_mut::<3>().0.iter_mut().zip(noise) {
                *pixel = pixel.map(|value| (f32::from(value) * (1.0 + std * noise)) as u8);
            }
        }
        if happens(self.shadow_p, rng) {
            let (centre, half_width) = (rng.random::<f32>(), rng.random_range(0.02..=0.12));
            let (start, slope) = (rng.random_range(0.1..=0.8), rng.random_range(-0.2..=0.2));
            let lost = rng.random_range(0.3..=1.0) * self.shadow_depth;
            for (i, pixel) in picture.rgb_mut().as_chunks_mut::<3>().0.iter_mut().enumerate() {
                let (x, y) = ((i % columns) as f32 / columns as f32, (i / columns) as f32 / rows as f32);
                if y < start {
                    continue;
                }
                let across = ((x - centre - slope * (y - start)) / half_width).abs();
                let share = 1.0 - lost * (1.5 - across).clamp(0.0, 1.0) * ((y - start) * 20.0).min(1.0);
                *pixel = pixel.map(|value| (f32::from(value) * share) as u8);
            }
        }
    }
}

fn happens(probability: f64, rng: &mut impl Rng) -> bool {
    rng.random::<f64>() < probability
}

/// Noise of mean 0 and standard deviation 1 whose grain is three pixels: `rows * columns` values.
fn grain(rows: usize, columns: usize, rng: &mut impl Rng) -> Vec<f32> {
    // A uniform number from -1 to 1 has the variance 1/3, and the mean of nine a ninth of it.
    const SCALE: f32 = 5.196_152;
    let white: Vec<f32> = (0..rows * columns).map(|_| rng.random_range(-1.0..=1.0)).collect();
    let at = |y: usize, x: usize| white[y.min(rows - 1) * columns + x.min(columns - 1)];
    let mean = |i: usize| {
        let (y, x) = (i / columns, i % columns);
        let sum: f32 = (0..9).map(|k| at((y + k / 3).saturating_sub(1), (x + k % 3).saturating_sub(1))).sum();
        sum / 9.0 * SCALE
    };
    (0..rows * columns).map(mean).collect()
}

/// `[x, y]` of the picture -> `[x, y]` of the changed one, in pixels, 0 at the left top corner.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Affine {
    /// Row-major 2x2.
    matrix: [f32; 4],
    offset: [f32; 2],
}

impl Affine {
    const IDENTITY: Self = Self { matrix: [1.0, 0.0, 0.0, 1.0], offset: [0.0; 2] };

    fn rotation(degrees: f32, [x, y]: [f32; 2]) -> Self {
        let (sin, cos) = (degrees / 360.0 * TAU).sin_cos();
        Self { matrix: [cos, -sin, sin, cos], offset: [x - cos * x + sin * y, y - sin * x - cos * y] }
    }

    fn shift(offset: [f32; 2]) -> Self {
        Self { offset, ..Self::IDENTITY }
    }

    /// The part from `corner` on, `share` of each side, at the whole picture's size.
    fn enlarged([left, top]: [f32; 2], share: f32) -> Self {
        let scale = share.recip();
        Self { matrix: [scale, 0.0, 0.0, scale], offset: [-left * scale, -top * scale] }
    }

    fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [a, b, c, d] = self.matrix;
        [a * x + b * y + self.offset[0], c * x + d * y + self.offset[1]]
    }

    /// This one first, `next` after it.
    fn then(&self, next: Self) -> Self {
        let [a, b, c, d] = next.matrix;
        let [e, f, g, h] = self.matrix;
        Self { matrix: [a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h], offset: next.apply(self.offset) }
    }

    fn inverse(&self) -> Self {
        let [a, b, c, d] = self.matrix;
        let determinant = a * d - b * c;
        let matrix = [d, -b, -c, a].map(|value| value / determinant);
        let [x, y] = Self { matrix, offset: [0.0; 2] }.apply(self.offset);
        Self { matrix, offset: [-x, -y] }
    }
}

/// A smooth displacement: vectors at a grid of control points, cosine-blended between them.
struct Elastic {
    /// `[ELASTIC_SIDE, ELASTIC_SIDE]` of `[x, y]`, as shares of the sides.
    control: Vec<[f32; 2]>,
}

/// Control points along a side.
const ELASTIC_SIDE: usize = 5;

impl Elastic {
    fn draw(shift: f32, rng: &mut impl Rng) -> Self {
        let mut vector = || [0, 1].map(|_| rng.random_range(-1.0..=1.0) * shift);
        Self { control: (0..ELASTIC_SIDE * ELASTIC_SIDE).map(|_| vector()).collect() }
    }

    /// The displacement at a place, both as shares of the sides.
    fn at(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let axis = |share: f32| {
            let place = share.clamp(0.0, 1.0) * (ELASTIC_SIDE - 1) as f32;
            let first = (place as usize).min(ELASTIC_SIDE - 2);
            (first, (1.0 - ((place - first as f32) * TAU / 2.0).cos()) / 2.0)
        };
        let ((column, across), (row, down)) = (axis(x), axis(y));
        let control = |dx: usize, dy: usize| self.control[(row + dy) * ELASTIC_SIDE + column + dx];
        [0, 1].map(|i| {
            let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
            let [top, bottom] = [0, 1].map(|dy| mix(control(0, dy)[i], control(1, dy)[i], across));
            mix(top, bottom, down)
        })
    }
}

/// The changed picture: bilinear, black and unlabelled where there was nothing; labels from the nearest pixel.
fn warp(picture: &TrainingPicture, affine: Affine, elastic: Option<Elastic>) -> TrainingPicture {
    let inverse = affine.inverse();
    let (rows, columns) = (picture.rows(), picture.columns());
    let [width, height] = [columns, rows].map(|side| side as f32);
    let mut changed = picture.clone();
    for y in 0..rows {
        for x in 0..columns {
            let [mut from_x, mut from_y] = inverse.apply([x as f32 + 0.5, y as f32 + 0.5]);
            if let Some(elastic) = &elastic {
                let [right, down] = elastic.at([from_x / width, from_y / height]);
                (from_x, from_y) = (from_x + right * width, from_y + down * height);
            }
            let pixel = picture.bilinear(from_x, from_y);
            changed.rgb_mut()[3 * (y * columns + x)..][..3].copy_from_slice(&pixel);
            changed.class_ids_mut()[y * columns + x] = picture.nearest_label(from_x, from_y);
        }
    }
    changed
}

/// Blurs by a Gaussian, `std` pixels across and `std_down` along depth.
fn blur(picture: &mut TrainingPicture, std: f32, std_down: f32) {
    let (rows, columns) = (picture.rows(), picture.columns());
    let kernel = |std: f32| {
        let reach = (2.5 * std).ceil() as isize;
        let weight = |i: isize| (-0.5 * (i as f32 / std.max(1e-3)).powi(2)).exp();
        let sum: f32 = (-reach..=reach).map(weight).sum();
        (-reach..=reach).map(|i| (i, weight(i) / sum)).collect::<Vec<_>>()
    };
    let (across, down) = (kernel(std), kernel(std_down));
    let clamped = |i: usize, offset: isize, side: usize| (i as isize + offset).clamp(0, side as isize - 1) as usize;
    for channel in 0..3 {
        let plane: Vec<f32> = picture.rgb().iter().skip(channel).step_by(3).map(|&value| f32::from(value)).collect();
        let horizontal: Vec<f32> = (0..plane.len())
            .map(|i| {
                let (x, y) = (i % columns, i / columns);
                across.iter().map(|&(offset, weight)| weight * plane[y * columns + clamped(x, offset, columns)]).sum()
            })
            .collect();
        let out = picture.rgb_mut().iter_mut().skip(channel).step_by(3);
        for (i, value) in out.enumerate() {
            let (x, y) = (i % columns, i / columns);
            let sum = |&(offset, weight): &(isize, f32)| weight * horizontal[clamped(y, offset, rows) * columns + x];
            *value = (down.iter().map(sum).sum::<f32>() + 0.5) as u8;
        }
    }
}

/// Black margins at some sides, and bright marks as burned-in text and rulers make them. Labels stay as they are.
fn draw_console(picture: &mut TrainingPicture, rng: &mut impl Rng) {
    let (rows, columns) = (picture.rows(), picture.columns());
    let fill = |picture: &mut TrainingPicture, [x, y]: [usize; 2], [width, height]: [usize; 2], grey: u8| {
        for row in y..(y + height).min(rows) {
            for column in x..(x + width).min(columns) {
                picture.rgb_mut()[3 * (row * columns + column)..][..3].fill(grey);
            }
        }
    };
    for side in 0..4 {
        let width = ((rng.random::<f32>() * MARGIN) * rows.min(columns) as f32) as usize;
        if rng.random() {
            continue;
        }
        let (corner, size) = match side {
            0 => ([0, 0], [width, rows]),
            1 => ([columns.saturating_sub(width), 0], [width, rows]),
            2 => ([0, 0], [columns, width]),
            _ => ([0, rows.saturating_sub(width)], [columns, width]),
        };
        fill(picture, corner, size, 0);
    }
    for _ in 0..rng.random_range(0..=MARKS) {
        let mut place = [rng.random_range(0..columns), rng.random_range(0..rows)];
        // A row of strokes, as letters are, or of ticks.
        let grey = rng.random_range(150..=255);
        for _ in 0..rng.random_range(1..=6) {
            fill(picture, place, [rng.random_range(1..=3), rng.random_range(2..=7)], grey);
            place[0] += rng.random_range(3..=6);
        }
    }
}

/// Widest margin, as a share of the shorter side.
const MARGIN: f32 = 0.1;
/// Most marks in a picture.
const MARKS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn picture() -> TrainingPicture {
        let (rows, columns) = (24, 32);
        let is_inside = |i: usize| (8..16).contains(&(i / columns)) && (10..20).contains(&(i % columns));
        let rgb = (0..rows * columns).flat_map(|i| [if is_inside(i) { 200 } else { 50 }; 3]).collect();
        let class_ids = (0..rows * columns).map(|i| u8::from(is_inside(i))).collect();
        TrainingPicture::new(rows, columns, 32, rgb, class_ids)
    }

    #[test]
    fn an_inverse_undoes_its_map() {
        let map =
            Affine::rotation(33.0, [4.0, 5.0]).then(Affine::shift([2.0, -3.0])).then(Affine::enlarged([1.0, 2.0], 0.7));
        let [x, y] = map.then(map.inverse()).apply([7.0, 11.0]);
        assert!((x - 7.0).abs() < 1e-4 && (y - 11.0).abs() < 1e-4);
    }

    #[test]
    fn labels_stay_on_what_they_label() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let shape = Augmentation { affine_p: 1.0, flip_p: 1.0, crop_p: 1.0, depth_p: 1.0, ..Augmentation::default() };
        let all = Augmentation { crop_max: 1.5, elastic_p: 1.0, ..shape };
        for _ in 0..50 {
            let changed = all.apply(&picture(), &mut rng);
            let bright = changed.rgb().chunks(3).map(|pixel| pixel[0] > 125);
            let apart = bright.zip(changed.class_ids()).filter(|(bright, id)| *bright != (**id == 1)).count();
            // Bilinear and nearest may disagree on the edge.
            assert!(apart < 12, "{apart} pixels");
        }
    }

    #[test]
    fn a_part_larger_than_the_picture_is_the_whole_picture_made_smaller() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let smaller = Augmentation { crop_p: 1.0, crop_min: 1.0, crop_max: 4.0, ..Augmentation::none() };
        let labelled = |picture: &TrainingPicture| picture.class_ids().iter().filter(|id| **id == 1).count();
        let whole = labelled(&picture());
        let found: Vec<usize> = (0..50).map(|_| labelled(&smaller.apply(&picture(), &mut rng))).collect();
        // At most four times smaller, and a pixel of its edge more or less.
        assert!(found.iter().all(|found| (whole / 4 - 10..=whole).contains(found)), "{found:?} of {whole}");
        assert!(found.iter().any(|found| 2 * found < whole), "{found:?} of {whole}");
    }

    #[test]
    fn without_probabilities_nothing_changes() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        assert_eq!(Augmentation::none().apply(&picture(), &mut rng), picture());
    }

    #[test]
    fn the_machines_black_frame_stays_black() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let bright = Augmentation { gain_p: 1.0, gamma_p: 1.0, speckle_p: 1.0, shadow_p: 1.0, ..Augmentation::none() };
        let black = TrainingPicture::new(16, 16, 16, vec![0; 16 * 16 * 3], vec![0; 16 * 16]);
        for _ in 0..20 {
            assert_eq!(bright.apply(&black, &mut rng), black);
        }
    }

    #[test]
    fn grain_has_mean_zero_and_deviation_one() {
        let noise = grain(100, 100, &mut ChaCha8Rng::seed_from_u64(6));
        let mean = noise.iter().sum::<f32>() / noise.len() as f32;
        let variance = noise.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / noise.len() as f32;
        assert!(mean.abs() < 0.1 && (variance - 1.0).abs() < 0.1, "{mean} {variance}");
    }
}
