//! One frame's bytes to its stored values: uncompressed, RLE, JPEG, JPEG 2000 (PS3.5 section 8 and annexes A.4, G).
//!
//! The sizes that a compressed frame states of itself are checked before its decoder allocates by them.

use dicom_core::VR;
use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};
use jpeg_decoder::{ColorTransform, Decoder, PixelFormat as JpegFormat};

use super::codestream::{Jpeg2000Header, JpegHeader};
use super::pixel_format::{Photometric, PixelFormat};

/// A frame's bytes may grow this much when they are decoded, once they are more than `ANY_GROWTH`.
const MAX_GROWTH: usize = 256;
/// A frame of up to this many bytes is decoded whatever it grew from.
const ANY_GROWTH: usize = 1 << 24;

/// How frames are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Rle,
    Jpeg,
    Jpeg2000,
}

/// The values of a frame, `[rows, columns, samples_per_pixel]`, and what they mean.
#[derive(Debug)]
pub(super) struct Samples {
    pub values: Values,
    pub photometric: Photometric,
}

#[derive(Debug)]
pub(super) enum Values {
    /// Unsigned values of 8 bits.
    Bytes(Vec<u8>),
    /// Any other depth, with their sign.
    Words(Vec<i32>),
}

/// An uncompressed frame that begins at `start` in all pixel data; `None` where the data ends before it does.
pub(super) fn native(data: &[u8], start: usize, format: &PixelFormat, vr: VR, big_endian: bool) -> Option<Samples> {
    let end = start.checked_add(format.frame_bytes())?;
    let values = if format.bits_allocated == 8 {
        // Bytes in words of the other byte order lie swapped.
        let swapped = usize::from(big_endian && vr == VR::OW);
        let byte = |at: usize| data.get(at ^ swapped).copied();
        bytes_to_values((start..end).map(byte).collect::<Option<Vec<_>>>()?, format)
    } else {
        let words = data.get(start..end)?.as_chunks().0.iter();
        let word = |&word| if big_endian { u16::from_be_bytes(word) } else { u16::from_le_bytes(word) };
        Values::Words(words.map(|bytes| format.stored(word(bytes))).collect())
    };
    let values = match values {
        Values::Bytes(values) => Values::Bytes(pixel_by_pixel(values, format)),
        Values::Words(values) => Values::Words(pixel_by_pixel(values, format)),
    };
    Some(Samples { values, photometric: format.photometric })
}

/// A compressed frame.
///
/// # Errors
/// What is wrong with it.
pub(super) fn compressed(data: &[u8], compression: Compression, format: &PixelFormat) -> Result<Samples, String> {
    let decoded = format.pixels() * format.samples_per_pixel * 4;
    if decoded > ANY_GROWTH && decoded / MAX_GROWTH > data.len() {
        return Err(format!("{} bytes cannot hold {} x {} pixels", data.len(), format.columns, format.rows));
    }
    match compression {
        Compression::Rle => rle(data, format),
        Compression::Jpeg => jpeg(data, format),
        Compression::Jpeg2000 => jpeg2000(data, format),
    }
}

fn bytes_to_values(bytes: Vec<u8>, format: &PixelFormat) -> Values {
    if format.bits_stored == 8 && !format.signed {
        Values::Bytes(bytes)
    } else {
        Values::Words(bytes.into_iter().map(|byte| format.stored(byte.into())).collect())
    }
}

/// Planes, or pixels that share their chroma, to pixels of their own.
fn pixel_by_pixel<T: Copy>(values: Vec<T>, format: &PixelFormat) -> Vec<T> {
    if format.subsampled {
        values.as_chunks().0.iter().flat_map(|&[y0, y1, cb, cr]| [y0, cb, cr, y1, cb, cr]).collect()
    } else if format.planar {
        interleave(&values, format.pixels())
    } else {
        values
    }
}

fn interleave<T: Copy>(planes: &[T], pixels: usize) -> Vec<T> {
    (0..pixels).flat_map(|pixel| planes[pixel..].iter().step_by(pixels).copied()).collect()
}

/// RLE (PS3.5 annex G): a segment for each byte of each sample, the highest byte first.
fn rle(data: &[u8], format: &PixelFormat) -> Result<Samples, String> {
    let header = data.get(..64).ok_or("it is shorter than an RLE header")?;
    let header: Vec<_> = header.as_chunks().0.iter().map(|&word| u32::from_le_bytes(word) as usize).collect();
    let bytes_per_sample = format.bits_allocated as usize / 8;
    let expected = format.samples_per_pixel * bytes_per_sample;
    if header[0] != expected {
        return Err(format!("it has {} RLE segments instead of {expected}", header[0]));
    }
    let segment = |index: usize| {
        let end = if index < expected { header[index + 1] } else { data.len() };
        let bytes = data.get(header[index]..end).ok_or("an RLE segment lies outside the frame")?;
        unpack_bits(bytes, format.pixels()).ok_or_else(|| format!("RLE segment {index} is too short"))
    };
    let planes = (1..=expected).map(segment).collect::<Result<Vec<_>, String>>()?.concat();
    let values = if bytes_per_sample == 1 {
        bytes_to_values(interleave(&planes, format.pixels()), format)
    } else {
        let bytes = interleave(&planes, format.pixels());
        let words = bytes.as_chunks().0.iter();
        Values::Words(words.map(|&bytes| format.stored(u16::from_be_bytes(bytes))).collect())
    };
    Ok(Samples { values, photometric: format.photometric })
}

/// PackBits: a count, then as many bytes, or one byte to repeat. `None` where it gives fewer than `length`.
fn unpack_bits(mut packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let (&count, rest) = packed.split_first()?;
        packed = match count {
            0..=127 => {
                let (literal, rest) = rest.split_at_checked(usize::from(count) + 1)?;
                bytes.extend_from_slice(literal);
                rest
            }
            128 => rest,
            129.. => {
                let (&byte, rest) = rest.split_first()?;
                bytes.resize(bytes.len() + 257 - usize::from(count), byte);
                rest
            }
        };
    }
    bytes.truncate(length);
    Some(bytes)
}

fn jpeg(data: &[u8], format: &PixelFormat) -> Result<Samples, String> {
    let header = JpegHeader::of(data).ok_or("it has no JPEG header")?;
    fits(format, header.columns, header.rows, header.components)?;
    let mut decoder = Decoder::new(data);
    // "RGB" leaves three components as they are, and their colours are converted after decoding, as those of every other
    // compression are. ("None" would too, but panics where chroma is subsampled.)
    decoder.set_color_transform(if header.components == 1 { ColorTransform::Grayscale } else { ColorTransform::RGB });
    decoder.set_max_decoding_buffer_size(format.pixels() * format.samples_per_pixel * 2);
    let decoded = decoder.decode().map_err(|error| error.to_string())?;
    let depth = decoder.info().map(|info| info.pixel_format);
    let values = match depth {
        Some(JpegFormat::L8 | JpegFormat::RGB24) => Values::Bytes(decoded),
        Some(JpegFormat::L16) => {
            let words = decoded.as_chunks().0.iter();
            Values::Words(words.map(|&word| format.signed_value(u16::from_ne_bytes(word).into())).collect())
        }
        _ => return Err("its JPEG has colours that DICOM does not know".to_owned()),
    };
    let photometric =
        if format.samples_per_pixel == 3 { header.photometric(format.photometric) } else { format.photometric };
    complete(values, photometric, format)
}

fn jpeg2000(data: &[u8], format: &PixelFormat) -> Result<Samples, String> {
    let header = Jpeg2000Header::of(data).ok_or("it has no JPEG 2000 header")?;
    fits(format, header.columns, header.rows, header.components)?;
    let settings = DecodeSettings { strict: true, ..DecodeSettings::default() };
    // The codestream alone: colours that a JP2 file around it may state are not DICOM's.
    let image = Image::new(&data[header.start..], &settings).map_err(|error| error.to_string())?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(|error| error.to_string())?;
    let planes: Vec<_> = decoded.components().iter().map(|component| component.samples()).collect();
    if planes.len() != format.samples_per_pixel || planes.iter().any(|plane| plane.len() != format.pixels()) {
        return Err("its components differ in size".to_owned());
    }
    let values = (0..format.pixels()).flat_map(|pixel| planes.iter().map(move |plane| plane[pixel].round()));
    let values = if header.is_bytes {
        Values::Bytes(values.map(|value| value as u8).collect())
    } else {
        // The decoder shifts values with a sign as it does those without.
        Values::Words(values.map(|value| format.signed_value(value as i32 - header.bias)).collect())
    };
    // Where the components were transformed, the decoder gives red, green and blue, whatever the attribute says.
    let photometric = if header.transformed { Photometric::Rgb } else { format.photometric };
    complete(values, photometric, format)
}

fn fits(format: &PixelFormat, columns: usize, rows: usize, components: usize) -> Result<(), String> {
    if (columns, rows, components) == (format.columns, format.rows, format.samples_per_pixel) {
        return Ok(());
    }
    Err(format!(
        "it is {columns} x {rows} pixels of {components} components, the file says {} x {} of {}",
        format.columns, format.rows, format.samples_per_pixel
    ))
}

fn complete(values: Values, photometric: Photometric, format: &PixelFormat) -> Result<Samples, String> {
    let found = match &values {
        Values::Bytes(values) => values.len(),
        Values::Words(values) => values.len(),
    };
    let expected = format.pixels() * format.samples_per_pixel;
    if found == expected {
        Ok(Samples { values, photometric })
    } else {
        Err(format!("it gave {found} of {expected} values"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_bits_are_literal_runs_and_repeats() {
        // The example of Apple's technical note 1023.
        let packed = [0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0xFD, 0xAA, 0x03, 0x80, 0x00, 0x2A, 0x22, 0xF7, 0xAA];
        let unpacked = unpack_bits(&packed, 24).unwrap();
        assert_eq!(unpacked[..10], [0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0xAA, 0xAA, 0xAA, 0xAA]);
        assert_eq!(unpacked[14..], [0xAA; 10]);
        assert_eq!(unpack_bits(&packed, 25), None);
    }

    #[test]
    fn planes_become_pixels() {
        assert_eq!(interleave(&[1, 2, 3, 10, 20, 30], 3), [1, 10, 2, 20, 3, 30]);
    }
}
