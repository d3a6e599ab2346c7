//! When the frames of a cine were taken (PS3.3 sections C.7.6.5, C.7.6.6 and C.7.6.16.2.2).

use dicom_core::chrono::NaiveDateTime;
use dicom_core::header::HasLength;
use dicom_core::{DicomValue, PrimitiveValue, Tag};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::attributes::{items, number, numbers, text};
use super::notes::DicomNote;

/// What a file says of its frames' times.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Timing {
    /// Seconds since the first frame, one a frame, not falling.
    pub times: Option<Vec<f64>>,
    /// Frames a second that the file recommends to play.
    pub playback_rate: Option<f64>,
}

impl Timing {
    /// From the first of: the vector of frame times, the frame time, each frame's acquisition time, the cine rate. The rate
    /// that is recommended for display is no time: it says how fast to play, not how fast the frames were taken.
    pub(super) fn of(object: &InMemDicomObject, frames: usize, notes: &mut Vec<DicomNote>) -> Self {
        let positive = |tag| number(object, tag).filter(|&value| value > 0.0);
        let playback_rate = positive(tags::RECOMMENDED_DISPLAY_FRAME_RATE);
        if frames < 2 {
            return Self { times: None, playback_rate: None };
        }
        let even = |seconds: f64| (0..frames).map(|frame| frame as f64 * seconds).collect();
        let has_vector = object.get(tags::FRAME_TIME_VECTOR).is_some_and(|element| !element.value().is_empty());
        let vector = by_vector(object, frames);
        if has_vector && vector.is_none() {
            notes.push(DicomNote::FrameTimes);
        }
        let frame_time = || positive(tags::FRAME_TIME).map(|milliseconds| even(milliseconds / 1000.0));
        // Where both are there, the file says which counts.
        let times = match pointer(object) {
            Some(tags::FRAME_TIME) => frame_time().or(vector),
            _ => vector.or_else(frame_time),
        };
        let times = times
            .or_else(|| by_acquisition(object, frames))
            .or_else(|| positive(tags::CINE_RATE).map(|rate| even(rate.recip())));
        Self { times, playback_rate }
    }
}

/// The attribute that Frame Increment Pointer names.
fn pointer(object: &InMemDicomObject) -> Option<Tag> {
    match object.get(tags::FRAME_INCREMENT_POINTER)?.value() {
        DicomValue::Primitive(PrimitiveValue::Tags(tags)) => tags.first().copied(),
        _ => None,
    }
}

/// Each value is the time since the frame before; the first is none.
fn by_vector(object: &InMemDicomObject, frames: usize) -> Option<Vec<f64>> {
    let increments = numbers(object, tags::FRAME_TIME_VECTOR);
    let increments = increments.get(1..frames)?;
    if increments.iter().any(|&time| time < 0.0) || increments.iter().all(|&time| time == 0.0) {
        return None;
    }
    let mut milliseconds = 0.0;
    let later = increments.iter().map(|increment| {
        milliseconds += increment;
        milliseconds / 1000.0
    });
    Some([0.0].into_iter().chain(later).collect())
}

/// The acquisition times in the functional groups of an enhanced multi-frame file.
fn by_acquisition(object: &InMemDicomObject, frames: usize) -> Option<Vec<f64>> {
    let groups = items(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).get(..frames)?;
    let time = |groups: &InMemDicomObject| {
        let content = items(groups, tags::FRAME_CONTENT_SEQUENCE).first()?;
        let text = [tags::FRAME_ACQUISITION_DATE_TIME, tags::FRAME_REFERENCE_DATE_TIME]
            .into_iter()
            .find_map(|tag| text(content, tag))?;
        // The offset from UTC is the same in all frames.
        let local = text.split(['+', '-', '&']).next()?;
        NaiveDateTime::parse_from_str(local, "%Y%m%d%H%M%S%.f").ok()
    };
    let times = groups.iter().map(time).collect::<Option<Vec<_>>>()?;
    let seconds: Vec<_> =
        times.iter().map(|time| (*time - times[0]).num_microseconds().map(|time| time as f64 / 1e6)).collect();
    let seconds = seconds.into_iter().collect::<Option<Vec<_>>>()?;
    (seconds.is_sorted() && seconds[frames - 1] > 0.0).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicom_core::{DataElement, VR};

    fn timing(elements: &[(Tag, VR, &str)], frames: usize) -> (Timing, usize) {
        let elements = elements.iter().map(|&(tag, vr, text)| {
            let values: Vec<String> = text.split('\\').map(str::to_owned).collect();
            DataElement::new(tag, vr, PrimitiveValue::Strs(values.into_iter().collect()))
        });
        let mut notes = Vec::new();
        let timing = Timing::of(&InMemDicomObject::from_element_iter(elements), frames, &mut notes);
        (timing, notes.len())
    }

    #[test]
    fn a_vector_gives_each_frame_its_own_time() {
        let (found, notes) = timing(&[(tags::FRAME_TIME_VECTOR, VR::DS, "0\\20\\20\\200\\20")], 5);
        assert_eq!((found.times, notes), (Some(vec![0.0, 0.02, 0.04, 0.24, 0.26]), 0));
    }

    #[test]
    fn a_vector_that_does_not_fit_the_frames_leaves_the_times_unknown() {
        for vector in ["0\\20", "0\\20\\-20", "0\\0\\0", "0\\x\\20"] {
            assert_eq!(timing(&[(tags::FRAME_TIME_VECTOR, VR::DS, vector)], 3).0.times, None, "{vector}");
        }
        assert_eq!(timing(&[(tags::FRAME_TIME_VECTOR, VR::DS, "0\\20")], 3).1, 1);
    }

    #[test]
    fn frame_time_and_cine_rate_are_times_and_the_rate_for_display_is_none() {
        assert_eq!(timing(&[(tags::FRAME_TIME, VR::DS, "40")], 3).0.times, Some(vec![0.0, 0.04, 0.08]));
        assert_eq!(timing(&[(tags::CINE_RATE, VR::IS, "20")], 2).0.times, Some(vec![0.0, 0.05]));
        let display = timing(&[(tags::RECOMMENDED_DISPLAY_FRAME_RATE, VR::IS, "20")], 2).0;
        assert_eq!(display, Timing { times: None, playback_rate: Some(20.0) });
    }

    #[test]
    fn one_frame_has_no_time() {
        assert_eq!(timing(&[(tags::FRAME_TIME, VR::DS, "40")], 1).0, Timing::default());
    }
}
