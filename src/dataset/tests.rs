use super::*;
use crate::dicom::DicomFile;
use image::{GrayImage, ImageBuffer, Luma, RgbImage};
use tempfile::TempDir;

/// A folder with pictures of 4 x 3 pixels and labels in which the last pixels have the given ids.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn path(&self, path: &str) -> PathBuf {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn picture(self, path: &str) -> Self {
        RgbImage::from_pixel(4, 3, image::Rgb([7, 8, 9])).save(self.path(path)).unwrap();
        self
    }

    fn label(self, path: &str, ids: &[u8]) -> Self {
        let values = [&vec![0; 12 - ids.len()][..], ids].concat();
        GrayImage::from_raw(4, 3, values).unwrap().save(self.path(path)).unwrap();
        self
    }

    fn pair(self, split: &str, name: &str, ids: &[u8]) -> Self {
        self.picture(&format!("{split}/imgs/{name}.png")).label(&format!("{split}/gts/{name}.png"), ids)
    }

    fn description(self, json: &str) -> Self {
        std::fs::write(self.path(DESCRIPTION), json).unwrap();
        self
    }

    fn open(&self) -> Result<Dataset, DatasetError> {
        Dataset::open(self.root())
    }

    fn error(&self) -> String {
        self.open().unwrap_err().to_string()
    }
}

const TWO: &str = r#"{"structures": [{"name": "radius", "color": [1, 2, 3]}, {"name": "lunate", "color": [4, 5, 6]}],
    "spacing_mm": {"a.png": 0.25, "Test/b.png": 0.5}, "provenance": "drawn by hand"}"#;

#[test]
fn pictures_come_with_their_class_ids_and_pixel_sizes() {
    let folder = Folder::new().pair("Train", "a", &[1, 2]).pair("Train", "b", &[]).pair("Test", "b", &[2]);
    let folder = folder.description(TWO);
    let dataset = folder.open().unwrap();
    assert!(dataset.has_names);
    assert_eq!(dataset.structures[1], Structure { name: "lunate".into(), color: [4, 5, 6] });
    assert_eq!(dataset.provenance, "drawn by hand");
    assert_eq!(dataset.names(Split::Train), ["a.png", "b.png"]);
    let train = dataset.read_all(Split::Train).unwrap();
    assert_eq!(train[0].class_ids, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!((train[0].frame.width(), train[0].frame.rgb()[1]), (4, 8));
    assert_eq!((train[0].pixel_spacing_mm, train[1].pixel_spacing_mm), (Some(0.25), None));
    assert_eq!(dataset.read(Split::Test, 0).unwrap().pixel_spacing_mm, Some(0.5));
}

#[test]
fn a_dicom_file_has_a_label_or_its_frames_have() {
    let folder = Folder::new().pair("Test", "a", &[1]);
    let copy = |name: &str, to: &str| {
        let bytes =
            std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dicom").join(name)).unwrap();
        std::fs::write(folder.path(to), &bytes).unwrap();
        DicomFile::open(bytes).unwrap()
    };
    let label = |path: &str, file: &DicomFile| {
        let (width, height) = (file.info().width as u32, file.info().height as u32);
        GrayImage::from_pixel(width, height, Luma([1])).save(folder.path(path)).unwrap();
    };
    let still = copy("MR_small.dcm", "Test/imgs/still");
    let cine = copy("SC_rgb_rle_2frame.dcm", "Test/imgs/cine.dcm");
    let error = folder.error();
    assert!(error.contains("cine.dcm") && error.contains("still"), "{error}");
    label("Test/gts/still.png", &still);
    label("Test/gts/cine/0002.png", &cine);
    let dataset = folder.open().unwrap();
    assert_eq!(dataset.names(Split::Test), ["a.png", "cine.dcm/0002", "still"]);
    assert_eq!(dataset.read(Split::Test, 1).unwrap().frame, cine.frame(1).unwrap());
    let spacing = still.info().common_spacing().unwrap().x_mm as f32;
    assert_eq!(dataset.read(Split::Test, 2).unwrap().pixel_spacing_mm, Some(spacing));
}

#[test]
fn without_a_description_the_structures_are_those_up_to_the_largest_class_id_of_both_splits() {
    let folder = Folder::new().pair("Train", "a", &[3]).pair("Test", "b", &[1]);
    let dataset = folder.open().unwrap();
    assert!(!dataset.has_names);
    let names: Vec<_> = dataset.structures.iter().map(|structure| structure.name.as_str()).collect();
    assert_eq!(names, ["structure 1", "structure 2", "structure 3"]);
}

#[test]
fn black_and_white_masks_are_one_structure() {
    let folder = Folder::new().pair("Train", "a", &[255, 255]).pair("Train", "b", &[]);
    let dataset = folder.open().unwrap();
    assert_eq!(dataset.structures.len(), 1);
    assert_eq!(dataset.read(Split::Train, 0).unwrap().class_ids[9..], [0, 1, 1]);
}

#[test]
fn an_unknown_class_id_is_named_with_its_file_its_pixels_and_the_known_ones() {
    let error = Folder::new().pair("Train", "a", &[1, 7, 7]).description(TWO).error();
    for part in ["gts/a.png", "2 pixels", "class id 7", "1 (radius), 2 (lunate)"] {
        assert!(error.contains(part), "{error}");
    }
    let error = Folder::new().pair("Train", "a", &[1, 255]).description(TWO).error();
    assert!(error.contains("class id 255"), "{error}");
}

#[test]
fn shades_of_grey_are_not_taken_for_class_ids() {
    let error = Folder::new().pair("Train", "a", &[85, 170, 255]).error();
    assert!(error.contains("gts/a.png") && error.contains("255") && error.contains("dataset.json"), "{error}");
}

#[test]
fn a_picture_without_its_label_and_a_label_without_its_picture_are_named() {
    let folder = Folder::new().pair("Train", "a", &[1]).picture("Train/imgs/b.jpg").label("Train/gts/c.png", &[1]);
    let error = folder.error();
    assert!(error.contains("no label in gts for b.jpg") && error.contains("no picture in imgs for c.png"), "{error}");
}

#[test]
fn two_pictures_of_one_name_are_refused() {
    let error = Folder::new().pair("Train", "a", &[1]).picture("Train/imgs/a.jpg").error();
    assert!(error.contains("a.jpg") && error.contains("a.png"), "{error}");
}

#[test]
fn what_is_missing_or_empty_is_named() {
    let folder = Folder::new();
    assert!(matches!(folder.open(), Err(DatasetError::NoSplit(_))));
    assert!(matches!(Dataset::open(Path::new("/nowhere")), Err(DatasetError::NoSplit(_))));
    let folder = folder.picture("Train/imgs/a.png");
    assert!(matches!(folder.open(), Err(DatasetError::MissingFolder(path)) if path.ends_with("Train/gts")));
    std::fs::create_dir(folder.root().join("Train/gts")).unwrap();
    assert!(matches!(folder.open(), Err(DatasetError::Empty(path)) if path.ends_with("Train/gts")));
    let dataset = folder.label("Train/gts/a.png", &[1]).open().unwrap();
    let error = dataset.read_all(Split::Test).unwrap_err();
    assert!(matches!(error, DatasetError::MissingSplit { split: Split::Test, .. }), "{error}");
}

#[test]
fn labels_without_any_structure_are_refused_where_nothing_names_one() {
    let folder = Folder::new().pair("Train", "a", &[]);
    assert!(matches!(folder.open(), Err(DatasetError::NothingLabelled(_))));
    assert_eq!(folder.description(TWO).open().unwrap().structures.len(), 2);
}

#[test]
fn a_label_of_another_size_is_named_with_its_picture() {
    let folder = Folder::new().picture("Train/imgs/a.png");
    GrayImage::new(5, 3).save(folder.path("Train/gts/a.png")).unwrap();
    let error = folder.error();
    assert!(error.contains("imgs/a.png has 4 x 3") && error.contains("gts/a.png 5 x 3"), "{error}");
}

#[test]
fn sixteen_bit_files_are_taken_and_jpeg_labels_are_not() {
    let folder = Folder::new();
    ImageBuffer::from_pixel(2, 1, Luma([32896u16])).save(folder.path("Train/imgs/a.png")).unwrap();
    ImageBuffer::from_pixel(2, 1, Luma([2u16])).save(folder.path("Train/gts/a.png")).unwrap();
    let picture = folder.open().unwrap().read(Split::Train, 0).unwrap();
    assert_eq!((picture.frame.rgb(), picture.class_ids.as_slice()), (&[128; 6][..], &[2, 2][..]));
    let folder = Folder::new().picture("Train/imgs/a.png");
    GrayImage::new(4, 3).save(folder.path("Train/gts/a.jpg")).unwrap();
    let error = folder.error();
    assert!(error.contains("gts/a.jpg") && error.contains("JPEG"), "{error}");
}

#[test]
fn a_wrong_description_is_explained() {
    let folder = Folder::new().pair("Train", "a", &[1]);
    let folder = folder.description(r#"{"structures": "radius"}"#);
    assert!(folder.error().contains(r#""name": "radius""#), "{}", folder.error());
    let folder = folder.description(r#"{"structures": []}"#);
    assert!(folder.error().contains("names 0 structures"), "{}", folder.error());
    let bone = r#"{"name": "Bone", "color": [0, 0, 0]}"#;
    let folder = folder.description(&format!(r#"{{"structures": [{bone}, {}]}}"#, bone.replace('B', "b")));
    assert!(folder.error().contains("called `bone`"), "{}", folder.error());
    let folder = folder.description(&format!(r#"{{"structures": [{bone}], "spacing_mm": {{"a.png": 0}}}}"#));
    assert!(folder.error().contains("a.png has 0 mm"), "{}", folder.error());
}
