//! Segments a picture with a model file, or at a box with a checkpoint of SAM, SAM 2 or MobileSAM:
//!
//!     cargo run --release --example segment -- weights/hip.safetensors picture.png
//!     cargo run --release --example segment -- sam_vit_b_01ec64.pth picture.png 40 60 300 220

use sam2rad::picture;
use sam2rad::segmenter::{Mode, Request, Segmenter, StructurePrompts};
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, picture, corners @ ..] = arguments.as_slice() else {
        return Err("usage: segment MODEL PICTURE [LEFT TOP RIGHT BOTTOM]".into());
    };
    let corners = corners.iter().map(|corner| corner.parse()).collect::<Result<Vec<f32>, _>>()?;
    let request = match <[f32; 4]>::try_from(corners.as_slice()) {
        Err(_) => Request::default(),
        Ok(corners) => Request {
            mode: Mode::Manual,
            prompts: vec![StructurePrompts { bounding_box: Some(corners), ..StructurePrompts::default() }],
            ..Request::default()
        },
    };

    let segmenter = Segmenter::open(model)?;
    let frame = segmenter.encode(&picture::read(Path::new(picture))?);
    let found = segmenter.segment_blocking(&frame, &request)?;
    for structure in &found.structures {
        let name = &segmenter.structures()[structure.structure].name;
        println!("{name}: {} pixels, predicted IoU {:.2}", structure.area, structure.iou);
    }
    Ok(())
}
