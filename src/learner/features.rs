//! Image features that are kept: where the encoder is frozen, each picture is looked at once in each of its augmented variants.
//!
//! What they are kept under is a checksum of all that they depend on (weights, picture, augmentation), so a store can be shared
//! between trainings and never holds what is out of date.

use burn::tensor::{Device, Tensor, TensorData};
use half::f16;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::augment::Augmentation;
use super::random::{Purpose, generator};
use super::{LearnError, TrainingPicture};
use crate::checkpoint::{TensorSource, collect};
use crate::model::{ImageFeatures, Sam2Rad};
use crate::preprocess::Normalization;

/// What features depend on besides their picture, by the names of weights.
const ENCODER: [&str; 3] = ["image_encoder.", "no_mem_embed", "mask_decoder.conv_s"];
/// The maps in a file.
const MAPS: [&str; 3] = ["image_embedding", "high_res_features.0", "high_res_features.1"];

/// Where features are kept, by name.
pub trait FeatureStore: Send {
    /// What was written under a name, if it is still there.
    fn read(&self, name: &str) -> Option<Vec<u8>>;
    /// Keeps bytes under a name, or lets them go where there is no room.
    ///
    /// # Errors
    /// What the operating system says.
    fn write(&self, name: &str, bytes: Vec<u8>) -> std::io::Result<()>;
}

/// Features in memory. Those for which there is no room are computed again each time.
pub struct MemoryStore {
    kept: Mutex<Kept>,
}

struct Kept {
    features: HashMap<String, Vec<u8>>,
    /// Bytes that may still be taken.
    room: usize,
}

impl MemoryStore {
    /// An empty store of `room` bytes.
    pub fn new(room: usize) -> Self {
        Self { kept: Mutex::new(Kept { features: HashMap::new(), room }) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FeatureStore for MemoryStore {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.kept().features.get(name).cloned()
    }

    fn write(&self, name: &str, bytes: Vec<u8>) -> std::io::Result<()> {
        let mut kept = self.kept();
        if let Some(room) = kept.room.checked_sub(bytes.len()) {
            kept.room = room;
            kept.features.insert(name.to_owned(), bytes);
        }
        Ok(())
    }
}

/// Features of augmented pictures, in half precision.
pub(super) struct FeatureCache {
    store: Box<dyn FeatureStore>,
    /// The network, without gradients.
    model: Sam2Rad,
    normalization: Normalization,
    augmentation: Augmentation,
    seed: u64,
    /// Of weights, normalisation, augmentation and seed.
    checksum: Sha256,
}

impl FeatureCache {
    pub fn new(
        store: Box<dyn FeatureStore>,
        model: Sam2Rad,
        normalization: Normalization,
        augmentation: &Augmentation,
        seed: u64,
    ) -> Self {
        let weights = collect(&model);
        let mut checksum = Sha256::new();
        for name in weights.shapes().keys().filter(|name| ENCODER.iter().any(|part| name.starts_with(part))) {
            checksum.update(name);
            weights.get(name).into_iter().flatten().for_each(|value| checksum.update(value.to_le_bytes()));
        }
        checksum.update(format!("{normalization:?} {augmentation:?} {seed}"));
        Self { store, model, normalization, augmentation: augmentation.clone(), seed, checksum }
    }

    /// Variant `variant` of a picture with its features.
    pub fn get(
        &self,
        picture: &TrainingPicture,
        variant: u64,
        device: &Device,
    ) -> Result<(TrainingPicture, ImageFeatures), LearnError> {
        let picture = self.augmentation.apply(picture, &mut generator(self.seed, Purpose::Variant, variant));
        let mut checksum = self.checksum.clone();
        checksum.update(format!("{} {}", picture.rows(), picture.columns()));
        checksum.update(picture.rgb());
        let name: String = checksum.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        // What cannot be used is made again.
        let known = self.store.read(&name).and_then(|bytes| decode(&bytes, device));
        if let Some(features) = known {
            return Ok((picture, features));
        }
        let features = self.model.encode_image(picture.image(&self.normalization, device));
        let bytes = encode(&features);
        // What is kept, rounded as it will be next time.
        let features = decode(&bytes, device).unwrap_or(features);
        self.store.write(&name, bytes)?;
        Ok((picture, features))
    }
}

fn maps(features: &ImageFeatures) -> [Tensor<4>; 3] {
    let [finest, finer] = features.high_res_features.clone();
    [features.image_embedding.clone(), finest, finer]
}

fn encode(features: &ImageFeatures) -> Vec<u8> {
    let halves = maps(features).map(|map| {
        let shape = map.dims().to_vec();
        let bytes: Vec<u8> =
            map.into_data().iter::<f32>().flat_map(|value| f16::from_f32(value).to_le_bytes()).collect();
        (shape, bytes)
    });
    let views = MAPS.iter().zip(&halves).map(|(name, (shape, bytes))| {
        (*name, TensorView::new(Dtype::F16, shape.clone(), bytes).expect("as many bytes as the shape says"))
    });
    safetensors::serialize(views, None).expect("three small tensors can be written")
}

/// `None` where the bytes are not a whole file.
fn decode(bytes: &[u8], device: &Device) -> Option<ImageFeatures> {
    let file = SafeTensors::deserialize(bytes).ok()?;
    let map = |name: &str| {
        let view = file.tensor(name).ok()?;
        let shape: [usize; 4] = view.shape().try_into().ok()?;
        let halves = view.data().as_chunks().0.iter();
        let values: Vec<f32> = halves.map(|half| f16::from_le_bytes(*half).to_f32()).collect();
        Some(Tensor::<4>::from_data(TensorData::new(values, shape), device))
    };
    let [embedding, finest, finer] = MAPS;
    Some(ImageFeatures { image_embedding: map(embedding)?, high_res_features: [map(finest)?, map(finer)?] })
}
