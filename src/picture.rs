//! Pictures and maps of class ids from and to files: upright, as browsers show them.

use image::error::{DecodingError, ImageFormatHint, LimitError, LimitErrorKind};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use std::io::Cursor;
use std::path::{Path, PathBuf};

use crate::frame::{Frame, FrameError, check_size};

/// Why a picture could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The operating system refused it.
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

/// Reads a PNG or JPEG as 8-bit colour, turned upright as its EXIF orientation says; 16-bit values are scaled, full scale to
/// full scale. What is transparent is on black: colours that lie hidden under it are not of the picture.
///
/// # Errors
/// [`PictureError`].
pub fn read(path: &Path) -> Result<Frame, PictureError> {
    let bytes = std::fs::read(path).map_err(|source| PictureError::Io { path: path.into(), source })?;
    let image = decode(&bytes).map_err(|source| PictureError::Image { path: path.into(), source })?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    let rgb = if image.color().has_alpha() {
        let over_black = |value: u8, alpha: u8| ((u16::from(value) * u16::from(alpha) + 127) / 255) as u8;
        let pixels = image.into_rgba8().into_raw();
        pixels.as_chunks().0.iter().flat_map(|&[r, g, b, a]| [r, g, b].map(|value| over_black(value, a))).collect()
    } else {
        image.into_rgb8().into_raw()
    };
    Frame::from_rgb(width, height, rgb).map_err(|source| PictureError::Frame { path: path.into(), source })
}

/// Columns and rows of an upright picture, from its headers alone.
///
/// # Errors
/// [`PictureError`].
pub fn size(path: &Path) -> Result<(usize, usize), PictureError> {
    let io = |source| PictureError::Io { path: path.into(), source };
    let image = |source| PictureError::Image { path: path.into(), source };
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(io)?;
    let mut decoder = reader.into_decoder().map_err(image)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    let is_turned = matches!(orientation(&mut decoder), Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH);
    Ok(if is_turned { (height, width) } else { (width, height) })
}

/// Reads a PNG of any bit depth as class ids: grey values as they are in the file, not scaled to 8 bits, and of a picture with
/// a palette of colours its indices. Transparency is left out.
///
/// # Errors
/// [`PictureError`].
pub fn read_ids(path: &Path) -> Result<ClassIds, PictureError> {
    let bytes = std::fs::read(path).map_err(|source| PictureError::Io { path: path.into(), source })?;
    let image = |source| PictureError::Image { path: path.into(), source };
    match image::guess_format(&bytes) {
        Ok(ImageFormat::Png) => {}
        Ok(ImageFormat::Jpeg) => return Err(PictureError::LossyLabel { path: path.into() }),
        Ok(other) => return Err(image(ImageError::Unsupported(ImageFormatHint::Exact(other).into()))),
        Err(error) => return Err(image(error)),
    }
    let Stored { width, height, values } = stored_values(&bytes).map_err(|error| match error {
        StoredError::Image(source) => image(source),
        StoredError::Frame(source) => PictureError::Frame { path: path.into(), source },
        StoredError::Colour => PictureError::ColourLabel { path: path.into() },
    })?;
    let largest = values.iter().copied().max().unwrap_or(0);
    if largest > u16::from(u8::MAX) {
        return Err(PictureError::LabelValue { path: path.into(), value: largest });
    }
    Ok(ClassIds { width, height, ids: values.into_iter().map(|value| value as u8).collect() })
}

/// The values of a PNG as they are in the file.
struct Stored {
    width: usize,
    height: usize,
    values: Vec<u16>,
}

enum StoredError {
    Image(ImageError),
    Frame(FrameError),
    Colour,
}

impl From<png::DecodingError> for StoredError {
    fn from(error: png::DecodingError) -> Self {
        Self::Image(ImageError::Decoding(DecodingError::new(ImageFormat::Png.into(), error)))
    }
}

fn stored_values(bytes: &[u8]) -> Result<Stored, StoredError> {
    let too_large =
        || StoredError::Image(ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory)));
    let limit = usize::try_from(memory_for(bytes)).unwrap_or(usize::MAX);
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: limit });
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info()?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    check_size(width, height).map_err(StoredError::Frame)?;
    let size = reader.output_buffer_size().filter(|&size| size.max(width * height) <= limit).ok_or_else(too_large)?;
    let mut rows = vec![0; size];
    let png::OutputInfo { color_type, bit_depth, line_size, .. } = reader.next_frame(&mut rows)?;
    let palette: &[u8] = reader.info().palette.as_deref().unwrap_or_default();
    // Where all colours of a palette are grey, some program made the file smaller, and they are the values.
    let shade = |index: u16| match palette.get(usize::from(index) * 3..usize::from(index) * 3 + 3) {
        Some(&[r, g, b]) if r == g && g == b => Some(u16::from(r)),
        _ => None,
    };
    let channels = color_type.samples();
    let bits = bit_depth as usize;
    let sample = |row: &[u8], at: usize| match bits {
        16 => u16::from_be_bytes([row[2 * at], row[2 * at + 1]]),
        8 => row[at].into(),
        _ => u16::from(row[at * bits / 8] >> (8 - bits - at * bits % 8)) & ((1 << bits) - 1),
    };
    let mut values = Vec::with_capacity(width * height);
    for row in rows.chunks_exact(line_size).take(height) {
        for x in 0..width {
            let value = sample(row, x * channels);
            if channels >= 3 && (1..3).any(|channel| sample(row, x * channels + channel) != value) {
                return Err(StoredError::Colour);
            }
            values.push(value);
        }
    }
    if color_type == png::ColorType::Indexed {
        let shades: Option<Vec<u16>> = values.iter().map(|&index| shade(index)).collect();
        values = shades.unwrap_or(values);
    }
    Ok(Stored { width, height, values })
}

fn decode(bytes: &[u8]) -> Result<DynamicImage, ImageError> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(ImageError::IoError)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(memory_for(bytes));
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    limits.reserve(decoder.total_bytes())?;
    let orientation = orientation(&mut decoder);
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// How the picture is to be turned; as it is where damaged metadata do not tell.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

/// What decoding a file may take.
fn memory_for(bytes: &[u8]) -> u64 {
    (DECODED_BYTES + DECODED_BYTES_PER_BYTE * bytes.len() as u64).min(MAX_DECODED_BYTES)
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
    fn colours_hidden_under_transparency_are_black() {
        let pixels = [[255, 0, 255, 0], [200, 100, 50, 128], [9, 8, 7, 255]];
        let (_folder, path) = saved("a.png", image::RgbaImage::from_fn(3, 1, |x, _| image::Rgba(pixels[x as usize])));
        assert_eq!(read(&path).unwrap().rgb(), [0, 0, 0, 100, 50, 25, 9, 8, 7]);
    }

    #[test]
    fn a_label_with_a_palette_of_colours_has_its_indices_as_ids_and_one_of_greys_its_greys() {
        let folder = tempfile::tempdir().unwrap();
        let ids = |palette: [u8; 9]| {
            let path = folder.path().join("a.png");
            let mut encoder = png::Encoder::new(std::fs::File::create(&path).unwrap(), 3, 1);
            encoder.set_color(png::ColorType::Indexed);
            encoder.set_palette(palette.to_vec());
            encoder.write_header().unwrap().write_image_data(&[2, 0, 1]).unwrap();
            read_ids(&path).unwrap().ids
        };
        assert_eq!(ids([0, 0, 0, 128, 0, 0, 0, 128, 0]), [2, 0, 1]);
        assert_eq!(ids([2, 2, 2, 1, 1, 1, 0, 0, 0]), [0, 2, 1]);
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
