//! PNG and JPEG.

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, Rgb};
use proptest::prelude::*;
use sam2rad::picture;
use std::io::Cursor;
use std::sync::LazyLock;

use super::{damage, damaged, memory::most_held, torch_file::crc32};

/// Deflate makes at most 1032 bytes of one; the reader's limit, and its copies in 8 and 16 bits.
fn bound(bytes: &[u8]) -> usize {
    8 * ((16 << 20) + 1100 * bytes.len())
}

/// A picture in colour, a grey one of 16 bits, and a JPEG.
static PICTURES: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let colour: DynamicImage = ImageBuffer::from_fn(40, 30, |x, y| Rgb([x as u8, y as u8, 99])).into();
    let grey: DynamicImage = ImageBuffer::from_fn(9, 7, |x, y| Luma([(x * y) as u16])).into();
    [(&colour, ImageFormat::Png), (&grey, ImageFormat::Png), (&colour, ImageFormat::Jpeg)].map(|(picture, format)| {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    })
});

fn read(bytes: &[u8]) -> usize {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    most_held(|| {
        let _ = picture::size(file.path());
        let _ = picture::read(file.path());
        let _ = picture::read_ids(file.path());
    })
}

proptest! {
    #[test]
    fn random_bytes_are_read_or_refused(noise in prop::collection::vec(any::<u8>(), 0..300), start in 0..3usize) {
        // Alone, and behind the headers of both formats.
        let bytes = [&[][..], &PICTURES[0][..40], &PICTURES[2][..180]][start].iter().copied().chain(noise).collect::<Vec<_>>();
        let held = read(&bytes);
        prop_assert!(held <= bound(&bytes), "{held} bytes held for a file of {}", bytes.len());
    }

    #[test]
    fn a_damaged_picture_is_read_or_refused(picture in 0..3usize, damage in damage()) {
        let bytes = damaged(&PICTURES[picture], &damage);
        let held = read(&bytes);
        prop_assert!(held <= bound(&bytes), "{held} bytes held for a file of {}", bytes.len());
    }
}

#[test]
fn a_size_that_the_file_cannot_fill_takes_no_memory() {
    // IHDR with 20000 x 20000 pixels, which would be 1.2 GB.
    let mut bytes = PICTURES[0].clone();
    for at in [16, 20] {
        bytes[at..at + 4].copy_from_slice(&20_000u32.to_be_bytes());
    }
    // The chunk's checksum, which the decoder would stop at.
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    assert!(read(&bytes) < 1 << 20);
}
