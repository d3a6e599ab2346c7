//! A person's clicks, answered one after the other as SAM was trained for it (arXiv 2304.02643, appendix A): with each new
//! click goes the logits of the answer before it, as mask prompt. And clicks are obeyed: a model that does not quite follow one
//! is corrected around it, no farther than it must be.

use super::{Decoded, StructurePrompts};
use crate::model::PointLabel;
use crate::postprocess::Sampler;
use crate::preprocess::FrameTransform;

/// A clicked pixel's logit is at least so far on its side of 0, or of the other structures' logits.
const MARGIN: f32 = 0.5;
/// Standard deviation of a correction, in cells of the low-resolution mask.
const REACH: f32 = 1.0;
/// Corrections of near clicks change each other: they are made so often, the last click last.
const SWEEPS: usize = 3;

/// Corrects logits around the clicks that they do not follow, so that the pixel of each belongs to the structure (inside) or
/// does not (outside). A structure that a person points at is there.
pub(super) fn obey(decoded: &mut [Decoded], prompts: &[StructurePrompts], transform: &FrameTransform) {
    let sampler = Sampler::new(transform);
    let side = transform.image_size / 4;
    for prompts in prompts {
        let is_shown = prompts.bounding_box.is_some()
            || prompts.points.iter().any(|point| point.label == PointLabel::Inside)
            || prompts.strokes.iter().any(|stroke| stroke.inside);
        if let Some(own) = decoded.iter_mut().find(|decoded| decoded.structure == prompts.structure) {
            own.present |= is_shown;
        }
    }
    for _ in 0..SWEEPS {
        for prompts in prompts {
            for point in &prompts.points {
                let logits = |decoded: &Decoded| sampler.logit(&decoded.logits, [point.x, point.y]);
                let others = decoded.iter().filter(|d| d.structure != prompts.structure && d.present);
                let highest = others.map(logits).fold(0.0, f32::max);
                let Some(own) = decoded.iter_mut().find(|decoded| decoded.structure == prompts.structure) else {
                    continue;
                };
                let logit = sampler.logit(&own.logits, [point.x, point.y]);
                let wanted = match point.label {
                    PointLabel::Inside => logit.max(highest + MARGIN),
                    PointLabel::Outside => logit.min(-MARGIN),
                };
                if wanted != logit {
                    raise(&mut own.logits, side, &sampler, [point.x, point.y], wanted - logit);
                }
            }
        }
    }
}

/// Adds a smooth bump around a point of the frame, so that the logit there changes by `change`.
fn raise(logits: &mut [f32], side: usize, sampler: &Sampler, point: [f32; 2], change: f32) {
    let [column, row] = sampler.cell(point);
    let bump: Vec<f32> = (0..side * side)
        .map(|i| {
            let (x, y) = ((i % side) as f32 - column, (i / side) as f32 - row);
            (-(x * x + y * y) / (2.0 * REACH * REACH)).exp()
        })
        .collect();
    // Resampling flattens the bump: what arrives at the point counts.
    let scale = change / sampler.logit(&bump, point).max(1e-3);
    logits.iter_mut().zip(bump).for_each(|(logit, bump)| *logit += scale * bump);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postprocess::class_map;
    use crate::segmenter::FramePoint;

    const SIDE: usize = 16;

    fn point(x: f32, y: f32, label: PointLabel) -> FramePoint {
        FramePoint { x, y, label }
    }

    /// Structure 0 in the left half, structure 1 nowhere and said to be absent.
    fn answers() -> Vec<Decoded> {
        let left = (0..SIDE * SIDE).map(|i| if i % SIDE < SIDE / 2 { 6.0 } else { -6.0 }).collect();
        let nothing = vec![-6.0; SIDE * SIDE];
        let decoded =
            |structure, logits, present| Decoded { structure, logits, iou: 0.5, object_score: Some(0.5), present };
        vec![decoded(0, left, true), decoded(1, nothing, false)]
    }

    #[test]
    fn a_clicked_pixel_is_what_the_click_says_and_the_rest_stays() {
        // A frame that is not square, of another size than the input.
        let transform = FrameTransform::new(150, 100, 4 * SIDE);
        let prompts = [
            StructurePrompts {
                structure: 0,
                points: vec![point(20.0, 30.0, PointLabel::Outside), point(130.0, 60.0, PointLabel::Inside)],
                ..StructurePrompts::default()
            },
            StructurePrompts {
                structure: 1,
                points: vec![point(40.0, 80.0, PointLabel::Inside)],
                ..StructurePrompts::default()
            },
        ];
        let map = |decoded: &[Decoded]| {
            let logits: Vec<_> = decoded.iter().map(Decoded::for_map).collect();
            class_map(&logits, &transform).class_ids
        };
        let before = map(&answers());
        let mut decoded = answers();
        obey(&mut decoded, &prompts, &transform);
        let after = map(&decoded);
        let at = |ids: &[u8], x: usize, y: usize| ids[y * 150 + x];
        assert_eq!((at(&before, 20, 30), at(&before, 130, 60), at(&before, 40, 80)), (1, 0, 1));
        assert_eq!((at(&after, 20, 30), at(&after, 130, 60), at(&after, 40, 80)), (0, 1, 2));
        let changed = before.iter().zip(&after).filter(|(before, after)| before != after).count();
        assert!(changed < before.len() / 20, "{changed} of {} pixels", before.len());
    }

    #[test]
    fn an_answer_that_follows_its_clicks_is_left_as_it_is() {
        let transform = FrameTransform::new(64, 64, 4 * SIDE);
        let points = vec![point(10.0, 10.0, PointLabel::Inside), point(50.0, 10.0, PointLabel::Outside)];
        let prompts = [StructurePrompts { structure: 0, points, ..StructurePrompts::default() }];
        let mut decoded = answers();
        obey(&mut decoded, &prompts, &transform);
        assert_eq!(decoded[0].logits, answers()[0].logits);
    }

    #[test]
    fn clicks_side_by_side_are_all_obeyed() {
        let transform = FrameTransform::new(64, 64, 4 * SIDE);
        let points = (0..6).map(|i| {
            let label = if i % 2 == 0 { PointLabel::Inside } else { PointLabel::Outside };
            point(20.0 + 6.0 * i as f32, 32.0, label)
        });
        let prompts = [StructurePrompts { structure: 0, points: points.collect(), ..StructurePrompts::default() }];
        let mut decoded = answers();
        obey(&mut decoded, &prompts, &transform);
        let logits: Vec<_> = decoded.iter().map(Decoded::for_map).collect();
        let map = class_map(&logits, &transform);
        for (i, point) in prompts[0].points.iter().enumerate() {
            let id = map.class_ids[point.y as usize * 64 + point.x as usize];
            assert_eq!(id, u8::from(i % 2 == 0), "click {i}");
        }
    }
}
