//! Pictures from and to files.

use image::{DynamicImage, ImageReader, Limits, RgbImage};
use sam2rad::frame::{Frame, FrameError};
use std::io::{BufRead, BufReader, Seek};
use std::path::{Path, PathBuf};

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
}

/// Memory that decoding may take, whatever a header claims.
const MAX_DECODED_BYTES: u64 = 1 << 30;

/// Reads a PNG or JPEG as 8-bit colour.
pub fn read(path: &Path) -> Result<Frame, PictureError> {
    let file = std::fs::File::open(path).map_err(|source| PictureError::Io { path: path.into(), source })?;
    let image = decode(BufReader::new(file)).map_err(|source| PictureError::Image { path: path.into(), source })?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    Frame::from_rgb(width, height, image.into_rgb8().into_raw())
        .map_err(|source| PictureError::Frame { path: path.into(), source })
}

fn decode(bytes: impl BufRead + Seek) -> Result<DynamicImage, image::ImageError> {
    let mut reader = ImageReader::new(bytes).with_guessed_format().map_err(image::ImageError::IoError)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    reader.decode()
}

/// Writes a colour PNG.
pub fn write(path: &Path, frame: Frame) -> Result<(), PictureError> {
    let (width, height) = (frame.width() as u32, frame.height() as u32);
    let image = RgbImage::from_raw(width, height, frame.rgb().to_vec()).expect("a frame has as many pixels as it says");
    image.save(path).map_err(|source| PictureError::Image { path: path.into(), source })
}

/// Writes a grey PNG: class ids, or grey levels.
pub fn write_ids(path: &Path, width: usize, height: usize, ids: Vec<u8>) -> Result<(), PictureError> {
    let image =
        image::GrayImage::from_raw(width as u32, height as u32, ids).expect("a map has as many pixels as it says");
    image.save(path).map_err(|source| PictureError::Image { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn png() -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let picture = RgbImage::from_fn(9, 7, |x, y| image::Rgb([x as u8, y as u8, 99]));
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(Cursor::new(bytes));
        }

        #[test]
        fn no_damage_to_a_picture_makes_the_reader_panic(at in 0usize..150, to in any::<u8>(), end in 0usize..150) {
            let mut bytes = png();
            let at = at % bytes.len();
            bytes[at] = to;
            let end = bytes.len() - end.min(bytes.len());
            let _ = decode(Cursor::new(&bytes[..end]));
            let _ = decode(Cursor::new(&bytes));
        }
    }
}
