//! `.cine` files, which the page plays: a line of JSON, then the frames as JPEG (`www/src/page/sources/README.md`).

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use sam2rad::frame::Frame;
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// Speckle keeps its grain at this quality.
const JPEG_QUALITY: u8 = 85;

#[derive(Serialize)]
struct Header {
    frames: usize,
    frame_time_ms: f32,
    width: usize,
    height: usize,
    spacing_mm: f32,
    lengths: Vec<usize>,
}

/// Writes grey frames of one size, `spacing_mm` a pixel.
///
/// # Errors
/// What the operating system or the JPEG encoder says.
pub fn write(path: &Path, frames: &[Frame], frame_time_ms: f32, spacing_mm: f32) -> Result<(), image::ImageError> {
    let (width, height) = frames.first().map_or((0, 0), |frame| (frame.width(), frame.height()));
    let mut pictures = Vec::new();
    let mut lengths = Vec::with_capacity(frames.len());
    for frame in frames {
        let grey: Vec<u8> = frame.rgb().iter().step_by(3).copied().collect();
        let before = pictures.len();
        JpegEncoder::new_with_quality(&mut pictures, JPEG_QUALITY).encode(
            &grey,
            frame.width() as u32,
            frame.height() as u32,
            ExtendedColorType::L8,
        )?;
        lengths.push(pictures.len() - before);
    }
    let header = Header { frames: frames.len(), frame_time_ms, width, height, spacing_mm, lengths };
    let mut file = std::fs::File::create(path)?;
    serde_json::to_writer(&file, &header).map_err(std::io::Error::from)?;
    file.write_all(b"\n")?;
    Ok(file.write_all(&pictures)?)
}
