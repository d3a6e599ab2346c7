//! What a reader should know of a file that was read all the same.

use std::fmt;

use dicom_core::Tag;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// A file is not quite what it says; its pictures are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DicomNote {
    /// More frames than it says, or without saying how many.
    MoreFrames {
        /// How many it says; `None` where it does not.
        said: Option<usize>,
        /// How many it holds.
        held: usize,
    },
    /// Fewer frames than it says.
    FewerFrames {
        /// How many it says.
        said: usize,
        /// How many it holds; the last one may be cut short.
        held: usize,
    },
    /// Its colours take another number of bytes than it says.
    ChromaSize {
        /// Bytes of a pixel.
        bytes: usize,
    },
    /// Its JPEG pictures say of themselves that their colours are stored otherwise.
    JpegColours {
        /// The attribute's value.
        said: String,
    },
    /// Its data set is written otherwise than it says.
    Encoding,
    /// Attributes that were left out, because their values cannot be read.
    LeftOut {
        /// Which.
        tags: Vec<Tag>,
    },
    /// Pixels that are not square.
    PixelAspect {
        /// A pixel's width over its height, times 1000.
        thousandths: u32,
    },
    /// Regions that reach out of the picture: its size was changed, and their calibration does not hold.
    RegionsOutside {
        /// How many.
        count: usize,
    },
    /// Millimetres at the detector or on the film, not in the patient.
    SpacingAtDetector,
    /// Frame times that do not fit the frames.
    FrameTimes,
    /// Segments that overlap: a pixel has one class.
    Overlap {
        /// Pixels that belong to several, in all frames together.
        pixels: u64,
    },
    /// A segmentation by probability, taken where it is at least half.
    Fractional,
}

impl DicomNote {
    /// A stable name, which does not change when the wording does.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::MoreFrames { .. } => "more-frames",
            Self::FewerFrames { .. } => "fewer-frames",
            Self::ChromaSize { .. } => "chroma-size",
            Self::JpegColours { .. } => "jpeg-colours",
            Self::Encoding => "encoding",
            Self::LeftOut { .. } => "left-out",
            Self::PixelAspect { .. } => "pixel-aspect",
            Self::RegionsOutside { .. } => "regions-outside",
            Self::SpacingAtDetector => "spacing-at-detector",
            Self::FrameTimes => "frame-times",
            Self::Overlap { .. } => "overlap",
            Self::Fractional => "fractional",
        }
    }
}

impl fmt::Display for DicomNote {
    /// A sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MoreFrames { said: None, held } => {
                write!(f, "The file does not say how many frames it has; it holds {held}, and all are shown.")
            }
            Self::MoreFrames { said: Some(said), held } => {
                write!(f, "The file says that it has {said} {}; it holds {held}, and all are shown.", frames(*said))
            }
            Self::FewerFrames { said, held } => write!(
                f,
                "The file says that it has {said} frames and holds {held}; it was not copied or exported completely."
            ),
            Self::ChromaSize { bytes } => {
                write!(f, "The colours take {bytes} bytes a pixel, not as many as the file says; they are read so.")
            }
            Self::JpegColours { said } => {
                write!(
                    f,
                    "The file says that its colours are {said}, its JPEG pictures say otherwise; they are believed."
                )
            }
            Self::Encoding => f.write_str("The file is written in another way than it says; it was read as it is."),
            Self::LeftOut { tags } => {
                let names = tags.iter().map(Tag::to_string).collect::<Vec<_>>().join(", ");
                write!(f, "Attributes whose values cannot be read were left out: {names}.")
            }
            Self::PixelAspect { thousandths } => write!(
                f,
                "Its pixels are not square: each is {} times as wide as high.",
                f64::from(*thousandths) / 1000.0
            ),
            Self::RegionsOutside { count } => write!(
                f,
                "{count} of its ultrasound regions reach out of the picture, so their millimetres are not used: the picture's \
                 size was changed after it was taken."
            ),
            Self::SpacingAtDetector => {
                f.write_str("Its millimetres are those at the detector, not in the patient; lengths may be too large.")
            }
            Self::FrameTimes => f.write_str("Its frame times do not fit its frames, so the times are not known."),
            Self::Overlap { pixels } => write!(
                f,
                "Its segments overlap in {pixels} pixels; each of them is given to the segment with the highest number."
            ),
            Self::Fractional => {
                f.write_str("Its masks are probabilities; they are taken where they are at least one half.")
            }
        }
    }
}

fn frames(count: usize) -> &'static str {
    if count == 1 { "frame" } else { "frames" }
}

impl Serialize for DicomNote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("DicomNote", 2)?;
        object.serialize_field("kind", self.kind())?;
        object.serialize_field("message", &self.to_string())?;
        object.end()
    }
}
