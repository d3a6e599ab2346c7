//! Validation pictures with the truth on the left and the answer on the right.

use std::path::Path;

use super::TrainError;
use crate::checkpoint::Structure;
use crate::dataset::LabelledPicture;
use crate::frame::Frame;
use crate::overlay::{OverlayStyle, draw};
use crate::picture;
use crate::postprocess::{ClassMap, Extent, PixelBox};

/// Writes `NAME-STEP.png` for each picture that has an answer.
pub(super) fn write(
    folder: &Path,
    step: usize,
    pictures: &[LabelledPicture],
    answers: &[ClassMap],
    structures: &[Structure],
) -> Result<(), TrainError> {
    std::fs::create_dir_all(folder).map_err(TrainError::io(folder))?;
    for (picture, answer) in pictures.iter().zip(answers) {
        let truth = class_map(picture, structures.len());
        let both =
            side_by_side(&painted(&picture.frame, &truth, structures), &painted(&picture.frame, answer, structures));
        let stem = Path::new(&picture.name).file_stem().unwrap_or_default().to_string_lossy().replace(' ', "-");
        picture::write(&folder.join(format!("{stem}-{step:06}.png")), both)?;
    }
    Ok(())
}

/// The labels as a class map.
fn class_map(picture: &LabelledPicture, structures: usize) -> ClassMap {
    let width = picture.frame.width();
    let extent = |i: usize| {
        let pixels = picture.class_ids.iter().enumerate().filter(|(_, id)| usize::from(**id) == i + 1);
        pixels.fold(Extent { area: 0, bounds: None }, |extent, (at, _)| {
            let (x, y) = (at % width, at / width);
            let PixelBox { left, top, right, bottom } =
                extent.bounds.unwrap_or(PixelBox { left: x, top: y, right: x + 1, bottom: y + 1 });
            let bounds =
                PixelBox { left: left.min(x), top: top.min(y), right: right.max(x + 1), bottom: bottom.max(y + 1) };
            Extent { area: extent.area + 1, bounds: Some(bounds) }
        })
    };
    ClassMap {
        width,
        height: picture.frame.height(),
        class_ids: picture.class_ids.clone(),
        extents: (0..structures).map(extent).collect(),
    }
}

fn painted(frame: &Frame, map: &ClassMap, structures: &[Structure]) -> Frame {
    let mut frame = frame.clone();
    let ids: Vec<u8> = (1..=structures.len()).map(|id| id as u8).collect();
    let colors: Vec<_> = structures.iter().map(|structure| structure.color).collect();
    let style = OverlayStyle::for_frame(&frame);
    draw(&mut frame, map, &ids, &colors, style);
    frame
}

fn side_by_side(left: &Frame, right: &Frame) -> Frame {
    let (width, height) = (left.width(), left.height());
    let rgb = (0..height).flat_map(|y| [left.row(y), right.row(y)].concat()).collect();
    Frame::from_rgb(2 * width, height, rgb).unwrap_or_else(|_| left.clone())
}
