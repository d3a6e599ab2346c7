//! The image encoders: four families, and a row of numbers for each network of them.

use super::ConfigError;

/// Trunk of SAM 2: Hiera (`sam2/modeling/backbones/hieradet.py`) with its FPN neck.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HieraConfig {
    /// Channels of the first stage; doubled at each stage.
    pub embed_dim: usize,
    /// Attention heads of the first stage; doubled at each stage.
    pub num_heads: usize,
    /// Blocks in each of the four stages.
    pub stages: [usize; 4],
    /// Indices of the blocks that attend over the whole image.
    pub global_att_blocks: Vec<usize>,
    /// Side of the coarse position table, resized bicubically to the token grid.
    pub window_pos_embed_bkg_spatial_size: usize,
    /// Window side in each stage.
    pub window_spec: [usize; 4],
}

impl HieraConfig {
    /// Number of blocks.
    pub fn depth(&self) -> usize {
        self.stages.iter().sum()
    }
}

/// SAM's plain ViT (`segment_anything/modeling/image_encoder.py`).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct VitConfig {
    /// Channels of the tokens.
    pub embed_dim: usize,
    /// Number of blocks.
    pub depth: usize,
    /// Attention heads.
    pub num_heads: usize,
    /// Indices of the blocks that attend over the whole image.
    pub global_attn_indexes: [usize; 4],
}

/// MobileSAM's TinyViT (`tiny_vit_sam.py`).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TinyVitConfig {
    /// Channels of each of the four layers.
    pub embed_dims: [usize; 4],
    /// Blocks in each layer.
    pub depths: [usize; 4],
    /// Attention heads in each layer (the first is convolutional).
    pub num_heads: [usize; 4],
    /// Window side in each layer.
    pub window_sizes: [usize; 4],
}

/// Our own convolutional network: stages from half to a thirty-second of the image side.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ConvNetConfig {
    /// Channels of each stage.
    pub widths: [usize; 5],
    /// Blocks of each stage.
    pub depths: [usize; 5],
}

/// The families of image encoders.
#[derive(Debug, Clone, PartialEq)]
pub enum Backbone {
    /// SAM 2.
    Hiera(HieraConfig),
    /// SAM.
    Vit(VitConfig),
    /// MobileSAM.
    TinyVit(TinyVitConfig),
    /// Our own.
    ConvNet(ConvNetConfig),
}

impl Backbone {
    /// Whether its finer maps are a pyramid that the mask decoder adds, as SAM 2's are.
    pub fn is_pyramid(&self) -> bool {
        matches!(self, Self::Hiera(_) | Self::ConvNet(_))
    }
}

/// An image encoder: a backbone and whether adapters stand in front of its blocks.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ImageEncoderConfig {
    /// The network.
    pub backbone: Backbone,
    /// Channels of the image embedding, the prompts and the decoder: 256, and 128 in `micro` and `micro_conv`.
    pub prompt_embed_dim: usize,
    /// Hidden width of every two-way transformer MLP: 2048, and 512 in `micro` and `micro_conv`.
    pub transformer_mlp_dim: usize,
    /// Adapters in front of the blocks.
    pub adapter: bool,
}

/// Names of all image encoders, without the `_adapter` that each also takes.
pub const IMAGE_ENCODERS: [&str; 11] = [
    "sam2_tiny_hiera",
    "sam2_small_hiera",
    "sam2_base+_hiera",
    "sam2_large_hiera",
    "sam_vit_b",
    "sam_vit_l",
    "sam_vit_h",
    "vit_tiny",
    "nano",
    "micro",
    "micro_conv",
];

fn backbone(name: &str) -> Option<Backbone> {
    let hiera = |embed_dim, num_heads, stages, global_att_blocks: [usize; 3], background, window_spec| {
        Backbone::Hiera(HieraConfig {
            embed_dim,
            num_heads,
            stages,
            global_att_blocks: global_att_blocks.to_vec(),
            window_pos_embed_bkg_spatial_size: background,
            window_spec,
        })
    };
    let vit = |embed_dim, depth, num_heads, global_attn_indexes| {
        Backbone::Vit(VitConfig { embed_dim, depth, num_heads, global_attn_indexes })
    };
    Some(match name {
        "sam2_tiny_hiera" => hiera(96, 1, [1, 2, 7, 2], [5, 7, 9], 7, [8, 4, 14, 7]),
        "sam2_small_hiera" => hiera(96, 1, [1, 2, 11, 2], [7, 10, 13], 7, [8, 4, 14, 7]),
        "sam2_base+_hiera" => hiera(112, 2, [2, 3, 16, 3], [12, 16, 20], 14, [8, 4, 14, 7]),
        "sam2_large_hiera" => hiera(144, 2, [2, 6, 36, 4], [23, 33, 43], 7, [8, 4, 16, 8]),
        "sam_vit_b" => vit(768, 12, 12, [2, 5, 8, 11]),
        "sam_vit_l" => vit(1024, 24, 16, [5, 11, 17, 23]),
        "sam_vit_h" => vit(1280, 32, 16, [7, 15, 23, 31]),
        "vit_tiny" => Backbone::TinyVit(TinyVitConfig {
            embed_dims: [64, 128, 160, 320],
            depths: [2, 2, 6, 2],
            num_heads: [2, 4, 5, 10],
            window_sizes: [7, 7, 14, 7],
        }),
        "nano" | "micro" => Backbone::Hiera(HieraConfig {
            embed_dim: 32,
            num_heads: 1,
            stages: [1, 1, 2, 1],
            global_att_blocks: vec![3],
            window_pos_embed_bkg_spatial_size: 7,
            window_spec: [8, 4, 14, 7],
        }),
        "micro_conv" => Backbone::ConvNet(ConvNetConfig { widths: [16, 32, 64, 128, 192], depths: [1, 1, 1, 2, 1] }),
        _ => return None,
    })
}

impl ImageEncoderConfig {
    /// Looks up a name of [`IMAGE_ENCODERS`], with or without `_adapter`.
    ///
    /// # Errors
    /// [`ConfigError::UnknownName`].
    pub fn by_name(name: &str) -> Result<Self, ConfigError> {
        let plain = name.strip_suffix("_adapter");
        let backbone = backbone(plain.unwrap_or(name)).ok_or_else(|| ConfigError::UnknownName {
            kind: "image encoder",
            name: name.into(),
            known: format!("{} (each also with `_adapter`)", IMAGE_ENCODERS.join(", ")),
        })?;
        let micro = plain.unwrap_or(name).starts_with("micro");
        Ok(Self {
            backbone,
            prompt_embed_dim: if micro { 128 } else { 256 },
            transformer_mlp_dim: if micro { 512 } else { 2048 },
            adapter: plain.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoder_is_known_with_and_without_adapters() {
        for name in IMAGE_ENCODERS {
            assert!(!ImageEncoderConfig::by_name(name).unwrap().adapter);
            assert!(ImageEncoderConfig::by_name(&format!("{name}_adapter")).unwrap().adapter);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = ImageEncoderConfig::by_name("resnet").unwrap_err().to_string();
        assert!(error.contains("resnet") && error.contains("sam2_tiny_hiera"), "{error}");
    }
}
