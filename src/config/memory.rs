//! Every memory of a video's frames as a row of a table.

/// A row of the memory table: what the model remembers of a video's frames.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct MemoryConfig {
    /// The name in an [`Architecture`](super::Architecture).
    pub name: &'static str,
    /// Layers of memory attention.
    pub num_layers: usize,
    /// Channels of a memory's tokens.
    pub mem_dim: usize,
    /// Frames whose memories a frame looks at: the prompted ones (as one) and those just before it.
    pub num_maskmem: usize,
    /// Frames whose object pointers a frame looks at, beside the prompted ones.
    pub max_obj_ptrs: usize,
    /// Object pointers say how far back they are, with a sign and through a projection.
    pub obj_ptr_tpos_proj: bool,
    /// The memory of a frame without the structure says so.
    pub no_obj_embed_spatial: bool,
}

/// Memories: SAM 2's and SAM 2.1's (`sam2/configs/sam2/*.yaml`, `sam2/configs/sam2.1/*.yaml`, alike in every size).
pub const MEMORIES: [MemoryConfig; 2] = [
    MemoryConfig {
        name: "sam2_memory",
        num_layers: 4,
        mem_dim: 64,
        num_maskmem: 7,
        max_obj_ptrs: 16,
        obj_ptr_tpos_proj: false,
        no_obj_embed_spatial: false,
    },
    MemoryConfig {
        name: "sam2.1_memory",
        num_layers: 4,
        mem_dim: 64,
        num_maskmem: 7,
        max_obj_ptrs: 16,
        obj_ptr_tpos_proj: true,
        no_obj_embed_spatial: true,
    },
];
