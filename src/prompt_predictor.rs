//! The Prompt Predictor Network (paper, section 3.2; the reference's `prompt_learning.py`): the learnt prompts of each
//! structure attend to the image features, coarse to fine, and become a box, a mask and prompt embeddings.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Device, Tensor, activation};

use crate::config::Sam2RadConfig;
use crate::image_encoder::ImageFeatures;
use crate::nn::{
    Activation, Conv3x3, Conv3x3Config, Interpolation, Mlp, MlpConfig, Once, PointwiseConv, PointwiseConvConfig,
    position_encoding, resize, upsample_nearest,
};
use crate::prompt_encoder::PromptEncoder;
use crate::transformer::{TwoWayAttentionBlock, TwoWayConfig};

/// Share of the mask head's channels that are left out in a training step.
const MASK_DROPOUT: f64 = 0.1;

/// Places of the finest map, times structures, that are walked over at once: one structure at 1024 takes 0.4 GB on its way, of which
/// eight would fill a browser's memory.
const PLACES_AT_ONCE: usize = 256 * 256;

/// What the predictor makes of the learnt prompts, a row for each structure.
#[derive(Debug, Clone)]
pub struct PredictedPrompts {
    /// Two box corners, then the last query outputs: `[structures, tokens, dim]`.
    pub sparse: Tensor<3>,
    /// The embedded interim mask, `[structures, h, w, dim]`.
    pub dense: Tensor<4>,
    /// Left, top, right, bottom in units of the padded input, `[structures, 4]`; right and bottom may exceed 1.
    pub boxes: Tensor<2>,
    /// Logits of the interim mask, `[structures, image_size / 4, image_size / 4, 1]`.
    pub interim_mask: Tensor<4>,
}

/// One scale of the predictor, kept for those who want to look inside: queries `[structures, tokens, dim]` and keys
/// `[structures, h w, dim]` after the block, and how much each query looked at each place, `[structures, heads, tokens, h w]`.
#[derive(Debug, Clone)]
pub struct PredictorStep {
    /// The prompts.
    pub queries: Tensor<3>,
    /// The running dense map.
    pub keys: Tensor<3>,
    /// The cross-attention's weights, which sum to 1 over the places.
    pub attention: Tensor<4>,
}

impl PredictedPrompts {
    /// Of further structures, below one another.
    fn join(parts: Vec<Self>) -> Self {
        fn cat<const D: usize>(
            parts: &[PredictedPrompts],
            part: impl Fn(&PredictedPrompts) -> &Tensor<D>,
        ) -> Tensor<D> {
            Tensor::cat(parts.iter().map(|of| part(of).clone()).collect(), 0)
        }
        Self {
            sparse: cat(&parts, |part| &part.sparse),
            dense: cat(&parts, |part| &part.dense),
            boxes: cat(&parts, |part| &part.boxes),
            interim_mask: cat(&parts, |part| &part.interim_mask),
        }
    }
}

impl PredictorStep {
    /// Of further structures, below one another.
    fn join(parts: Vec<Self>) -> Self {
        fn cat<const D: usize>(parts: &[PredictorStep], part: impl Fn(&PredictorStep) -> &Tensor<D>) -> Tensor<D> {
            Tensor::cat(parts.iter().map(|of| part(of).clone()).collect(), 0)
        }
        Self {
            queries: cat(&parts, |part| &part.queries),
            keys: cat(&parts, |part| &part.keys),
            attention: cat(&parts, |part| &part.attention),
        }
    }
}

/// The first two query outputs to a box.
#[derive(Module, Debug)]
pub struct BoxRegressionHead {
    mlp: Mlp,
}

impl BoxRegressionHead {
    /// `[structures, 2, dim]` -> left, top, right, bottom in units of the input, `[structures, 4]`.
    fn forward(&self, corners: Tensor<3>) -> Tensor<2> {
        let xywh = activation::sigmoid(self.mlp.forward(corners.flatten::<2>(1, 2), Activation::Relu));
        let [left_top, size] = [xywh.clone().narrow(1, 0, 2), xywh.narrow(1, 2, 2)];
        Tensor::cat(vec![left_top.clone(), left_top + size], 1)
    }
}

/// The dense map to a mask.
#[derive(Module, Debug)]
pub struct MaskClassifier {
    layers: Vec<Conv3x3>,
    final_conv: PointwiseConv,
    dropout: Dropout,
    scale_factor: usize,
}

impl MaskClassifier {
    fn init(in_features: usize, scale_factor: usize, device: &Device) -> Self {
        let hidden = in_features / 4;
        let conv = |from, to| Conv3x3Config::new(from, to).init(device);
        Self {
            layers: vec![conv(in_features, hidden), conv(hidden, hidden)],
            final_conv: PointwiseConvConfig::new(hidden, 1).init(device),
            dropout: DropoutConfig::new(MASK_DROPOUT).init(),
            scale_factor,
        }
    }

    /// `[structures, h, w, dim]` -> logits `[structures, scale_factor h, scale_factor w, 1]`.
    fn forward(&self, dense: Tensor<4>) -> Tensor<4> {
        let hidden = self.layers.iter().fold(dense, |x, layer| self.drop_channels(activation::relu(layer.forward(x))));
        let mask = self.final_conv.forward(hidden);
        let [_, height, width, _] = mask.dims();
        match self.scale_factor {
            1 => mask,
            factor => resize(mask, [height * factor, width * factor], Interpolation::Bilinear),
        }
    }

    /// While training, leaves whole channels of a structure's map out and scales the others up (`Dropout2d`).
    fn drop_channels(&self, x: Tensor<4>) -> Tensor<4> {
        if !x.is_autodiff() || !self.dropout.training.is_enabled() {
            return x;
        }
        let [structures, _, _, channels] = x.dims();
        let kept = self.dropout.forward(Tensor::ones([structures, 1, 1, channels], &x.device()));
        x * kept
    }
}

/// The predictor: one two-way attention block for each feature map it walks over.
#[derive(Module, Debug)]
pub struct PromptPredictor {
    box_regression_head: BoxRegressionHead,
    mask_classifier: MaskClassifier,
    channel_adapters: Vec<PointwiseConv>,
    layers: Vec<TwoWayAttentionBlock>,
    /// Of each map that it walks over, `[1, h w, dim]`.
    #[module(skip)]
    key_encodings: Once<Vec<Tensor<3>>>,
}

impl PromptPredictor {
    /// Makes the predictor that `config` names.
    pub fn init(config: &Sam2RadConfig, device: &Device) -> Self {
        let dim = config.image_encoder.prompt_embed_dim;
        let row = config.prompt_predictor;
        let is_linear = row.depth == 1;
        let widths = match row.high_res_channels {
            _ if is_linear => vec![],
            Some(channels) => vec![channels, channels],
            None => vec![dim / 4, dim / 8],
        };
        let block = TwoWayConfig::new(dim, config.image_encoder.transformer_mlp_dim);
        Self {
            box_regression_head: BoxRegressionHead { mlp: MlpConfig::new(2 * dim, dim, 4, 2).init(device) },
            mask_classifier: MaskClassifier::init(dim, row.mask_scale_factor, device),
            channel_adapters: widths.iter().map(|&width| PointwiseConvConfig::new(width, dim).init(device)).collect(),
            layers: (0..row.depth).map(|i| block.init_block(i == 0 && !is_linear, device)).collect(),
            key_encodings: Once::default(),
        }
    }

    /// Prompts `[structures, tokens, dim]` and a frame's features to predicted prompts.
    pub fn forward(
        &self,
        features: &ImageFeatures,
        prompts: Tensor<3>,
        prompt_encoder: &PromptEncoder,
    ) -> PredictedPrompts {
        self.predict(features, prompts, prompt_encoder, None)
    }

    /// As [`forward`](Self::forward), showing each scale to `look`, coarse to fine.
    pub fn forward_with_steps(
        &self,
        features: &ImageFeatures,
        prompts: Tensor<3>,
        prompt_encoder: &PromptEncoder,
        look: &mut dyn FnMut(PredictorStep),
    ) -> PredictedPrompts {
        self.predict(features, prompts, prompt_encoder, Some(look))
    }

    /// Structures do not know of each other: as many go at once as there is room for, and in training all.
    fn predict(
        &self,
        features: &ImageFeatures,
        prompts: Tensor<3>,
        prompt_encoder: &PromptEncoder,
        look: Option<&mut dyn FnMut(PredictorStep)>,
    ) -> PredictedPrompts {
        let structures = prompts.dims()[0];
        let places = features.high_res_features[0].dims()[1..3].iter().product::<usize>();
        let at_once = if prompts.is_autodiff() { structures } else { (PLACES_AT_ONCE / places).max(1) };
        let mut steps: Vec<Vec<PredictorStep>> = vec![Vec::new(); if look.is_some() { self.layers.len() } else { 0 }];
        let parts = prompts.split(at_once, 0).into_iter().map(|prompts| {
            let mut scales = steps.iter_mut();
            let mut keep = |step| {
                if let Some(scale) = scales.next() {
                    scale.push(step);
                }
            };
            self.predict_some(features, prompts, prompt_encoder, look.is_some().then_some(&mut keep))
        });
        let predicted = PredictedPrompts::join(parts.collect());
        if let Some(look) = look {
            steps.into_iter().for_each(|parts| look(PredictorStep::join(parts)));
        }
        predicted
    }

    fn predict_some(
        &self,
        features: &ImageFeatures,
        prompts: Tensor<3>,
        prompt_encoder: &PromptEncoder,
        look: Option<&mut dyn FnMut(PredictorStep)>,
    ) -> PredictedPrompts {
        let (queries, dense) = self.attend(features, prompts, prompt_encoder, look);
        let interim_mask = self.mask_classifier.forward(dense);
        let [_, tokens, _] = queries.dims();
        let boxes = self.box_regression_head.forward(queries.clone().narrow(1, 0, 2));
        let corners = prompt_encoder.embed_boxes(boxes.clone());
        PredictedPrompts {
            sparse: Tensor::cat(vec![corners, queries.narrow(1, 2, tokens - 2)], 1),
            dense: prompt_encoder.embed_masks(interim_mask.clone()),
            boxes,
            interim_mask,
        }
    }

    /// Walks over the maps, coarse to fine -> the last queries and the last dense map `[structures, h, w, dim]`.
    fn attend(
        &self,
        features: &ImageFeatures,
        prompts: Tensor<3>,
        prompt_encoder: &PromptEncoder,
        mut look: Option<&mut dyn FnMut(PredictorStep)>,
    ) -> (Tensor<3>, Tensor<4>) {
        let [structures, tokens, dim] = prompts.dims();
        let query_pe = position_encoding::sine_1d(tokens, dim, &prompts.device());
        let [finest, finer] = features.high_res_features.clone();
        let finer_maps = [finer, finest].into_iter().zip(&self.channel_adapters);
        let coarsest = features.image_embedding.clone();
        let mut maps = vec![coarsest];
        maps.extend(finer_maps.map(|(map, adapter)| adapter.forward(map)));
        let key_encodings = self.key_encodings.get(&prompts, || {
            let encoding = |map: &Tensor<4>| {
                let [_, height, width, _] = map.dims();
                let encoding = position_encoding::sine_2d(height, width, dim, &prompts.device());
                encoding.reshape([1, height * width, dim])
            };
            maps.iter().map(encoding).collect()
        });

        let mut queries = prompts;
        // The running dense map: "no mask" at the start; the `linear` predictor has none.
        let mut dense = (!self.channel_adapters.is_empty()).then(|| prompt_encoder.no_mask());
        for ((layer, map), key_pe) in self.layers.iter().zip(maps).zip(key_encodings) {
            let [_, height, width, _] = map.dims();
            let keys = match dense {
                Some(dense) => map + upsample_nearest_to(dense, height),
                None => map,
            };
            let keys = keys.expand([structures, height, width, dim]);
            let mut attention = None;
            let (next_queries, next_keys) = layer.forward_with_attention(
                queries,
                keys.reshape([structures, height * width, dim]),
                query_pe.clone(),
                key_pe,
                // The weights whole are work that nobody needs who does not look.
                &mut |cross, queries, keys| {
                    attention = look.is_some().then(|| cross.weights(queries.clone(), keys.clone()));
                },
            );
            if let (Some(look), Some(attention)) = (look.as_mut(), attention) {
                look(PredictorStep { queries: next_queries.clone(), keys: next_keys.clone(), attention });
            }
            queries = next_queries;
            dense = Some(next_keys.reshape([structures, height, width, dim]));
        }
        (queries, dense.expect("every predictor has at least one layer"))
    }
}

/// Nearest-neighbour resize of a square map to a multiple of its side.
fn upsample_nearest_to(map: Tensor<4>, height: usize) -> Tensor<4> {
    let factor = height / map.dims()[1];
    upsample_nearest(map, factor)
}
