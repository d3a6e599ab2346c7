//! Values of a data set, leniently: what is empty, malformed or of another type counts as not there.

use dicom_core::Tag;
use dicom_core::value::Value;
use dicom_object::InMemDicomObject;

pub(super) fn text(object: &InMemDicomObject, tag: Tag) -> Option<String> {
    let text = object.get(tag)?.to_str().ok()?;
    let text = text.trim_matches(['\0', ' ']);
    (!text.is_empty()).then(|| text.to_owned())
}

/// All values.
pub(super) fn texts(object: &InMemDicomObject, tag: Tag) -> Vec<String> {
    let values = object.get(tag).and_then(|element| element.to_multi_str().ok());
    values.map_or_else(Vec::new, |values| values.iter().map(|text| text.trim_matches(['\0', ' ']).to_owned()).collect())
}

pub(super) fn integer(object: &InMemDicomObject, tag: Tag) -> Option<i64> {
    object.get(tag)?.to_int().ok()
}

/// All values.
pub(super) fn integers(object: &InMemDicomObject, tag: Tag) -> Vec<i64> {
    object.get(tag).and_then(|element| element.to_multi_int().ok()).unwrap_or_default()
}

/// The first value, finite.
pub(super) fn number(object: &InMemDicomObject, tag: Tag) -> Option<f64> {
    numbers(object, tag).first().copied()
}

/// All values, as far as all are finite; else none.
pub(super) fn numbers(object: &InMemDicomObject, tag: Tag) -> Vec<f64> {
    let numbers = object.get(tag).and_then(|element| element.to_multi_float64().ok()).unwrap_or_default();
    if numbers.iter().all(|number| number.is_finite()) { numbers } else { Vec::new() }
}

pub(super) fn items(object: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    object.get(tag).map(|element| element.value()).and_then(Value::items).unwrap_or_default()
}
