//! Files after public bug reports, each with what is right for it: `tests/fixtures/cases`, and `../shared/cases` where it is.

use std::path::{Path, PathBuf};

use sam2rad::dicom::{DicomFile, DicomKind, directory, identify};
use serde::Deserialize;

/// What the table says of a case.
type Held = Result<(), String>;

#[derive(Deserialize)]
struct Expected {
    frames: usize,
    tolerance: u8,
    /// Frames that the file holds, where it says another number.
    held: Option<usize>,
}

/// Where a case's files are.
fn case(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["tests/fixtures/cases", "../shared/cases", "../../shared/cases"];
    places.iter().map(|place| root.join(place).join(name)).find(|path| path.exists())
}

fn open(path: &Path) -> Result<DicomFile, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    DicomFile::open(bytes).map_err(|error| error.to_string())
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Held {
    if holds { Ok(()) } else { Err(what()) }
}

/// All frames that pictures are expected of, each within the tolerance that is named.
fn shows(path: &Path) -> Held {
    shows_as(path, &path.with_extension(""))
}

fn shows_as(path: &Path, expected: &Path) -> Held {
    let beside = |suffix: &str| PathBuf::from(format!("{}.{suffix}", expected.display()));
    let said = std::fs::read(beside("expected.json")).map_err(|error| error.to_string())?;
    let Expected { frames, tolerance, held } = serde_json::from_slice(&said).map_err(|error| error.to_string())?;
    let file = open(path)?;
    let info = file.info();
    expect(info.frames == held.unwrap_or(frames), || format!("{} frames", info.frames))?;
    if held.is_some_and(|held| held != frames) {
        expect(info.notes.iter().any(|note| note.kind() == "more-frames"), || "no word of the frames".into())?;
    }
    for index in 0..frames {
        let path = beside(&format!("expected_{index}.png"));
        let Ok(expected) = image::open(&path).map(image::DynamicImage::into_rgb8) else { continue };
        let found = file.frame(index).map_err(|error| error.to_string())?;
        let size = (found.width() as u32, found.height() as u32);
        expect(size == expected.dimensions(), || format!("{} x {} pixels", size.0, size.1))?;
        let off = found.rgb().iter().zip(expected.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
        expect(off <= tolerance, || format!("frame {index} is off by {off}"))?;
    }
    Ok(())
}

fn is_near(found: Option<f64>, expected: f64) -> Held {
    expect(found.is_some_and(|found| (found - expected).abs() < 1e-6), || format!("{found:?}, not {expected}"))
}

fn x_mm(file: &DicomFile, x: usize, y: usize) -> Option<f64> {
    file.info().spacing_at(x, y).map(|spacing| spacing.x_mm)
}

fn two_regions(folder: &Path) -> Held {
    let file = open(&folder.join("a.dcm"))?;
    is_near(x_mm(&file, 20, 50).map(|mm| mm * 40.0), 8.0)?;
    is_near(x_mm(&file, 140, 50).map(|mm| mm * 40.0), 2.0)?;
    expect(file.info().picture_spacing.is_none(), || "millimetres outside of the regions".into())?;
    shows(&folder.join("a.dcm"))
}

fn m_mode(folder: &Path) -> Held {
    let file = open(&folder.join("a.dcm"))?;
    expect(file.info().crop == Some([0, 0, 60, 100]), || format!("{:?}", file.info().crop))?;
    is_near(x_mm(&file, 10, 10), 0.2)?;
    expect(x_mm(&file, 150, 50).is_none(), || "millimetres along the seconds".into())?;
    shows(&folder.join("a.dcm"))
}

fn pixel_aspect(folder: &Path) -> Held {
    let file = open(&folder.join("a.dcm"))?;
    is_near(Some(file.info().pixel_aspect), 2.0)?;
    expect(file.info().notes.iter().any(|note| note.kind() == "pixel-aspect"), || "no word of it".into())?;
    shows(&folder.join("a.dcm"))
}

fn times(folder: &Path, expected: Option<&[f64]>) -> Held {
    let file = open(&folder.join("a.dcm"))?;
    let times = file.info().frame_times.as_deref();
    let is_as_said = match (times, expected) {
        (Some(times), Some(expected)) => times.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9),
        (times, expected) => times == expected,
    };
    expect(is_as_said, || format!("{times:?}"))?;
    shows(&folder.join("a.dcm"))
}

fn without_preamble(folder: &Path) -> Held {
    for name in ["IM0001", "IM0001.dcm"] {
        let bytes = std::fs::read(folder.join(name)).map_err(|error| error.to_string())?;
        expect(identify(&bytes) == Some(DicomKind::Picture), || format!("{name} is not recognised"))?;
        shows_as(&folder.join(name), &folder.join("IM0001"))?;
    }
    Ok(())
}

fn disc(folder: &Path) -> Held {
    for disc in ["plain", "with-logo"] {
        let root = folder.join(disc);
        let bytes = std::fs::read(root.join("DICOMDIR")).map_err(|error| error.to_string())?;
        expect(identify(&bytes) == Some(DicomKind::Directory), || "DICOMDIR is not recognised".into())?;
        let entries = directory(&bytes).map_err(|error| error.to_string())?;
        expect(entries.len() == 2, || format!("{entries:?}"))?;
        shows_as(&root.join(&entries[0].path), &folder.join("first"))?;
        open(&root.join(&entries[1].path))?;
    }
    Ok(())
}

/// Whether a case is held, and what was found.
type Case = Box<dyn Fn(&Path) -> Held>;

#[test]
fn the_cases_hold() {
    let all = |files: &'static [&'static str]| {
        move |folder: &Path| files.iter().try_for_each(|file| shows(&folder.join(file)))
    };
    let cases: [(&str, Case); 14] = [
        ("01-ybr422-full-length", Box::new(all(&["single.dcm", "cine.dcm"]))),
        ("02-jpeg-says-rgb", Box::new(all(&["jfif.dcm", "no-marker.dcm"]))),
        ("03-palette-segmented", Box::new(all(&["a.dcm"]))),
        ("04-palette-65536-entries", Box::new(all(&["a.dcm"]))),
        ("06-two-regions-two-scales", Box::new(two_regions)),
        ("08-m-mode-larger-than-2d", Box::new(m_mode)),
        ("09-pixel-aspect-ratio", Box::new(pixel_aspect)),
        ("10-frame-time-vector", Box::new(|folder| times(folder, Some(&[0.0, 0.02, 0.04, 0.24, 0.26])))),
        ("11-cine-without-times", Box::new(|folder| times(folder, None))),
        ("14-more-frames-than-said", Box::new(all(&["native.dcm", "jpeg.dcm"]))),
        ("16-explicit-data-implicit-uid", Box::new(all(&["a.dcm"]))),
        ("17-private-value-of-wrong-length", Box::new(all(&["a.dcm"]))),
        ("19-no-preamble-no-extension", Box::new(without_preamble)),
        ("20-cd-folder-with-dicomdir", Box::new(disc)),
    ];
    let mut failed = 0;
    for (name, holds) in cases {
        let held = match case(name) {
            None => "not here".to_owned(),
            Some(folder) => holds(&folder).map_or_else(|why| format!("NO: {why}"), |()| "held".to_owned()),
        };
        failed += usize::from(held.starts_with("NO"));
        println!("{name:34} {held}");
    }
    assert_eq!(failed, 0, "cases that do not hold");
}
