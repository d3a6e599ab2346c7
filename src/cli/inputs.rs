//! What `segment` is given, pictures and DICOM files alone or in folders, each with a name of its own for what is written.

use sam2rad::dicom::{DicomKind, identify};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes that show what a file is.
const HEAD: u64 = 1 << 16;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Picture,
    Dicom,
}

/// A file to segment.
#[derive(Debug, PartialEq, Eq)]
pub struct Input {
    pub path: PathBuf,
    pub kind: Kind,
    /// What is written of it begins so, from the output folder on; no other input's does.
    pub name: PathBuf,
}

/// The files to segment, and those in the folders that are neither pictures nor DICOM.
#[derive(Debug, Default)]
pub struct Inputs {
    pub inputs: Vec<Input>,
    pub passed_over: Vec<PathBuf>,
}

/// A file that was found: the folder's name before it, where several need it, and its place in the folder.
struct Found {
    path: PathBuf,
    kind: Kind,
    root: PathBuf,
    place: PathBuf,
}

impl Inputs {
    /// Lists files and what is in folders, in order. The folder of the results is not looked into.
    ///
    /// # Errors
    /// A folder that cannot be listed or holds nothing to segment; two files that would have one name.
    pub fn of(paths: &[PathBuf], out: &Path) -> Result<Self, String> {
        let out = out.canonicalize().ok();
        let mut passed_over = Vec::new();
        let mut found = Vec::new();
        for path in paths {
            let before = found.len();
            if path.is_dir() {
                let root = PathBuf::from(path.file_name().unwrap_or_default());
                let mut files = Vec::new();
                walk(path, out.as_deref(), &mut files)?;
                for file in files {
                    let place = file.strip_prefix(path).unwrap_or(&file).to_owned();
                    match kind_of(&file) {
                        Some(kind) => found.push(Found { path: file, kind, root: root.clone(), place }),
                        None => passed_over.push(file),
                    }
                }
                if found.len() == before {
                    return Err(format!("{}: there is no picture and no DICOM file in this folder", path.display()));
                }
            } else {
                let root = PathBuf::from(path.parent().and_then(Path::file_name).unwrap_or_default());
                let place = PathBuf::from(path.file_name().unwrap_or_default());
                // One that is of no known kind is refused when it is read, and the others go on.
                found.push(Found { kind: kind_of(path).unwrap_or(Kind::Picture), path: path.clone(), root, place });
            }
        }
        Ok(Self { inputs: name_apart(found)?, passed_over })
    }
}

/// The pictures of a folder, in the order of their names.
///
/// # Errors
/// A folder that cannot be listed, or has none.
pub fn pictures(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut pictures = list(folder)?;
    pictures.retain(|path| !path.is_dir() && kind_of(path) == Some(Kind::Picture));
    if pictures.is_empty() {
        return Err(format!("{}: there is no PNG or JPEG picture in this folder", folder.display()));
    }
    Ok(pictures)
}

/// The files of a folder and its folders, sorted.
fn walk(folder: &Path, out: Option<&Path>, files: &mut Vec<PathBuf>) -> Result<(), String> {
    for entry in list(folder)? {
        if !entry.is_dir() {
            files.push(entry);
        } else if out.is_none_or(|out| entry.canonicalize().ok().as_deref() != Some(out)) {
            walk(&entry, out, files)?;
        }
    }
    Ok(())
}

/// What is in a folder, sorted, without the companions that file managers leave behind and the directory of a disc.
fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let is_of_use = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !(name.starts_with('.') || matches!(&*name, "Thumbs.db" | "desktop.ini" | "__MACOSX" | "DICOMDIR"))
    };
    let error = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(error)?;
    let mut entries =
        entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>().map_err(error)?;
    entries.retain(is_of_use);
    entries.sort();
    Ok(entries)
}

/// By the name, else by the first bytes: files from a disc often have no extension.
fn kind_of(path: &Path) -> Option<Kind> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if matches!(&*extension, "png" | "jpg" | "jpeg") {
        return Some(Kind::Picture);
    }
    let mut head = Vec::new();
    std::fs::File::open(path).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    (identify(&head) == Some(DicomKind::Picture)).then_some(Kind::Dicom)
}

/// The shortest names that differ: a file's place without its extension, with it, with its folder's name before it.
fn name_apart(found: Vec<Found>) -> Result<Vec<Input>, String> {
    let name = |found: &Found, level: usize| {
        let is_dicom = matches!(found.place.extension(), Some(extension) if extension.eq_ignore_ascii_case("dcm"));
        match level {
            0 if found.kind == Kind::Picture || is_dicom => found.place.with_extension(""),
            0 | 1 => found.place.clone(),
            _ => found.root.join(&found.place),
        }
    };
    let mut levels = vec![0; found.len()];
    loop {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (i, (found, &level)) in found.iter().zip(&levels).enumerate() {
            // Some file systems do not tell capital letters from small ones.
            groups.entry(name(found, level).to_string_lossy().to_lowercase()).or_default().push(i);
        }
        let Some(alike) = groups.values().find(|group| group.len() > 1) else { break };
        if alike.iter().all(|&i| levels[i] == 2) {
            let [first, second] = [0, 1].map(|i| found[alike[i]].path.display());
            return Err(format!(
                "{first} and {second} would be written under one name; segment them one after the other, into two folders"
            ));
        }
        alike.iter().for_each(|&i| levels[i] = (levels[i] + 1).min(2));
    }
    let named = found.into_iter().zip(levels).map(|(found, level)| {
        let name = name(&found, level);
        Input { path: found.path, kind: found.kind, name }
    });
    Ok(named.collect())
}

/// Refuses outputs that would replace an input, or a file that lies beside one.
///
/// # Errors
/// Which, and what to do.
pub fn keep_apart(inputs: &[Input], outputs: impl Iterator<Item = PathBuf>) -> Result<(), String> {
    let whole = |path: &Path| path.canonicalize().ok();
    let files: BTreeSet<_> = inputs.iter().filter_map(|input| whole(&input.path)).collect();
    let folders: BTreeSet<_> = files.iter().filter_map(|file| file.parent()).collect();
    for output in outputs {
        let Some(there) = whole(&output) else { continue };
        if files.contains(&there) || there.parent().is_some_and(|folder| folders.contains(folder)) {
            return Err(format!(
                "{} is already there, beside the inputs, and would be replaced; choose another folder with --out",
                output.display()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"text").unwrap();
        }
        folder
    }

    fn names(paths: &[PathBuf]) -> Vec<String> {
        let inputs = Inputs::of(paths, Path::new("/nowhere")).unwrap().inputs;
        inputs.iter().map(|input| input.name.display().to_string()).collect()
    }

    #[test]
    fn folders_are_mirrored_and_companions_passed_over() {
        let files = ["b/f.png", "a/f.png", "a/._f.png", ".DS_Store", "Thumbs.db", "a/f.json"];
        let folder = folder(&files);
        assert_eq!(names(&[folder.path().to_owned()]), ["a/f", "b/f"]);
        let listed = Inputs::of(&[folder.path().to_owned()], Path::new("/nowhere")).unwrap();
        assert_eq!(listed.passed_over, [folder.path().join("a/f.json")]);
    }

    #[test]
    fn names_that_would_be_alike_are_told_apart_by_extension_then_by_folder() {
        let folder = folder(&["x/a.png", "x/a.jpg", "x/b.png", "y/b.png", "y/B.jpg"]);
        let file = |path: &str| folder.path().join(path);
        assert_eq!(names(&[file("x")]), ["a.jpg", "a.png", "b"]);
        assert_eq!(names(&[file("x/b.png"), file("y/b.png")]), ["x/b.png", "y/b.png"]);
        let error = Inputs::of(&[file("x/b.png"), file("x/b.png")], Path::new("/nowhere")).unwrap_err();
        assert!(error.contains("under one name"), "{error}");
    }

    #[test]
    fn a_file_beside_the_inputs_is_not_replaced() {
        let folder = folder(&["a.png", "a.json"]);
        let inputs = Inputs::of(&[folder.path().join("a.png")], folder.path()).unwrap().inputs;
        let error = keep_apart(&inputs, [folder.path().join("a.json")].into_iter()).unwrap_err();
        assert!(error.contains("a.json") && error.contains("--out"), "{error}");
        assert_eq!(keep_apart(&inputs, [folder.path().join("a_mask.png")].into_iter()), Ok(()));
    }
}
