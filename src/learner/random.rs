//! Random choices as functions of the training's seed: a resumed training makes those that it would have made.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Which pictures to validate on.
    Split,
    /// In which order pictures come; the index is the round.
    Order,
    /// Augmentation of a picture whose features are kept; the index is the variant.
    Variant,
    /// Augmentation and prompts; the index is the picture's number since the training began.
    Picture,
    /// Dropout; the index is as for pictures.
    Dropout,
    /// Fresh weights.
    Weights,
    /// Augmentation of a validation picture that the expected Dice is fitted on; the index is the copy's number.
    Calibration,
}

/// The random number generator of the choice `index`, independent of all others.
pub fn generator(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index << 3 | purpose as u64);
    rng
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;
    use std::collections::BTreeSet;

    #[test]
    fn every_choice_has_numbers_of_its_own_and_keeps_them() {
        let draw = |purpose, index| generator(7, purpose, index).random::<u64>();
        let purposes = [Purpose::Split, Purpose::Order, Purpose::Variant, Purpose::Picture, Purpose::Dropout];
        let all: BTreeSet<_> = purposes.iter().flat_map(|&purpose| (0..50).map(move |i| draw(purpose, i))).collect();
        assert_eq!(all.len(), 250);
        assert_eq!(draw(Purpose::Order, 3), draw(Purpose::Order, 3));
    }
}
