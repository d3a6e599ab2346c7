//! What is segmented.

use serde::{Deserialize, Serialize};

/// A thing to segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Structure {
    /// Its name, as shown.
    pub name: String,
    /// Its colour, red, green, blue.
    pub color: [u8; 3],
}
