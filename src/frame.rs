//! An 8-bit picture, as a probe, a file or a canvas delivers it.

/// Longest side of a frame, in pixels. Beyond it, a size is a damaged header sooner than a picture.
pub const MAX_SIDE: usize = 16_384;

/// Most pixels in a frame (a 64-megapixel picture is 192 MB as RGB).
pub const MAX_PIXELS: usize = 1 << 26;

/// Why bytes are not a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A side of no pixels.
    #[error("the picture is empty ({width} x {height} pixels)")]
    Empty {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// More pixels than this crate takes.
    #[error(
        "the picture has {width} x {height} pixels; at most {MAX_SIDE} a side and {MAX_PIXELS} in all are taken, so make it smaller"
    )]
    TooLarge {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The bytes are not as many as the size asks for.
    #[error(
        "{width} x {height} pixels of {channels} channels are {expected} bytes, not {found}; check the size and the pixel format"
    )]
    SizeMismatch {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Bytes of a pixel.
        channels: usize,
        /// Bytes that the size asks for.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
}

/// A picture of 8-bit RGB, `[height, width, 3]`, at least one pixel large.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Frame {
    /// Takes `[height, width, 3]` bytes as they are.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn from_rgb(width: usize, height: usize, rgb: Vec<u8>) -> Result<Self, FrameError> {
        check(width, height, 3, rgb.len())?;
        Ok(Self { width, height, rgb })
    }

    /// Takes `[height, width, 4]` bytes, a canvas's `ImageData`. Alpha is left out: it is not blended with anything.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn from_rgba(width: usize, height: usize, rgba: &[u8]) -> Result<Self, FrameError> {
        check(width, height, 4, rgba.len())?;
        let rgb = rgba.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
        Ok(Self { width, height, rgb })
    }

    /// Takes `[height, width]` bytes.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn from_grey(width: usize, height: usize, grey: &[u8]) -> Result<Self, FrameError> {
        check(width, height, 1, grey.len())?;
        Ok(Self { width, height, rgb: grey.iter().flat_map(|&v| [v; 3]).collect() })
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels, `[height, width, 3]`.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The pixels, to be painted on.
    pub fn rgb_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    /// One row of pixels, `[width, 3]`.
    pub fn row(&self, y: usize) -> &[u8] {
        &self.rgb[y * self.width * 3..][..self.width * 3]
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({} x {})", self.width, self.height)
    }
}

/// Checks a size on its own, before anything is allocated for it.
///
/// # Errors
/// [`FrameError::Empty`] and [`FrameError::TooLarge`].
pub fn check_size(width: usize, height: usize) -> Result<(), FrameError> {
    if width == 0 || height == 0 {
        return Err(FrameError::Empty { width, height });
    }
    // The sides are bounded first, so that the product cannot overflow 32 bits.
    if width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS {
        return Err(FrameError::TooLarge { width, height });
    }
    Ok(())
}

fn check(width: usize, height: usize, channels: usize, found: usize) -> Result<(), FrameError> {
    check_size(width, height)?;
    let expected = width * height * channels;
    if expected == found { Ok(()) } else { Err(FrameError::SizeMismatch { width, height, channels, expected, found }) }
}

/// A picture and what is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledPicture {
    /// The picture's file name; of a frame of a DICOM file with several, `FILE/NUMBER`, counted from 1.
    pub name: String,
    /// The picture.
    pub frame: Frame,
    /// `[height, width]`: 0 for the background, `i + 1` for structure `i`.
    pub class_ids: Vec<u8>,
    /// Millimetres a pixel, in both directions, where they are known.
    pub pixel_spacing_mm: Option<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_and_rgba_become_rgb() {
        assert_eq!(Frame::from_grey(2, 1, &[7, 9]).unwrap().rgb(), [7, 7, 7, 9, 9, 9]);
        assert_eq!(Frame::from_rgba(1, 2, &[1, 2, 3, 0, 4, 5, 6, 255]).unwrap().rgb(), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn an_empty_picture_is_refused() {
        assert_eq!(Frame::from_grey(0, 4, &[]), Err(FrameError::Empty { width: 0, height: 4 }));
    }

    #[test]
    fn bytes_that_do_not_fit_the_size_are_refused_with_both_numbers() {
        let error = Frame::from_rgb(2, 2, vec![0; 4]).unwrap_err().to_string();
        assert!(error.contains("12 bytes, not 4"), "{error}");
    }

    #[test]
    fn a_size_that_would_overflow_is_refused_before_it_is_multiplied() {
        assert!(matches!(Frame::from_grey(usize::MAX, usize::MAX, &[]), Err(FrameError::TooLarge { .. })));
        assert!(matches!(Frame::from_grey(MAX_SIDE, MAX_SIDE, &[]), Err(FrameError::TooLarge { .. })));
    }
}
