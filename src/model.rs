//! The whole network as one burn module: image encoder, prompt predictor, prompt encoder, mask decoder, memory.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use crate::config::Sam2RadConfig;
use crate::image_encoder::ImageEncoder;
pub use crate::image_encoder::ImageFeatures;
pub use crate::mask_decoder::DecodedMasks;
use crate::mask_decoder::MaskDecoder;
use crate::memory::Memory;
use crate::nn::small_normal;
pub use crate::prompt_encoder::{ManualPrompts, Point, PointLabel, PromptEmbeddings};
use crate::prompt_encoder::{PromptEncoder, PromptEncoderConfig};
use crate::prompt_predictor::PromptPredictor;
pub use crate::prompt_predictor::{PredictedPrompts, PredictorStep};

/// Sam2Rad. Field names are the canonical names of the weights (`checkpoint::keys` has the translations).
#[derive(Module, Debug)]
pub struct Sam2Rad {
    image_encoder: ImageEncoder,
    /// SAM 2 only: added to the image embedding, as there is no memory of earlier frames. `[1, 1, dim]`.
    no_mem_embed: Option<Param<Tensor<3>>>,
    prompt_encoder: PromptEncoder,
    /// What Sam2Rad adds to SAM, apart from the learnt prompts.
    prompt_predictor: Option<PromptPredictor>,
    mask_decoder: MaskDecoder,
    /// `[structures, tokens, dim]`.
    learnable_prompts: Option<Param<Tensor<3>>>,
    /// What follows structures through a video.
    memory: Option<Memory>,
}

impl Sam2RadConfig {
    /// Makes the network with freshly initialised weights, each made when it is first used; parts that `self.parts` lacks are not
    /// made.
    pub fn init(&self, device: &Device) -> Sam2Rad {
        let dim = self.image_encoder.prompt_embed_dim;
        let has_predictor = self.parts.prompt_predictor;
        let prompts = burn::nn::Initializer::Normal { mean: 0.0, std: 1.0 / 16.0 };
        Sam2Rad {
            image_encoder: ImageEncoder::init(self, device),
            no_mem_embed: self.mask_decoder.high_res_features.then(|| small_normal().init([1, 1, dim], device)),
            prompt_encoder: PromptEncoderConfig::from(self).init(device),
            prompt_predictor: has_predictor.then(|| PromptPredictor::init(self, device)),
            mask_decoder: MaskDecoder::init(self, device),
            learnable_prompts: has_predictor.then(|| prompts.init([self.structures, self.tokens, dim], device)),
            memory: self.memory.map(|memory| Memory::init(self, &memory, device)),
        }
    }
}

impl Sam2Rad {
    /// A normalised frame `[1, 3, image_size, image_size]` to the features that serve every prompt.
    pub fn encode_image(&self, image: Tensor<4>) -> ImageFeatures {
        self.encode_image_with_blocks(image, &mut |_| {})
    }

    /// As [`encode_image`](Self::encode_image), showing `look` the patch embedding and each block's output
    /// `[1, h, w, channels]`.
    pub fn encode_image_with_blocks(&self, image: Tensor<4>, look: &mut dyn FnMut(Tensor<4>)) -> ImageFeatures {
        self.without_memory(&self.encode_video_frame_with_blocks(image, look))
    }

    /// As [`encode_image`](Self::encode_image), before anything is said of earlier frames: what the memory takes.
    pub fn encode_video_frame(&self, image: Tensor<4>) -> ImageFeatures {
        self.encode_video_frame_with_blocks(image, &mut |_| {})
    }

    fn encode_video_frame_with_blocks(&self, image: Tensor<4>, look: &mut dyn FnMut(Tensor<4>)) -> ImageFeatures {
        let ImageFeatures { image_embedding, high_res_features } = self.image_encoder.forward(image, look);
        let high_res_features = self.mask_decoder.project_high_res_features(high_res_features);
        ImageFeatures { image_embedding, high_res_features }
    }

    /// The features of [`encode_video_frame`](Self::encode_video_frame), for a frame by itself: nothing is remembered.
    pub fn without_memory(&self, features: &ImageFeatures) -> ImageFeatures {
        let embedding = features.image_embedding.clone();
        let image_embedding = match &self.no_mem_embed {
            Some(no_mem_embed) => embedding + no_mem_embed.val().unsqueeze(),
            None => embedding,
        };
        ImageFeatures { image_embedding, high_res_features: features.high_res_features.clone() }
    }

    /// What [`without_memory`](Self::without_memory) was made of.
    #[cfg(feature = "gpu")]
    pub(crate) fn before_memory(&self, features: ImageFeatures) -> ImageFeatures {
        let ImageFeatures { image_embedding, high_res_features } = features;
        let image_embedding = match &self.no_mem_embed {
            Some(no_mem_embed) => image_embedding - no_mem_embed.val().unsqueeze(),
            None => image_embedding,
        };
        ImageFeatures { image_embedding, high_res_features }
    }

    /// What follows structures through a video, where the model has it.
    pub fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    /// The prompts of every structure on a frame (autonomous mode); `None` where the network has no prompt predictor.
    pub fn predict_prompts(&self, features: &ImageFeatures) -> Option<PredictedPrompts> {
        let (predictor, prompts) = self.predictor()?;
        Some(predictor.forward(features, prompts, &self.prompt_encoder))
    }

    /// The prompts of some structures on a frame, in the order named; `None` where the network has no prompt predictor.
    pub fn predict_prompts_of(&self, features: &ImageFeatures, structures: &[usize]) -> Option<PredictedPrompts> {
        let (predictor, prompts) = self.predictor()?;
        Some(predictor.forward(features, rows_of(&prompts, structures), &self.prompt_encoder))
    }

    /// The same network for only some of its structures, in the order named.
    pub fn with_structures(mut self, structures: &[usize]) -> Self {
        let prompts = self.learnable_prompts.map(|prompts| Param::from_tensor(rows_of(&prompts.val(), structures)));
        self.learnable_prompts = prompts;
        self
    }

    /// As [`predict_prompts`](Self::predict_prompts), showing `look` each scale of the predictor, coarse to fine.
    pub fn predict_prompts_with_steps(
        &self,
        features: &ImageFeatures,
        look: &mut dyn FnMut(PredictorStep),
    ) -> Option<PredictedPrompts> {
        let (predictor, prompts) = self.predictor()?;
        Some(predictor.forward_with_steps(features, prompts, &self.prompt_encoder, look))
    }

    fn predictor(&self) -> Option<(&PromptPredictor, Tensor<3>)> {
        Some((self.prompt_predictor.as_ref()?, self.learnable_prompts.as_ref()?.val()))
    }

    /// A person's prompts for one structure, embedded.
    pub fn encode_prompts(&self, prompts: &ManualPrompts) -> PromptEmbeddings {
        self.prompt_encoder.forward(prompts)
    }

    /// As [`encode_prompts`](Self::encode_prompts), the way that SAM 2's video predictor embeds them.
    pub fn encode_video_prompts(&self, prompts: &ManualPrompts) -> PromptEmbeddings {
        self.prompt_encoder.forward_video(prompts)
    }

    /// The masks of all four mask tokens, the single one first.
    pub fn decode_all_masks(&self, features: &ImageFeatures, prompts: PromptEmbeddings) -> DecodedMasks {
        let image_pe = self.prompt_encoder.dense_pe();
        self.mask_decoder.forward_all(features, image_pe, prompts.sparse, prompts.dense)
    }

    /// Masks for `n` sets of prompts: sparse `[n, tokens, dim]` or `None`, dense `[n, h, w, dim]`.
    pub fn decode_masks(
        &self,
        features: &ImageFeatures,
        sparse: Option<Tensor<3>>,
        dense: Tensor<4>,
        multimask_output: bool,
    ) -> DecodedMasks {
        let image_pe = self.prompt_encoder.dense_pe();
        self.mask_decoder.forward(features, image_pe, sparse, dense, multimask_output)
    }
}

/// Some structures' prompts, `[structures, tokens, dim]`.
fn rows_of(prompts: &Tensor<3>, structures: &[usize]) -> Tensor<3> {
    Tensor::cat(structures.iter().map(|&i| prompts.clone().narrow(0, i, 1)).collect(), 0)
}
