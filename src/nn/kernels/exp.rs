//! The exponential function.

use super::larger;

/// exp of a number that is not positive, without branches, so that the compiler vectorises it: `2^n exp(r)` with
/// `|r| <= ln 2 / 2` and a polynomial of degree 6 for `exp(r)` (error below one unit in the last place). Below -87, where
/// the result would be subnormal, it is about 1e-38.
#[inline(always)]
pub fn exp_f32(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Adding and taking away 1.5 * 2^23 rounds to an integer.
    const ROUND: f32 = 12_582_912.0;
    let x = larger(x, -87.0);
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    const TERMS: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    let tail = TERMS.iter().fold(0.0, |sum, term| sum * r + term);
    let power = f32::from_bits(((n as i32 + 127) << 23) as u32);
    (tail * r * r + r + 1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        for i in 0..870_000 {
            let x = -(i as f32) * 1e-4;
            let (found, expected) = (exp_f32(x), f64::from(x).exp());
            assert!((f64::from(found) / expected - 1.0).abs() < 2.4e-7, "{x}: {found} {expected}");
        }
    }
}
