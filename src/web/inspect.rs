//! What the model computes on its way, for the comparison of a bundle with the golden vectors.

use crate::segmenter::{EncodedFrame, RequestError, Segmenter, read_floats};

impl Segmenter {
    /// What the model computes on its way from the frame to the masks of the autonomous mode, by the golden vectors' names; maps
    /// are `[.., height, width, channels]`. Where it has no prompt predictor, the image features alone.
    ///
    /// # Errors
    /// [`RequestError::Device`].
    pub(super) async fn inspect(&self, frame: &EncodedFrame) -> Result<Vec<(String, Vec<f32>)>, RequestError> {
        let features = &self.features(frame).await?;
        let mut tensors = vec![
            ("image_embedding".to_owned(), read_floats(features.image_embedding.clone()).await?),
            ("high_res.0".to_owned(), read_floats(features.high_res_features[0].clone()).await?),
            ("high_res.1".to_owned(), read_floats(features.high_res_features[1].clone()).await?),
        ];
        let mut steps = Vec::new();
        let Some(prompts) = self.model.predict_prompts_with_steps(features, &mut |step| steps.push(step)) else {
            return Ok(tensors);
        };
        let decoded = self.model.decode_masks(features, Some(prompts.sparse.clone()), prompts.dense.clone(), false);
        for (i, step) in steps.into_iter().enumerate() {
            tensors.push((format!("ppn.layer.{i}.queries"), read_floats(step.queries).await?));
            tensors.push((format!("ppn.layer.{i}.keys"), read_floats(step.keys).await?));
        }
        tensors.extend([
            ("ppn.pred_boxes".to_owned(), read_floats(prompts.boxes).await?),
            ("ppn.interim_mask".to_owned(), read_floats(prompts.interim_mask).await?),
            ("ppn.sparse".to_owned(), read_floats(prompts.sparse).await?),
            ("ppn.dense".to_owned(), read_floats(prompts.dense).await?),
            ("decoder.low_res_masks".to_owned(), read_floats(decoded.low_res_masks).await?),
            ("decoder.iou".to_owned(), read_floats(decoded.iou).await?),
        ]);
        if let Some(logits) = decoded.object_score_logits {
            tensors.push(("decoder.object_score_logits".to_owned(), read_floats(logits).await?));
        }
        #[cfg(feature = "webgpu")]
        {
            let own = self.gpu_tensors(frame).await?;
            tensors.retain(|(name, _)| own.iter().all(|(found, _)| found != name));
            tensors.extend(own);
        }
        Ok(tensors)
    }
}
