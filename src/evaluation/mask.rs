//! One structure's pixels.

use image::{GrayImage, Luma};

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

    /// The part inside `bounds` with one pixel of background around it, as a picture of 0 and 255.
    pub(super) fn cropped(&self, bounds: PixelBox) -> GrayImage {
        let (width, height) = (bounds.right - bounds.left, bounds.bottom - bounds.top);
        let mut image = GrayImage::new(width as u32 + 2, height as u32 + 2);
        for y in 0..height {
            for x in 0..width {
                if self.pixels[(bounds.top + y) * self.width + bounds.left + x] {
                    image.put_pixel(x as u32 + 1, y as u32 + 1, Luma([255]));
                }
            }
        }
        image
    }
}
