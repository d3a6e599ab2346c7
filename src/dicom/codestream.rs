//! What a compressed frame says of itself, before it is decoded: markers of JPEG (ITU T.81 annex B) and JPEG 2000 (T.800 annex A).

use super::pixel_format::Photometric;

/// The header of a JPEG picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct JpegHeader {
    pub columns: usize,
    pub rows: usize,
    pub components: usize,
    /// What its own markers and numbers say of three components; `None` where they say nothing.
    colours: Option<Photometric>,
}

impl JpegHeader {
    /// `None` where the markers up to the frame header are not those of a JPEG picture.
    pub(super) fn of(data: &[u8]) -> Option<Self> {
        let mut rest = data.strip_prefix(&[0xFF, 0xD8])?;
        let (mut is_jfif, mut adobe) = (false, None);
        loop {
            // Markers may be filled up with 0xFF.
            while let [0xFF, 0xFF, ..] = rest {
                rest = &rest[1..];
            }
            let [0xFF, marker, l0, l1, ..] = *rest else { return None };
            let segment = rest.get(4..2 + usize::from(u16::from_be_bytes([l0, l1])))?;
            match marker {
                0xE0 if segment.starts_with(b"JFIF") => is_jfif = true,
                0xEE if segment.starts_with(b"Adobe") => adobe = Some(*segment.get(11)? != 0),
                // A frame header, of any process but the tables that lie between their markers.
                0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                    let &[_, r0, r1, c0, c1, components, ref parts @ ..] = segment else { return None };
                    let ids: Vec<_> = parts.iter().step_by(3).collect();
                    let mut samplings = parts.iter().skip(1).step_by(3);
                    let first = samplings.next();
                    let is_subsampled = samplings.any(|sampling| Some(sampling) != first);
                    let is_lossless = marker & 3 == 3;
                    let colours = match adobe {
                        None if is_lossless => None,
                        _ if is_jfif => Some(Photometric::YbrFull),
                        Some(true) => Some(Photometric::YbrFull),
                        Some(false) => Some(Photometric::Rgb),
                        None if matches!(ids[..], [b'R', b'G', b'B'] | [b'r', b'g', b'b']) => Some(Photometric::Rgb),
                        None if matches!(ids[..], [1, 2, 3]) || is_subsampled => Some(Photometric::YbrFull),
                        None => None,
                    };
                    let number = |high, low| usize::from(u16::from_be_bytes([high, low]));
                    let (columns, rows) = (number(c0, c1), number(r0, r1));
                    return Some(Self { columns, rows, components: components.into(), colours });
                }
                _ => {}
            }
            rest = &rest[4 + segment.len()..];
        }
    }

    /// The colours of its three components, decided as libjpeg does, by its markers, then by its components' numbers; chroma
    /// at fewer pixels is chroma. Where none of these tells, and in lossless pictures without markers, as the file says.
    pub(super) fn photometric(&self, file: Photometric) -> Photometric {
        self.colours.unwrap_or(file)
    }
}

/// The header of a JPEG 2000 codestream, bare or in a JP2 file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Jpeg2000Header {
    /// The codestream's first byte.
    pub start: usize,
    pub columns: usize,
    pub rows: usize,
    pub components: usize,
    /// All components are unsigned values of up to 8 bits.
    pub is_bytes: bool,
    /// What lies between the first component's values and unsigned ones: half their range where they have a sign.
    pub bias: i32,
    /// The components are a transform of red, green and blue.
    pub transformed: bool,
}

impl Jpeg2000Header {
    /// Most tiles of a frame; each costs its decoder memory.
    const MAX_TILES: usize = 4096;

    /// `None` where the main header is not that of a JPEG 2000 codestream.
    pub(super) fn of(data: &[u8]) -> Option<Self> {
        let start = data.windows(4).position(|marker| marker == [0xFF, 0x4F, 0xFF, 0x51])?;
        let mut rest = &data[start + 2..];
        let mut header = None;
        loop {
            let [0xFF, marker, l0, l1, ..] = *rest else { return None };
            let segment = rest.get(4..2 + usize::from(u16::from_be_bytes([l0, l1])))?;
            match marker {
                0x51 => header = Some(Self { start, ..Self::sizes(segment)? }),
                0x52 => header.as_mut()?.transformed = *segment.get(4)? != 0,
                // The first tile: the main header ends.
                0x90 => return header,
                _ => {}
            }
            rest = &rest[4 + segment.len()..];
        }
    }

    fn sizes(segment: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_be_bytes(*segment.get(at..)?.first_chunk()?) as usize);
        let (right, bottom, left, top) = (number(2)?, number(6)?, number(10)?, number(14)?);
        let (columns, rows) = (right.checked_sub(left)?, bottom.checked_sub(top)?);
        let (tile_columns, tile_rows) = (number(18)?, number(22)?);
        if tile_columns == 0 || tile_rows == 0 {
            return None;
        }
        if columns.div_ceil(tile_columns).checked_mul(rows.div_ceil(tile_rows))? > Self::MAX_TILES {
            return None;
        }
        let components = usize::from(u16::from_be_bytes(*segment.get(34..)?.first_chunk()?));
        // The highest bit is the sign, the rest the depth less one.
        let depths = segment.get(36..)?.iter().step_by(3);
        let is_bytes = depths.clone().all(|&depth| depth <= 7);
        let bias = depths.clone().next().map_or(0, |&depth| if depth >= 0x80 { 1 << (depth & 0x1F) } else { 0 });
        Some(Self { start: 0, columns, rows, components, is_bytes, bias, transformed: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jpeg_header_gives_size_and_the_colours_that_libjpeg_takes() {
        let sof = [0xFF, 0xC0, 0, 17, 8, 0, 2, 0, 3, 3, 1, 0x21, 0, 2, 0x11, 1, 3, 0x11, 1];
        let jpeg = |before: &[u8]| JpegHeader::of(&[&[0xFF, 0xD8], before, &sof[..]].concat()).unwrap();
        let plain = jpeg(&[]);
        assert_eq!((plain.columns, plain.rows, plain.components), (3, 2, 3));
        assert_eq!(plain.photometric(Photometric::Rgb), Photometric::YbrFull);
        let numbered = |first: u8| {
            let ids = [first, first + 1, first + 2];
            let parts: Vec<u8> = ids.iter().flat_map(|&id| [id, 0x11, 0]).collect();
            JpegHeader::of(&[&[0xFF, 0xD8], &sof[..10], &parts].concat()).unwrap().photometric(Photometric::Rgb)
        };
        assert_eq!((numbered(1), numbered(0)), (Photometric::YbrFull, Photometric::Rgb));
        let named = [&[0xFF, 0xD8], &sof[..10], b"R", &sof[11..13], b"G", &sof[14..16], b"B", &sof[17..]].concat();
        assert_eq!(JpegHeader::of(&named).unwrap().photometric(Photometric::YbrFull422), Photometric::Rgb);
        let lossless = [&[0xFF, 0xD8, 0xFF, 0xC3], &sof[2..]].concat();
        assert_eq!(JpegHeader::of(&lossless).unwrap().photometric(Photometric::Rgb), Photometric::Rgb);
        let adobe = |transform| {
            jpeg(&[&[0xFF, 0xFF, 0xEE, 0, 14], &b"Adobe\0\x64\0\0\0\0"[..], &[transform]].concat())
                .photometric(Photometric::YbrFull422)
        };
        assert_eq!((adobe(0), adobe(1)), (Photometric::Rgb, Photometric::YbrFull));
        let jfif = jpeg(&[&[0xFF, 0xE0, 0, 7], &b"JFIF\0"[..]].concat());
        assert_eq!(jfif.photometric(Photometric::Rgb), Photometric::YbrFull);
    }

    #[test]
    fn bytes_without_a_frame_header_are_no_jpeg() {
        assert_eq!(JpegHeader::of(&[0xFF, 0xD8, 0xFF, 0xDB, 0, 200, 1]), None);
        assert_eq!(Jpeg2000Header::of(&[0xFF, 0x4F, 0xFF, 0x51, 0, 4, 0, 0]), None);
    }
}
