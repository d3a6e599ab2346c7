//! Validation pictures with the truth on the left and the answer on the right.

use burn::tensor::read_sync;
use std::path::Path;

use super::TrainError;
use crate::dataset::LabelledPicture;
use crate::frame::Frame;
use crate::overlay::{OverlayStyle, draw};
use crate::picture;
use crate::postprocess::ClassMap;
use crate::segmenter::{Request, Segmenter};
use crate::structure::Structure;

/// Writes `NAME-STEP.png` for each picture.
pub(super) fn write<'a>(
    folder: &Path,
    step: usize,
    segmenter: &Segmenter,
    pictures: impl Iterator<Item = &'a LabelledPicture>,
) -> Result<(), TrainError> {
    std::fs::create_dir_all(folder).map_err(TrainError::io(folder))?;
    let structures = segmenter.structures();
    for LabelledPicture { name, frame, class_ids, .. } in pictures {
        let truth = ClassMap::from_labels(frame.width(), class_ids.clone(), structures.len());
        let answer = read_sync(segmenter.segment(&segmenter.encode(frame), &Request::default()))?.map;
        let both = side_by_side(&painted(frame, &truth, structures), &painted(frame, &answer, structures));
        let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy().replace(' ', "-");
        picture::write(&folder.join(format!("{stem}-{step:06}.png")), both)?;
    }
    Ok(())
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
