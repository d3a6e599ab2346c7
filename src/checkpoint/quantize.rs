//! 8-bit weights in blocks: of every 32 consecutive values of a tensor (row-major) the largest magnitude becomes 127, and an
//! `f16` scale turns integers back into values. An error is at most half a step: the block's largest magnitude / 254.

use half::f16;

/// Values that share a scale.
pub const BLOCK: usize = 32;

/// Integers, and a scale for each block.
pub fn quantize(values: &[f32]) -> (Vec<i8>, Vec<f16>) {
    let scales: Vec<f16> = values
        .chunks(BLOCK)
        .map(|block| f16::from_f32(block.iter().fold(0f32, |largest, value| largest.max(value.abs())) / 127.0))
        .collect();
    let integers = values.chunks(BLOCK).zip(&scales).flat_map(|(block, scale)| {
        let scale = scale.to_f32();
        block.iter().map(move |value| if scale > 0.0 { (value / scale).round().clamp(-127.0, 127.0) as i8 } else { 0 })
    });
    (integers.collect(), scales)
}

/// The values back from integers and scales.
pub fn dequantize(integers: &[u8], scales: &[f16]) -> Vec<f32> {
    let blocks = integers.chunks(BLOCK).zip(scales);
    blocks.flat_map(|(block, scale)| block.iter().map(|&value| f32::from(value as i8) * scale.to_f32())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_comes_back_within_a_step_of_its_block(values in prop::collection::vec(-8f32..8.0, 0..200)) {
            let (integers, scales) = quantize(&values);
            let bytes: Vec<u8> = integers.iter().map(|&value| value as u8).collect();
            let back = dequantize(&bytes, &scales);
            prop_assert_eq!(back.len(), values.len());
            for (block, back) in values.chunks(BLOCK).zip(back.chunks(BLOCK)) {
                let largest = block.iter().fold(0f32, |largest, value| largest.max(value.abs()));
                for (value, back) in block.iter().zip(back) {
                    // Half a step, and what rounding the scale to f16 can add at full magnitude.
                    prop_assert!((value - back).abs() <= largest * (0.5 / 127.0 + 1e-3), "{} {}", value, back);
                }
            }
        }
    }
}
