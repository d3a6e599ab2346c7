//! The prompts of a simulated person for a training picture: a first prompt, and clicks that correct an answer.

use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;

use super::TrainingPicture;
use super::forward::{PromptKinds, PromptMix};
use crate::brush::{PAINTED_LOGIT, Stroke, paint};
use crate::evaluation::{Mask, innermost_point, largest_error};
use crate::model::{ManualPrompts, Point, PointLabel};
use crate::preprocess::FrameTransform;
use crate::resample::{Taps, resize_plane};

/// Clicks in the first prompt, at most.
const MAX_CLICKS: usize = 3;
/// The thinnest and the thickest brush, as shares of the image side.
const BRUSH: [f32; 2] = [0.008, 0.03];
/// A painted cell belongs to the structure by at least this share: a person paints with care.
const PAINTED_SHARE: f32 = 0.3;
/// How often a correcting click goes to the middle of the error; else it goes anywhere in it.
const MIDDLE_P: f64 = 0.5;

impl TrainingPicture {
    /// The first prompts of each structure. None where `kinds` has neither box, points nor strokes.
    ///
    /// `interim` has the logits that a stroke is painted over, `[structures, image_size / 4, image_size / 4]`; a mask that is
    /// sure to be empty where it is `None`.
    pub(super) fn manual_prompts(
        &self,
        kinds: PromptKinds,
        mix: &PromptMix,
        structures: usize,
        interim: Option<&[f32]>,
        rng: &mut impl Rng,
        device: &Device,
    ) -> Vec<ManualPrompts> {
        if !kinds.bounding_box && !kinds.points && !kinds.strokes {
            return Vec::new();
        }
        let clicks = if kinds.points { rng.random_range(1..=MAX_CLICKS) } else { 0 };
        let side = self.image_size() / 4;
        let prompts = (0..structures).map(|structure| {
            let logits = match (kinds.strokes, kinds.mask && !kinds.learned) {
                (true, _) => {
                    let base = interim.map_or(vec![-PAINTED_LOGIT; side * side], |all| {
                        all[structure * side * side..][..side * side].to_vec()
                    });
                    Some(self.painted(structure, base, rng))
                }
                (false, true) => Some(self.mask(structure, side)),
                (false, false) => None,
            };
            ManualPrompts {
                points: (0..clicks).map(|i| self.click(structure, i == 0, rng)).collect(),
                bounding_box: kinds.bounding_box.then(|| self.jittered_box(structure, mix.box_jitter, rng)),
                mask: logits.map(|logits| mask_prompt(logits, side, device)),
            }
        });
        prompts.collect()
    }

    /// Adds to each structure's prompts a click in the largest error of the answer, and the answer's logits
    /// `[structures, image_size / 4, image_size / 4]` as mask prompt. Where nothing is wrong, the click says what is right.
    pub(super) fn correct(
        &self,
        prompts: &mut Vec<ManualPrompts>,
        logits: &[f32],
        rng: &mut impl Rng,
        device: &Device,
    ) {
        let side = self.image_size() / 4;
        let answers = logits.chunks_exact(side * side);
        prompts.resize_with(answers.len(), ManualPrompts::default);
        for (structure, (prompts, answer)) in prompts.iter_mut().zip(answers).enumerate() {
            prompts.points.push(self.correcting_click(structure, answer, rng));
            prompts.mask = Some(mask_prompt(answer.to_vec(), side, device));
        }
    }

    /// A click that corrects an answer `[image_size / 4, image_size / 4]`.
    fn correcting_click(&self, structure: usize, logits: &[f32], rng: &mut impl Rng) -> Point {
        let (side, size) = (self.image_size() / 4, self.image_size());
        let taps = Taps::bilinear(side, size);
        let rows = resize_plane(logits, side, &taps, &taps);
        let rows = rows.chunks_exact(size).take(self.rows());
        let found = rows.flat_map(|row| row[..self.columns()].iter().map(|&logit| logit > 0.0)).collect();
        let truth = Mask::of_class(self.columns(), self.class_ids(), structure as u8 + 1);
        let Some(error) = largest_error(&Mask::new(self.columns(), found), &truth) else {
            return self.click(structure, false, rng);
        };
        let middle = if rng.random::<f64>() < MIDDLE_P { innermost_point(&error.mask) } else { None };
        let [x, y] = middle.unwrap_or_else(|| {
            let pixels: Vec<usize> = (0..error.mask.pixels().len()).filter(|&i| error.mask.pixels()[i]).collect();
            let i = pixels[rng.random_range(0..pixels.len())];
            [i % self.columns(), i / self.columns()]
        });
        Point { x: x as f32, y: y as f32, label: error.label }
    }

    /// A click somewhere, on the structure where it must be and can be.
    fn click(&self, structure: usize, inside: bool, rng: &mut impl Rng) -> Point {
        let i = match inside || rng.random() {
            true => self.any_pixel_of(structure, rng),
            false => None,
        };
        let i = i.unwrap_or_else(|| rng.random_range(0..self.class_ids().len()));
        let label = match usize::from(self.class_ids()[i]) == structure + 1 {
            true => PointLabel::Inside,
            false => PointLabel::Outside,
        };
        Point { x: (i % self.columns()) as f32, y: (i / self.columns()) as f32, label }
    }

    /// One of the structure's pixels; `None` where it has none.
    fn any_pixel_of(&self, structure: usize, rng: &mut impl Rng) -> Option<usize> {
        let count = self.pixels_of(structure).count();
        let nth = (count > 0).then(|| rng.random_range(0..count))?;
        self.pixels_of(structure).nth(nth).map(|(i, _)| i)
    }

    /// The structure's box, each side moved by up to `jitter` of the box's width or height.
    fn jittered_box(&self, structure: usize, jitter: f32, rng: &mut impl Rng) -> [f32; 4] {
        let [left, top, right, bottom] = self.bounding_box(structure);
        let (width, height) = (right - left, bottom - top);
        let mut moved = |side: f32, length: f32, limit: usize| {
            (side + rng.random_range(-1.0..=1.0) * jitter * length).clamp(0.0, limit as f32 - 1.0)
        };
        [
            moved(left, width, self.columns()),
            moved(top, height, self.rows()),
            moved(right, width, self.columns()),
            moved(bottom, height, self.rows()),
        ]
    }

    /// A brush stroke between two of the structure's pixels over `logits`, `[image_size / 4, image_size / 4]`.
    fn painted(&self, structure: usize, mut logits: Vec<f32>, rng: &mut impl Rng) -> Vec<f32> {
        let ends = [0, 1].map(|_| self.any_pixel_of(structure, rng));
        let [Some(from), Some(to)] = ends else { return logits };
        let path = [from, to].map(|i| [i % self.columns(), i / self.columns()].map(|side| side as f32 + 0.5));
        let radius = rng.random_range(BRUSH[0]..=BRUSH[1]) * self.image_size() as f32;
        let before = logits.clone();
        let whole = FrameTransform::new(self.image_size(), self.image_size(), self.image_size());
        paint(&[Stroke { path: path.to_vec(), radius, inside: true }], &whole, &mut logits);
        let shares = self.mask(structure, self.image_size() / 4);
        for ((logit, before), share) in logits.iter_mut().zip(before).zip(shares) {
            if share < PAINTED_SHARE {
                *logit = before;
            }
        }
        logits
    }
}

fn mask_prompt(logits: Vec<f32>, side: usize, device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(logits, [1, side, side, 1]), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// 64 x 48 with a rectangle of structure 1 and nothing of structure 0.
    fn picture() -> TrainingPicture {
        let (rows, columns) = (48, 64);
        let is_inside = |i: usize| (16..32).contains(&(i / columns)) && (12..50).contains(&(i % columns));
        let class_ids = (0..rows * columns).map(|i| if is_inside(i) { 2 } else { 0 }).collect();
        TrainingPicture::new(rows, columns, 64, vec![0; 3 * rows * columns], class_ids)
    }

    const POINTS: PromptKinds =
        PromptKinds { learned: false, bounding_box: false, mask: false, points: true, strokes: false };

    #[test]
    fn the_first_click_is_on_the_structure_and_no_click_lies_about_it() {
        let (picture, mix) = (picture(), PromptMix::default());
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for _ in 0..100 {
            let prompts = picture.manual_prompts(POINTS, &mix, 2, None, &mut rng, &Device::flex());
            assert_eq!(prompts[1].points[0].label, PointLabel::Inside);
            assert_eq!(prompts[0].points.len(), prompts[1].points.len());
            assert!(prompts[0].points.iter().all(|point| point.label == PointLabel::Outside));
        }
    }

    #[test]
    fn a_correction_points_into_the_error_and_hands_the_answer_back() {
        let picture = picture();
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        // Nothing of structure 0 and everything of structure 1 is found: the one is right, the other too much.
        let logits = [vec![-1.0; 256], vec![1.0; 256]].concat();
        for _ in 0..20 {
            let mut prompts = Vec::new();
            picture.correct(&mut prompts, &logits, &mut rng, &Device::flex());
            let point = prompts[1].points[0];
            assert_eq!(point.label, PointLabel::Outside);
            assert_eq!(picture.class_ids()[point.y as usize * 64 + point.x as usize], 0);
            let mask: Vec<f32> = prompts[1].mask.clone().unwrap().into_data().iter().collect();
            assert_eq!(mask, vec![1.0; 256]);
            picture.correct(&mut prompts, &logits, &mut rng, &Device::flex());
            assert_eq!((prompts[0].points.len(), prompts[1].points.len()), (2, 2));
        }
    }

    #[test]
    fn a_stroke_stays_in_the_structure() {
        let picture = picture();
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let shares = picture.mask(1, 16);
        for _ in 0..20 {
            let painted = picture.painted(1, vec![-PAINTED_LOGIT; 256], &mut rng);
            assert!(painted.iter().any(|&logit| logit > 0.0));
            assert!(painted.iter().zip(&shares).all(|(&logit, &share)| logit < 0.0 || share > 0.0));
        }
    }

    #[test]
    fn a_moved_box_stays_in_the_picture() {
        let picture = picture();
        let mut rng = ChaCha8Rng::seed_from_u64(10);
        for _ in 0..50 {
            let [left, top, right, bottom] = picture.jittered_box(1, 0.2, &mut rng);
            assert!(left >= 0.0 && top >= 0.0 && right <= 63.0 && bottom <= 47.0 && left < right && top < bottom);
        }
    }
}
