//! What the mask decoder gives, brought over from the device and to the frame's size.

use burn::tensor::Tensor;

use super::clock::Clock;
use super::result::{Segmentation, StructureResult};
use super::{RequestError, Segmenter};
use crate::contour::trace_logits;
use crate::model::DecodedMasks;
use crate::postprocess::{StructureLogits, class_map};
use crate::preprocess::FrameTransform;

/// One mask before it is resized.
#[derive(Debug, Clone)]
pub(crate) struct Decoded {
    pub(crate) structure: usize,
    /// `[image_size / 4, image_size / 4]`.
    pub(crate) logits: Vec<f32>,
    pub(crate) iou: f32,
    pub(crate) object_score: Option<f32>,
    pub(crate) present: bool,
}

impl Segmenter {
    /// Brings decoded masks over from the device.
    pub(super) async fn read(&self, structures: &[usize], masks: DecodedMasks) -> Result<Vec<Decoded>, RequestError> {
        let logits = read_floats(masks.low_res_masks).await?;
        let ious = read_floats(masks.iou).await?;
        let scores = match masks.object_score_logits {
            Some(logits) => read_floats(logits).await?.into_iter().map(Some).collect(),
            None => vec![None; structures.len()],
        };
        Ok(self.best_of(structures, &logits, &ious, scores))
    }

    /// Of several candidates for each structure's mask the one with the highest predicted IoU.
    pub(super) fn best_of(
        &self,
        structures: &[usize],
        logits: &[f32],
        ious: &[f32],
        scores: Vec<Option<f32>>,
    ) -> Vec<Decoded> {
        let cells = self.config.low_res_size().pow(2);
        let candidates = ious.len() / structures.len();
        let each = structures.iter().zip(logits.chunks_exact(candidates * cells));
        let each = each.zip(ious.chunks_exact(candidates)).zip(scores);
        // SAM 2's own predictor draws what a person points at, whatever the object score.
        let is_gated = !self.is_manual_only();
        each.map(|(((&structure, logits), ious), object_score)| {
            let best = (0..candidates).max_by(|&a, &b| ious[a].total_cmp(&ious[b])).unwrap_or(0);
            let logits = logits[best * cells..][..cells].to_vec();
            let present = object_score.is_none_or(|score| score >= 0.0 || !is_gated);
            Decoded { structure, logits, iou: ious[best], object_score, present }
        })
        .collect()
    }
}

impl Decoded {
    pub(crate) fn for_map(&self) -> StructureLogits<'_> {
        let class_id = u8::try_from(self.structure + 1).expect("a configuration has 255 structures at most");
        StructureLogits { class_id, logits: &self.logits, present: self.present }
    }
}

/// Masks at the frame's size, with the predictor's boxes of the structures, where there are any.
pub(crate) fn masks(
    decoded: &[Decoded],
    transform: &FrameTransform,
    boxes: &[[f32; 4]],
    traces_contours: bool,
    mut clock: Clock,
) -> Segmentation {
    let logits: Vec<_> = decoded.iter().map(Decoded::for_map).collect();
    let map = class_map(&logits, transform);
    let contours = match traces_contours {
        true => trace_logits(&logits, transform),
        false => vec![Vec::new(); logits.len()],
    };
    let each = decoded.iter().zip(&logits).zip(&map.extents).zip(contours);
    let structures = each.map(|(((decoded, logits), extent), contours)| StructureResult {
        structure: decoded.structure,
        present: logits.present,
        iou: decoded.iou,
        object_score: decoded.object_score,
        expected_dice: None,
        area: extent.area,
        bounds: extent.bounds,
        predicted_box: boxes.get(decoded.structure).copied(),
        contours,
    });
    let structures = structures.collect();
    clock.lap("postprocess");
    Segmentation { map, structures, timings: clock.laps }
}

pub(crate) async fn read_floats<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, RequestError> {
    let data = tensor.into_data_async().await.map_err(|error| RequestError::Device(format!("{error:?}")))?;
    Ok(data.iter().collect())
}
