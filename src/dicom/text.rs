//! Texts in the character sets of a file (PS3.3 section C.12.1.1.2, PS3.5 section 6.1): bytes -> Unicode.

use dicom_encoding::text::{DefaultCharacterSetCodec, SpecificCharacterSet, TextCodec};
use dicom_object::mem::InMemElement;

const ESCAPE: u8 = 0x1B;

/// What each escape sequence of ISO 2022 switches to (PS3.3 tables C.12-3 and C.12-4).
const ESCAPES: [(&[u8], &str); 18] = [
    (b"(B", "ISO_IR 6"),
    (b"-A", "ISO_IR 100"),
    (b"-B", "ISO_IR 101"),
    (b"-C", "ISO_IR 109"),
    (b"-D", "ISO_IR 110"),
    (b"-L", "ISO_IR 144"),
    (b"-G", "ISO_IR 127"),
    (b"-F", "ISO_IR 126"),
    (b"-H", "ISO_IR 138"),
    (b"-T", "ISO_IR 166"),
    (b"(J", "ISO_IR 13"),
    (b")I", "ISO_IR 13"),
    (b"$)C", "ISO_IR 149"),
    (b"$)A", "GBK"),
    // The decoder of these four reads the escape sequence itself.
    (b"$B", "ISO_IR 87"),
    (b"$@", "ISO_IR 87"),
    (b"$(D", "ISO_IR 87"),
    (b"$(B", "ISO_IR 87"),
];

/// The character set in which texts begin; escape sequences may switch to others.
#[derive(Debug, Clone, Default)]
pub(super) struct CharacterSets {
    first: SpecificCharacterSet,
}

impl CharacterSets {
    /// Of Specific Character Set (0008,0005): its first value, the standard's default where that is empty or unknown.
    pub(super) fn of(element: &InMemElement) -> Self {
        let first = element.to_multi_str().ok().and_then(|values| values.first().cloned());
        Self { first: first.and_then(|code| SpecificCharacterSet::from_code(code.trim())).unwrap_or_default() }
    }

    /// One text.
    pub(super) fn decode(&self, bytes: &[u8]) -> String {
        let mut parts = bytes.split(|&byte| byte == ESCAPE);
        let mut text = decode(&self.first, parts.next().unwrap_or_default());
        for part in parts {
            let switch = ESCAPES.iter().find(|(escape, _)| part.starts_with(escape));
            match switch.and_then(|(escape, code)| Some((escape, SpecificCharacterSet::from_code(code)?))) {
                Some((escape, set)) if set.name() == "ISO_IR 87" => {
                    debug_assert!(part.starts_with(escape));
                    text += &decode(&set, &[&[ESCAPE], part].concat());
                }
                Some((escape, set)) => text += &decode(&set, &part[escape.len()..]),
                None => text += &decode(&self.first, part),
            }
        }
        text
    }

    /// Texts with backslashes between them. In sets of two bytes a character, the second byte may look like a backslash.
    pub(super) fn decode_values(&self, bytes: &[u8]) -> Vec<String> {
        let is_wide = matches!(&*self.first.name(), "GB18030" | "GBK" | "ISO_IR 13");
        if is_wide || bytes.contains(&ESCAPE) {
            self.decode(bytes).split('\\').map(str::to_owned).collect()
        } else {
            bytes.split(|&byte| byte == b'\\').map(|value| self.decode(value)).collect()
        }
    }
}

fn decode(set: &SpecificCharacterSet, bytes: &[u8]) -> String {
    let decoded = set.decode(bytes).or_else(|_| DefaultCharacterSetCodec.decode(bytes));
    decoded.unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned())
}
