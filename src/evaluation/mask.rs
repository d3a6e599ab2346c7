//! One structure's pixels.

use crate::postprocess::{Extent, PixelBox};

/// Which pixels of a picture are a structure's, `[height, width]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    width: usize,
    pixels: Vec<bool>,
}

impl Mask {
    /// Takes pixels as they are, rows of `width`.
    ///
    /// # Panics
    /// Where they do not fill whole rows.
    pub fn new(width: usize, pixels: Vec<bool>) -> Self {
        assert!(width > 0 && pixels.len().is_multiple_of(width), "a mask has whole rows");
        Self { width, pixels }
    }

    /// The pixels of one class id.
    ///
    /// # Panics
    /// As [`Mask::new`].
    pub fn of_class(width: usize, class_ids: &[u8], class_id: u8) -> Self {
        Self::new(width, class_ids.iter().map(|&id| id == class_id).collect())
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// `[height, width]`.
    pub fn pixels(&self) -> &[bool] {
        &self.pixels
    }

    /// Pixels in the mask and the smallest box around them.
    pub fn extent(&self) -> Extent {
        let mut extent = Extent::default();
        let rows = self.pixels.chunks_exact(self.width).enumerate();
        rows.for_each(|(y, row)| extent.add_row(y, 0, row, true));
        extent
    }

    /// The part inside `bounds` with one pixel of background around it.
    pub(super) fn cropped(&self, bounds: PixelBox) -> Self {
        let (width, height) = (bounds.right - bounds.left + 2, bounds.bottom - bounds.top + 2);
        let mut pixels = vec![false; width * height];
        for (y, row) in pixels.chunks_exact_mut(width).enumerate().skip(1).take(height - 2) {
            let from = (bounds.top + y - 1) * self.width;
            row[1..width - 1].copy_from_slice(&self.pixels[from + bounds.left..from + bounds.right]);
        }
        Self { width, pixels }
    }
}
