//! A request, as it crosses from JavaScript.

use super::types::RequestObject;
use crate::segmenter::Request;

/// A plain object as a request; the page draws contours.
pub fn read_request(object: RequestObject) -> Result<Request, serde_wasm_bindgen::Error> {
    let request: Request = serde_wasm_bindgen::from_value(object.into())?;
    Ok(Request { contours: true, ..request })
}
