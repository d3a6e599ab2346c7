//! SAM ViT's position tables, stretched to another image size.

use crate::config::{Backbone, Sam2RadConfig};
use crate::resample::{Taps, resize_plane};

/// Whether a tensor that is `found` in a file is a position table that is stretched to `shape`.
pub(super) fn is_stretched(config: &Sam2RadConfig, path: &str, found: &[usize], shape: &[usize]) -> bool {
    let Backbone::Vit(vit) = &config.image_encoder.backbone else { return false };
    let is_line = vit.global_attn_indexes.iter().any(|block| {
        let table = path.strip_prefix(&format!("image_encoder.blocks.{block}.attn."));
        table.is_some_and(|table| ["rel_pos_h", "rel_pos_w"].contains(&table))
    });
    let (Some(from), Some(to)) = (as_picture(found), as_picture(shape)) else { return false };
    let is_table = is_line || path == "image_encoder.pos_embed";
    is_table && found.len() == shape.len() && from[2] == to[2] && !from.contains(&0)
}

/// A position table as `[rows, columns, channels]`: a picture `[1, rows, columns, channels]`, or a line of positions with channels.
pub(super) fn as_picture(shape: &[usize]) -> Option<[usize; 3]> {
    match *shape {
        [1, rows, columns, channels] => Some([rows, columns, channels]),
        [length, channels] => Some([length, 1, channels]),
        _ => None,
    }
}

/// A table `[rows, columns, channels]` resized to other rows and columns.
pub(super) fn stretch(
    values: &[f32],
    [rows, columns, channels]: [usize; 3],
    [to_rows, to_columns, _]: [usize; 3],
) -> Vec<f32> {
    let (vertical, horizontal) = (Taps::bilinear(rows, to_rows), Taps::bilinear(columns, to_columns));
    let mut stretched = vec![0f32; to_rows * to_columns * channels];
    for channel in 0..channels {
        let plane: Vec<f32> = values.iter().skip(channel).step_by(channels).copied().collect();
        let plane = resize_plane(&plane, columns, &vertical, &horizontal);
        stretched.iter_mut().skip(channel).step_by(channels).zip(plane).for_each(|(to, value)| *to = value);
    }
    stretched
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_stretched_channel_by_channel() {
        let values = [0.0, 10.0, 1.0, 20.0];
        assert_eq!(stretch(&values, [2, 1, 2], [4, 1, 2]), [0.0, 10.0, 0.25, 12.5, 0.75, 17.5, 1.0, 20.0]);
    }
}
