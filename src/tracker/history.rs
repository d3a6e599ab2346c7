//! What is remembered of one structure, frame by frame, and what of it a frame looks at.

use burn::tensor::Tensor;
use std::collections::BTreeMap;

use crate::config::MemoryConfig;
use crate::memory::{FrameMemory, Memory};
use crate::memory_attention::MemoryBank;

/// Which way a video is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Later frames from earlier ones.
    #[default]
    Forward,
    /// Earlier frames from later ones.
    Backward,
}

impl Direction {
    /// The frame `distance` frames before `frame` on this way, if there is one.
    fn before(self, frame: usize, distance: usize) -> Option<usize> {
        match self {
            Self::Forward => frame.checked_sub(distance),
            Self::Backward => frame.checked_add(distance),
        }
    }

    /// How many frames `earlier` comes before `frame` on this way; `None` where it comes after it.
    fn distance(self, frame: usize, earlier: usize) -> Option<usize> {
        match self {
            Self::Forward => frame.checked_sub(earlier),
            Self::Backward => earlier.checked_sub(frame),
        }
    }
}

/// The memories of one structure.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Frames on which it was prompted before it was followed to them, in the order of the prompts.
    conditioning: Vec<(usize, FrameMemory)>,
    /// [`FrameMemory::features`] of frames on which it was followed.
    features: BTreeMap<usize, Tensor<4>>,
    /// [`FrameMemory::obj_ptr`] of these and of more, and which way they were followed.
    pointers: BTreeMap<usize, (Direction, Tensor<2>)>,
}

impl History {
    /// Whether the structure was prompted on a frame before this one on this way, and not on it.
    pub fn can_be_followed(&self, frame: usize, direction: Direction) -> bool {
        let is_before = |at: usize| direction.distance(frame, at).is_some_and(|distance| distance > 0);
        self.prompted().any(is_before) && self.prompted().all(|at| at != frame)
    }

    /// Frames on which the structure was prompted, in the order of the prompts.
    fn prompted(&self) -> impl Iterator<Item = usize> {
        self.conditioning.iter().map(|(frame, _)| *frame)
    }

    /// Which way the structure was followed to the frame, where it was and that is not forgotten.
    pub fn direction_at(&self, frame: usize) -> Option<Direction> {
        self.pointers.get(&frame).map(|(direction, _)| *direction)
    }

    /// Keeps the memory of a prompted frame.
    pub fn insert_conditioning(&mut self, frame: usize, memory: FrameMemory) {
        self.features.remove(&frame);
        self.pointers.remove(&frame);
        match self.conditioning.iter_mut().find(|(at, _)| *at == frame) {
            Some((_, known)) => *known = memory,
            None => self.conditioning.push((frame, memory)),
        }
    }

    /// Keeps the memory of a frame to which the structure was followed.
    pub fn insert_tracked(&mut self, frame: usize, direction: Direction, memory: FrameMemory) {
        self.features.insert(frame, memory.features);
        self.pointers.insert(frame, (direction, memory.obj_ptr));
    }

    /// Forgets what no frame next to `frame` or to a prompted one will look at: however long the video, a structure keeps the memories
    /// of a few frames about each of these.
    pub fn forget_far_from(&mut self, frame: usize, config: &MemoryConfig) {
        let centres: Vec<usize> = self.prompted().chain([frame]).collect();
        let is_near = |at: usize, reach: usize| centres.iter().any(|centre| centre.abs_diff(at) < reach);
        self.features.retain(|at, _| is_near(*at, config.num_maskmem));
        self.pointers.retain(|at, _| is_near(*at, config.max_obj_ptrs));
    }

    /// How many frames' memories are kept.
    pub fn memories(&self) -> usize {
        self.conditioning.len() + self.features.len()
    }

    /// What `frame` looks at on its way through a video of `num_frames` (`_prepare_memory_conditioned_features`): the memories of all
    /// prompted frames and of those just before it, and the pointers of the prompted frames before it and of more before it. Frames of
    /// which nothing is known are passed over.
    pub fn bank(
        &self,
        memory: &Memory,
        config: &MemoryConfig,
        frame: usize,
        direction: Direction,
        num_frames: Option<usize>,
    ) -> MemoryBank {
        // Prompted frames have the last row of the temporal encoding, whenever they were.
        let last_row = config.num_maskmem - 1;
        let mut memories: Vec<_> = self.conditioning.iter().map(|(_, memory)| (last_row, &memory.features)).collect();
        let features = |distance| self.features.get(&direction.before(frame, distance)?);
        memories.extend((1..=last_row).rev().filter_map(|distance| Some((distance - 1, features(distance)?))));

        let most = num_frames.map_or(config.max_obj_ptrs, |frames| frames.min(config.max_obj_ptrs));
        let unit = most.saturating_sub(1).max(1) as f64;
        let prompted = self.conditioning.iter();
        let prompted = prompted.filter_map(|(at, memory)| Some((direction.distance(frame, *at)?, &memory.obj_ptr)));
        let pointer = |distance| Some(&self.pointers.get(&direction.before(frame, distance)?)?.1);
        let before = (1..most).filter_map(|distance| Some((distance, pointer(distance)?)));
        let pointers: Vec<_> =
            prompted.chain(before).map(|(distance, pointer)| (distance as f64 / unit, pointer)).collect();
        memory.bank(&memories, &pointers)
    }
}
