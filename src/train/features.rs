//! Image features on disk, a file for each. Several trainings can share a folder.

use std::path::PathBuf;

use super::report::replace;
use crate::learner::FeatureStore;

/// A folder of features, made with the first of them.
pub(super) struct FeatureFolder(pub PathBuf);

impl FeatureFolder {
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.safetensors"))
    }
}

impl FeatureStore for FeatureFolder {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.path(name)).ok()
    }

    fn write(&self, name: &str, bytes: Vec<u8>) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.0)?;
        replace(&self.path(name), &bytes).map_err(std::io::Error::other)
    }
}
