//! Pictures and maps of class ids from and to files.

use image::{DynamicImage, ImageFormat, ImageReader, Limits, RgbImage};
use std::io::Cursor;
use std::path::{Path, PathBuf};

use crate::frame::{Frame, FrameError, check_size};

/// Why a picture could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The operating system says no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// It is not a picture, damaged, or of a kind that is not supported.
    #[error("{path}: {source}; use a PNG or JPEG picture")]
    Image {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: image::ImageError,
    },
    /// Its size is not one that can be worked with.
    #[error("{path}: {source}")]
    Frame {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: FrameError,
    },
    /// Lossy compression changes grey values, and with them class ids.
    #[error("{path}: a JPEG file cannot hold class ids, because its compression changes them; save the label as a PNG")]
    LossyLabel {
        /// The label.
        path: PathBuf,
    },
    /// A label whose pixels are colours.
    #[error("{path}: the label is in colour; save it as a grey PNG whose grey values are the class ids")]
    ColourLabel {
        /// The label.
        path: PathBuf,
    },
    /// A 16-bit label with a value beyond 8 bits.
    #[error("{path}: the label has a pixel of value {value}; class ids are 0 to 255")]
    LabelValue {
        /// The label.
        path: PathBuf,
        /// The largest value in it.
        value: u16,
    },
}

/// Grey values of a picture, taken as class ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassIds {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height, width]`.
    pub ids: Vec<u8>,
}

/// Memory that decoding may take, whatever a header claims: some for any file, and what its bytes can grow to (deflate's 1032
/// times at most; JPEG has a bit for 1024 values of an even picture).
const DECODED_BYTES: u64 = 16 << 20;
const DECODED_BYTES_PER_BYTE: u64 = 1100;
const MAX_DECODED_BYTES: u64 = 1 << 30;

/// Reads a PNG or JPEG as 8-bit colour; 16-bit values are scaled, full scale to full scale.
///
/// # Errors
/// [`PictureError`].
pub fn read(path: &Path) -> Result<Frame, PictureError> {
    let bytes = std::fs::read(path).map_err(|source| PictureError::Io { path: path.into(), source })?;
    let image = decode(&bytes).map_err(|source| PictureError::Image { path: path.into(), source })?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    Frame::from_rgb(width, height, image.into_rgb8().into_raw())
        .map_err(|source| PictureError::Frame { path: path.into(), source })
}

/// Columns and rows of a picture, from its header alone.
///
/// # Errors
/// [`PictureError`].
pub fn size(path: &Path) -> Result<(usize, usize), PictureError> {
    let io = |source| PictureError::Io { path: path.into(), source };
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(io)?;
    let (width, height) =
        reader.into_dimensions().map_err(|source| PictureError::Image { path: path.into(), source })?;
    Ok((width as usize, height as usize))
}

/// Reads a grey picture of any PNG bit depth as class ids: the values as they are in the file, not scaled to 8 bits.
///
/// # Errors
/// [`PictureError`].
pub fn read_ids(path: &Path) -> Result<ClassIds, PictureError> {
    let bytes = std::fs::read(path).map_err(|source| PictureError::Io { path: path.into(), source })?;
    if image::guess_format(&bytes).is_ok_and(|format| format == ImageFormat::Jpeg) {
        return Err(PictureError::LossyLabel { path: path.into() });
    }
    let step = grey_step(&bytes);
    let image = decode(&bytes).map_err(|source| PictureError::Image { path: path.into(), source })?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    check_size(width, height).map_err(|source| PictureError::Frame { path: path.into(), source })?;
    let values: Vec<u16> = match image {
        DynamicImage::ImageLuma8(grey) => grey.into_raw().into_iter().map(|value| u16::from(value / step)).collect(),
        DynamicImage::ImageLuma16(grey) => grey.into_raw(),
        colour => grey_values(colour).ok_or_else(|| PictureError::ColourLabel { path: path.into() })?,
    };
    let largest = values.iter().copied().max().unwrap_or(0);
    if largest > u16::from(u8::MAX) {
        return Err(PictureError::LabelValue { path: path.into(), value: largest });
    }
    Ok(ClassIds { width, height, ids: values.into_iter().map(|value| value as u8).collect() })
}

/// By how much the decoder multiplies the values of a grey PNG of fewer than 8 bits to fill the range; 1 for any other file.
fn grey_step(bytes: &[u8]) -> u8 {
    // PNG specification, section 11.2.1: after the signature and the chunk's head, IHDR has width, height, depth, colour type.
    match bytes.get(24..26) {
        Some([depth @ (1 | 2 | 4), 0]) => u8::MAX / ((1 << depth) - 1),
        _ => 1,
    }
}

/// The common value of the three channels of each pixel, where they are equal.
fn grey_values(image: DynamicImage) -> Option<Vec<u16>> {
    let has_16_bits = image.color().bytes_per_pixel() > image.color().channel_count();
    let channels: Vec<u16> = if has_16_bits {
        image.into_rgb16().into_raw()
    } else {
        image.into_rgb8().into_raw().into_iter().map(u16::from).collect()
    };
    channels.as_chunks::<3>().0.iter().map(|&[r, g, b]| (r == g && g == b).then_some(r)).collect()
}

fn decode(bytes: &[u8]) -> Result<DynamicImage, image::ImageError> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(image::ImageError::IoError)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some((DECODED_BYTES + DECODED_BYTES_PER_BYTE * bytes.len() as u64).min(MAX_DECODED_BYTES));
    reader.limits(limits);
    reader.decode()
}

/// Writes a colour PNG.
///
/// # Errors
/// [`PictureError::Image`].
pub fn write(path: &Path, frame: Frame) -> Result<(), PictureError> {
    let (width, height) = (frame.width() as u32, frame.height() as u32);
    let image = RgbImage::from_raw(width, height, frame.rgb().to_vec()).expect("a frame has as many pixels as it says");
    image.save(path).map_err(|source| PictureError::Image { path: path.into(), source })
}

/// Writes a grey PNG: class ids, or grey levels.
///
/// # Errors
/// [`PictureError::Image`].
///
/// # Panics
/// Where there are not `width * height` ids.
pub fn write_ids(path: &Path, width: usize, height: usize, ids: Vec<u8>) -> Result<(), PictureError> {
    let image =
        image::GrayImage::from_raw(width as u32, height as u32, ids).expect("a map has as many pixels as it says");
    image.save(path).map_err(|source| PictureError::Image { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageBuffer, Luma};

    fn saved(name: &str, image: impl Into<DynamicImage>) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        image.into().save(&path).unwrap();
        (folder, path)
    }

    #[test]
    fn a_16_bit_picture_is_scaled_to_8_bits() {
        let (_folder, path) = saved("a.png", ImageBuffer::from_fn(2, 1, |x, _| Luma([[0u16, 65535][x as usize]])));
        assert_eq!(read(&path).unwrap().rgb(), [0, 0, 0, 255, 255, 255]);
        assert_eq!(size(&path).unwrap(), (2, 1));
    }

    #[test]
    fn a_16_bit_label_is_not_scaled_and_must_fit() {
        let (_folder, path) = saved("a.png", ImageBuffer::from_fn(2, 1, |x, _| Luma([[0u16, 3][x as usize]])));
        assert_eq!(read_ids(&path).unwrap(), ClassIds { width: 2, height: 1, ids: vec![0, 3] });
        let (_folder, path) = saved("a.png", ImageBuffer::from_fn(2, 1, |x, _| Luma([[0u16, 300][x as usize]])));
        assert!(matches!(read_ids(&path), Err(PictureError::LabelValue { value: 300, .. })));
    }

    #[test]
    fn a_label_of_few_bits_keeps_its_values() {
        // 4 x 1 pixels, 2 bits each: 0, 1, 2, 3; zlib stores filter byte and data uncompressed.
        let chunk = |kind: &[u8], data: &[u8]| {
            let mut crc = !0u32;
            for byte in kind.iter().chain(data) {
                crc ^= u32::from(*byte);
                (0..8).for_each(|_| crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()));
            }
            let length = data.len() as u32;
            [&length.to_be_bytes(), kind, data, &(!crc).to_be_bytes()].concat()
        };
        let header = [&4u32.to_be_bytes()[..], &1u32.to_be_bytes(), &[2, 0, 0, 0, 0]].concat();
        let pixels = [0x78, 0x01, 0x01, 2, 0, 0xFD, 0xFF, 0, 0b0001_1011, 0, 0x1D, 0, 0x1C];
        let signature = *b"\x89PNG\r\n\x1a\n";
        let file = [&signature[..], &chunk(b"IHDR", &header), &chunk(b"IDAT", &pixels), &chunk(b"IEND", &[])].concat();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        std::fs::write(&path, file).unwrap();
        assert_eq!(read_ids(&path).unwrap().ids, [0, 1, 2, 3]);
    }

    #[test]
    fn a_colour_label_is_taken_where_it_is_grey() {
        let (_folder, path) = saved("a.png", RgbImage::from_pixel(2, 1, image::Rgb([2, 2, 2])));
        assert_eq!(read_ids(&path).unwrap().ids, [2, 2]);
        let (_folder, path) = saved("a.png", RgbImage::from_pixel(2, 1, image::Rgb([2, 2, 9])));
        assert!(matches!(read_ids(&path), Err(PictureError::ColourLabel { .. })));
    }

    #[test]
    fn a_jpeg_label_is_refused_whatever_it_is_called() {
        let (_folder, path) = saved("a.jpg", image::GrayImage::new(8, 8));
        let renamed = path.with_extension("png");
        std::fs::rename(&path, &renamed).unwrap();
        assert!(matches!(read_ids(&renamed), Err(PictureError::LossyLabel { .. })));
    }
}
