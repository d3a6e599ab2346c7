//! What SAM 2 remembers of a video (`sam2/modeling/sam2_base.py`): of each frame a memory of the mask and a pointer to the structure, and
//! how a later frame looks at them.

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation};

use crate::config::{MemoryConfig, Sam2RadConfig};
use crate::memory_attention::{MemoryAttention, MemoryBank};
use crate::memory_encoder::MemoryEncoder;
use crate::nn::position_encoding::{sine_2d, sine_of_distances};
use crate::nn::{Activation, Mlp, MlpConfig, PatchConv, PatchConvConfig, linear, small_normal};

/// Mask probabilities become `20 p - 10` before they are encoded.
const MASK_SCALE: f64 = 20.0;
const MASK_BIAS: f64 = -10.0;
/// Layers of the projection of object pointers.
const POINTER_LAYERS: usize = 3;
/// Sides of a mask prompt's pixels that become one.
const MASK_PROMPT_STRIDE: usize = 4;

/// What is kept of a frame.
#[derive(Debug, Clone)]
pub struct FrameMemory {
    /// Where the structure was and how it looked, `[1, h, w, mem_dim]`.
    pub features: Tensor<4>,
    /// The structure, `[1, dim]`.
    pub obj_ptr: Tensor<2>,
}

/// The memory's weights. Field names are the checkpoint's.
#[derive(Module, Debug)]
pub struct Memory {
    memory_attention: MemoryAttention,
    memory_encoder: MemoryEncoder,
    /// How long ago a memory is from, the longest first and prompted frames last: `[num_maskmem, 1, 1, mem_dim]`.
    maskmem_tpos_enc: Param<Tensor<4>>,
    /// The pointer where there is no structure, `[1, dim]`.
    no_obj_ptr: Param<Tensor<2>>,
    /// SAM 2.1: added to the memory where there is no structure, `[1, mem_dim]`.
    no_obj_embed_spatial: Option<Param<Tensor<2>>>,
    /// From a mask at the image's size to a mask prompt.
    mask_downsample: PatchConv,
    obj_ptr_proj: Mlp,
    /// SAM 2.1: from the encoded distance of a pointer.
    obj_ptr_tpos_proj: Option<Linear>,
}

impl Memory {
    /// Makes the parts that `memory` has in the network of `config`.
    pub fn init(config: &Sam2RadConfig, memory: &MemoryConfig, device: &Device) -> Self {
        let (dim, mem_dim) = (config.image_encoder.prompt_embed_dim, memory.mem_dim);
        let tpos_proj = || LinearConfig::new(dim, mem_dim).init(device);
        Self {
            memory_attention: MemoryAttention::init(config, memory, device),
            memory_encoder: MemoryEncoder::init(config, memory, device),
            maskmem_tpos_enc: small_normal().init([memory.num_maskmem, 1, 1, mem_dim], device),
            no_obj_ptr: small_normal().init([1, dim], device),
            no_obj_embed_spatial: memory.no_obj_embed_spatial.then(|| small_normal().init([1, mem_dim], device)),
            mask_downsample: PatchConvConfig::new(1, 1, MASK_PROMPT_STRIDE).init(device),
            obj_ptr_proj: MlpConfig::new(dim, dim, dim, POINTER_LAYERS).init(device),
            obj_ptr_tpos_proj: memory.obj_ptr_tpos_proj.then(tpos_proj),
        }
    }

    /// A mask as the memory encoder takes it, from logits of any shape: `-10..10`, or one of the two where it is `binarized`.
    pub fn mask_for_memory(&self, logits: Tensor<4>, binarized: bool) -> Tensor<4> {
        let probabilities = if binarized {
            let zeros = logits.zeros_like();
            zeros.clone().mask_fill(logits.greater(zeros), 1.0)
        } else {
            activation::sigmoid(logits)
        };
        probabilities * MASK_SCALE + MASK_BIAS
    }

    /// The memory `[1, h, w, mem_dim]` of a frame, from its image embedding `[1, h, w, dim]`, as the image encoder gives it, and a mask
    /// of [`mask_for_memory`](Self::mask_for_memory) `[1, image_size, image_size, 1]`.
    pub fn encode(&self, image_embedding: Tensor<4>, mask: Tensor<4>) -> Tensor<4> {
        self.memory_encoder.forward(image_embedding, mask)
    }

    /// The memory of a frame where the structure is `present` (1, `[1, 1]`), and one that says so where it is not (0).
    pub fn or_no_object(&self, features: Tensor<4>, present: Tensor<2>) -> Tensor<4> {
        match &self.no_obj_embed_spatial {
            Some(embedding) => features + ((present.neg() + 1.0) * embedding.val()).unsqueeze(),
            None => features,
        }
    }

    /// The pointer `[1, dim]` to the structure, from the mask token's output `[1, dim]`.
    pub fn point(&self, mask_token: Tensor<2>, present: Tensor<2>) -> Tensor<2> {
        self.or_no_pointer(self.obj_ptr_proj.forward(mask_token, Activation::Relu), present)
    }

    /// The pointer where the structure is `present` (1), else the one that says it is not there.
    pub fn or_no_pointer(&self, pointer: Tensor<2>, present: Tensor<2>) -> Tensor<2> {
        present.clone() * pointer + (present.neg() + 1.0) * self.no_obj_ptr.val()
    }

    /// A mask of zeros and ones `[1, image_size, image_size, 1]` to the logits of a mask prompt `[1, image_size / 4, .., 1]`.
    pub fn mask_prompt(&self, mask: Tensor<4>) -> Tensor<4> {
        self.mask_downsample.forward(mask)
    }

    /// Puts together what a frame looks at: memories with their row of the temporal encoding, and pointers with their distance.
    pub fn bank(&self, memories: &[(usize, &Tensor<4>)], pointers: &[(f64, &Tensor<2>)]) -> MemoryBank {
        let tpos = self.maskmem_tpos_enc.val();
        let device = tpos.device();
        let mem_dim = tpos.dims()[3];
        let flat = |x: Tensor<4>| {
            let [_, height, width, _] = x.dims();
            x.reshape([1, height * width, mem_dim])
        };
        let (mut memory, mut memory_pos) = (Vec::new(), Vec::new());
        for &(row, features) in memories {
            let [_, height, width, _] = features.dims();
            let position = sine_2d(height, width, mem_dim, &device) + tpos.clone().narrow(0, row, 1);
            memory.push(flat(features.clone()));
            memory_pos.push(flat(position));
        }
        let mut num_obj_ptr_tokens = 0;
        if !pointers.is_empty() {
            let all = Tensor::cat(pointers.iter().map(|(_, pointer)| (*pointer).clone()).collect(), 0);
            let [n, dim] = all.dims();
            // A pointer is wider than a token: it is cut into several.
            let pieces = dim / mem_dim;
            num_obj_ptr_tokens = n * pieces;
            memory.push(all.reshape([1, num_obj_ptr_tokens, mem_dim]));
            memory_pos.push(match &self.obj_ptr_tpos_proj {
                Some(projection) => {
                    let distances: Vec<f64> = pointers.iter().map(|(distance, _)| *distance).collect();
                    let encoded = linear(projection, sine_of_distances(&distances, dim, &device));
                    encoded.reshape([n, 1, mem_dim]).expand([n, pieces, mem_dim]).reshape([1, n * pieces, mem_dim])
                }
                None => Tensor::zeros([1, num_obj_ptr_tokens, mem_dim], &device),
            });
        }
        MemoryBank { memory: Tensor::cat(memory, 1), memory_pos: Tensor::cat(memory_pos, 1), num_obj_ptr_tokens }
    }

    /// The image embedding of a frame, as the image encoder gives it, with what is remembered of others; the same shape.
    pub fn attend(&self, image_embedding: Tensor<4>, bank: &MemoryBank) -> Tensor<4> {
        self.memory_attention.forward(image_embedding, bank)
    }
}
