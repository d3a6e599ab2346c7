//! Image features on disk, a file for each. Several trainings can share a folder.

use std::path::PathBuf;

use super::report::replace;
use crate::learner::FeatureStore;

/// A folder of features, made with the first of them.
pub(super) struct FeatureFolder {
    pub folder: PathBuf,
    /// How many there will be; `None` where none comes again, so that none is worth keeping.
    pub count: Option<usize>,
    /// The most that all of them may take.
    pub max_gb: f64,
}

impl FeatureFolder {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.safetensors"))
    }
}

impl FeatureStore for FeatureFolder {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.path(name)).ok()
    }

    fn write(&self, name: &str, bytes: Vec<u8>) -> std::io::Result<()> {
        let Some(count) = self.count else { return Ok(()) };
        let needed_gb = (bytes.len() * count) as f64 / 1e9;
        if needed_gb > self.max_gb {
            return Err(std::io::Error::other(format!(
                "all pictures in all variants take {needed_gb:.1} GB in {}, more than `features.max_gb` = {}; lower \
                 `features.variants` or the count of pictures, or raise it",
                self.folder.display(),
                self.max_gb
            )));
        }
        std::fs::create_dir_all(&self.folder)?;
        replace(&self.path(name), &bytes).map_err(std::io::Error::other)
    }
}
