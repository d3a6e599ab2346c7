//! A source under the official names: without what wrappers put into them, and with those of `transformers` translated.

use std::collections::BTreeMap;

use super::{CheckpointError, TensorSource, transformers};

/// Parts of a name that data parallel training and `torch.compile` put in, anywhere.
const WRAPPERS: [&str; 2] = ["module", "_orig_mod"];

/// A source whose tensors go by other names.
pub struct Renamed {
    source: Box<dyn TensorSource>,
    shapes: BTreeMap<String, Vec<usize>>,
    origins: BTreeMap<String, Origin>,
    /// A tensor of which a row was asked for: the others will be too, and a source gives a tensor once.
    in_rows: Option<(String, Vec<f32>)>,
    /// Whether the names are those of `transformers`.
    pub is_of_transformers: bool,
}

/// Where a tensor is in the source.
struct Origin {
    name: String,
    /// The one row that is meant, where it is not the whole.
    row: Option<Row>,
}

/// A row of a matrix.
#[derive(Clone, Copy)]
struct Row {
    index: usize,
    length: usize,
}

impl Renamed {
    pub fn new(source: Box<dyn TensorSource>) -> Self {
        let plain: BTreeMap<String, String> =
            source.shapes().keys().map(|name| (without_wrappers(name), name.clone())).collect();
        let has = |part: &str| plain.keys().any(|name| name.contains(part));
        let is_of_transformers = has(transformers::IMAGE_ENCODER) && !has("image_encoder.");
        let mut renamed =
            Self { source, shapes: BTreeMap::new(), origins: BTreeMap::new(), in_rows: None, is_of_transformers };
        if !is_of_transformers {
            plain.into_iter().for_each(|(name, origin)| renamed.add(name, origin));
            return renamed;
        }
        let is_sam2 = has("vision_encoder.backbone.");
        let in_front = plain.keys().find_map(|name| name.split_once(transformers::IMAGE_ENCODER));
        let prefix = in_front.map_or("", |(prefix, _)| prefix).to_owned();
        for (name, origin) in plain {
            match name.strip_prefix(&prefix) {
                None => renamed.add(name, origin),
                Some(transformers::POINT_EMBEDDINGS) if is_sam2 => renamed.add_point_embeddings(&prefix, &origin),
                Some(inside) => {
                    if let Some(official) = transformers::official_name(inside, is_sam2) {
                        renamed.add(format!("{prefix}{official}"), origin);
                    }
                }
            }
        }
        renamed
    }

    fn add(&mut self, name: String, origin: String) {
        self.shapes.insert(name.clone(), self.source.shapes()[&origin].clone());
        self.origins.insert(name, Origin { name: origin, row: None });
    }

    /// One matrix as an embedding for each of its rows.
    fn add_point_embeddings(&mut self, prefix: &str, origin: &str) {
        let &[rows, length] = self.source.shapes()[origin].as_slice() else { return };
        for index in 0..rows.min(transformers::POINT_KINDS) {
            let name = format!("{prefix}sam_prompt_encoder.point_embeddings.{index}.weight");
            self.shapes.insert(name.clone(), vec![1, length]);
            self.origins.insert(name, Origin { name: origin.to_owned(), row: Some(Row { index, length }) });
        }
    }
}

fn without_wrappers(name: &str) -> String {
    name.split('.').filter(|part| !WRAPPERS.contains(part)).collect::<Vec<_>>().join(".")
}

impl TensorSource for Renamed {
    fn shapes(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.shapes
    }

    fn read(&mut self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let gone = || CheckpointError::Damaged(format!("the tensor `{name}` is gone"));
        let Origin { name: origin, row } = self.origins.get(name).ok_or_else(gone)?;
        let Some(Row { index, length }) = *row else { return self.source.read(origin) };
        if self.in_rows.as_ref().is_none_or(|(of, _)| of != origin) {
            self.in_rows = Some((origin.clone(), self.source.read(origin)?));
        }
        let values = self.in_rows.as_ref().and_then(|(_, values)| values.get(index * length..(index + 1) * length));
        Ok(values.ok_or_else(gone)?.to_vec())
    }
}
