//! SAM 2's memory attention (`sam2/modeling/memory_attention.py`): a frame's image embedding looks at what is remembered of other
//! frames. Its attention turns queries and keys by their place (RoPE, `sam/transformer.py`).

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};

use crate::config::{MemoryConfig, Sam2RadConfig};
use crate::nn::position_encoding::sine_2d;
use crate::nn::{Activation, LayerNorm, LayerNormConfig, attention, linear};

/// How slowly the slowest angle turns.
const ROPE_THETA: f64 = 10_000.0;
/// How much of the position encoding is added to the image embedding.
const INPUT_POSITION: f64 = 0.1;

/// What a frame looks at: tokens of memories, frame after frame, then those of object pointers.
#[derive(Debug, Clone)]
pub struct MemoryBank {
    /// `[1, n, mem_dim]`.
    pub memory: Tensor<3>,
    /// Where and when each token is from, `[1, n, mem_dim]`.
    pub memory_pos: Tensor<3>,
    /// How many of them, at the end, are of object pointers: these have no place on a frame.
    pub num_obj_ptr_tokens: usize,
}

/// The angles of an image embedding's places: the first half of a token's pairs turn with its column, the second with its row.
#[derive(Debug, Clone)]
struct Rope {
    /// `[1, h w, dim / 2, 1]`.
    cos: Tensor<4>,
    sin: Tensor<4>,
}

impl Rope {
    /// For `side` x `side` places and tokens of `dim` channels.
    fn new(side: usize, dim: usize, device: &Device) -> Self {
        let quarter = dim / 4;
        let frequency = |i: usize| ROPE_THETA.powf(-((4 * i) as f64) / dim as f64);
        let angles = (0..side * side).flat_map(|place| {
            let (column, row) = ((place % side) as f64, (place / side) as f64);
            [column, row].into_iter().flat_map(move |at| (0..quarter).map(move |i| at * frequency(i)))
        });
        let angles: Vec<f64> = angles.collect();
        let table = |of: fn(f64) -> f64| {
            let values: Vec<f32> = angles.iter().map(|angle| of(*angle) as f32).collect();
            Tensor::from_data(TensorData::new(values, [1, side * side, 2 * quarter, 1]), device)
        };
        Self { cos: table(f64::cos), sin: table(f64::sin) }
    }

    /// Turns each pair of channels of `[1, n, dim]`, where `n` is that of the places or several times as many.
    fn turn(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, tokens, dim] = x.dims();
        let places = self.cos.dims()[1];
        // Frames take the place of the batch, so that the table is spread over them.
        let x = x.reshape([batch * tokens / places, places, dim / 2, 2]);
        let (real, imaginary) = (x.clone().narrow(3, 0, 1), x.narrow(3, 1, 1));
        let turned = vec![
            real.clone() * self.cos.clone() - imaginary.clone() * self.sin.clone(),
            real * self.sin.clone() + imaginary * self.cos.clone(),
        ];
        Tensor::cat(turned, 3).reshape([batch, tokens, dim])
    }
}

/// Attention of one head whose queries and keys are turned by their place.
#[derive(Module, Debug)]
pub struct RopeAttention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
}

impl RopeAttention {
    fn init(dim: usize, kv_dim: usize, device: &Device) -> Self {
        let projection = |from| LinearConfig::new(from, dim).init(device);
        Self {
            q_proj: projection(dim),
            k_proj: projection(kv_dim),
            v_proj: projection(kv_dim),
            out_proj: projection(dim),
        }
    }

    /// Queries `[1, h w, dim]`, keys and values `[1, m, kv_dim]`, of which the last `unturned` keys have no place.
    fn forward(&self, q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, rope: &Rope, unturned: usize) -> Tensor<3> {
        let (q, k, v) = (linear(&self.q_proj, q), linear(&self.k_proj, k), linear(&self.v_proj, v));
        let turned = k.dims()[1] - unturned;
        let mut keys = vec![rope.turn(k.clone().narrow(1, 0, turned))];
        if unturned > 0 {
            keys.push(k.narrow(1, turned, unturned));
        }
        linear(&self.out_proj, attention(rope.turn(q), Tensor::cat(keys, 1), v, 1, None, None))
    }
}

/// The frame looks at itself, then at the memories, then an MLP.
#[derive(Module, Debug)]
pub struct MemoryAttentionLayer {
    self_attn: RopeAttention,
    cross_attn_image: RopeAttention,
    linear1: Linear,
    linear2: Linear,
    norm1: LayerNorm,
    norm2: LayerNorm,
    norm3: LayerNorm,
}

impl MemoryAttentionLayer {
    fn init(dim: usize, mem_dim: usize, mlp_dim: usize, device: &Device) -> Self {
        let norm = || LayerNormConfig::new(dim).init(device);
        Self {
            self_attn: RopeAttention::init(dim, dim, device),
            cross_attn_image: RopeAttention::init(dim, mem_dim, device),
            linear1: LinearConfig::new(dim, mlp_dim).init(device),
            linear2: LinearConfig::new(mlp_dim, dim).init(device),
            norm1: norm(),
            norm2: norm(),
            norm3: norm(),
        }
    }

    /// `[1, h w, dim]` and the bank, with the keys made of it -> the same shape.
    fn forward(&self, x: Tensor<3>, bank: &MemoryBank, keys: Tensor<3>, rope: &Rope) -> Tensor<3> {
        let y = self.norm1.forward(x.clone());
        let x = x + self.self_attn.forward(y.clone(), y.clone(), y, rope, 0);
        let y = self.norm2.forward(x.clone());
        let x = x + self.cross_attn_image.forward(y, keys, bank.memory.clone(), rope, bank.num_obj_ptr_tokens);
        let y = Activation::Relu.forward(linear(&self.linear1, self.norm3.forward(x.clone())));
        x + linear(&self.linear2, y)
    }
}

/// The layers and a last norm.
#[derive(Module, Debug)]
pub struct MemoryAttention {
    layers: Vec<MemoryAttentionLayer>,
    norm: LayerNorm,
}

impl MemoryAttention {
    /// Makes the layers that `memory` has in the network of `config`.
    pub fn init(config: &Sam2RadConfig, memory: &MemoryConfig, device: &Device) -> Self {
        let (dim, mlp_dim) = (config.image_encoder.prompt_embed_dim, config.image_encoder.transformer_mlp_dim);
        let layer = |_| MemoryAttentionLayer::init(dim, memory.mem_dim, mlp_dim, device);
        Self { layers: (0..memory.num_layers).map(layer).collect(), norm: LayerNormConfig::new(dim).init(device) }
    }

    /// The image embedding `[1, h, w, dim]` of a frame, as the encoder gives it, -> the same shape, with what is remembered.
    pub fn forward(&self, image_embedding: Tensor<4>, bank: &MemoryBank) -> Tensor<4> {
        let [_, height, width, dim] = image_embedding.dims();
        let device = image_embedding.device();
        let rope = Rope::new(height, dim, &device);
        let x = image_embedding + sine_2d(height, width, dim, &device) * INPUT_POSITION;
        let keys = bank.memory.clone() + bank.memory_pos.clone();
        let x = x.reshape([1, height * width, dim]);
        let x = self.layers.iter().fold(x, |x, layer| layer.forward(x, bank, keys.clone(), &rope));
        self.norm.forward(x).reshape([1, height, width, dim])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Distribution, Tolerance};

    #[test]
    fn turning_leaves_the_first_place_and_every_length_as_they_are() {
        let device = Device::flex();
        let x = Tensor::<3>::random([1, 2 * 9, 16], Distribution::Default, &device);
        let turned = Rope::new(3, 16, &device).turn(x.clone());
        let first = |x: &Tensor<3>, place| x.clone().narrow(1, place, 1).into_data();
        first(&turned, 0).assert_approx_eq::<f32>(&first(&x, 0), Tolerance::absolute(1e-6));
        first(&turned, 9).assert_approx_eq::<f32>(&first(&x, 9), Tolerance::absolute(1e-6));
        let lengths = |x: Tensor<3>| x.powf_scalar(2.0).sum_dim(2).into_data();
        lengths(turned.clone()).assert_approx_eq::<f32>(&lengths(x.clone()), Tolerance::rel_abs(1e-5, 1e-5));
        assert_ne!(first(&turned, 1), first(&x, 1));
    }

    #[test]
    fn two_turned_tokens_agree_by_the_difference_of_their_places_alone() {
        let device = Device::flex();
        let token = |seed: f64| -> Tensor<3> {
            Tensor::<3>::random([1, 1, 16], Distribution::Uniform(-seed, seed), &device).expand([1, 25, 16])
        };
        let (q, k) = (token(1.0), token(2.0));
        let rope = Rope::new(5, 16, &device);
        let products = rope.turn(q).matmul(rope.turn(k).swap_dims(1, 2)).into_data().try_into_vec::<f32>().unwrap();
        let product = |from: usize, to: usize| products[from * 25 + to];
        // One column and two rows on, from two places.
        assert!((product(0, 11) - product(7, 18)).abs() < 1e-5);
    }
}
