//! Random and damaged bytes through the readers of checkpoints and pictures: nothing panics, hangs, or holds more memory than
//! the file could fill. `PROPTEST_CASES=1000000 cargo test --release --features dicom --test fuzz checkpoint::` takes less than a minute of
//! processor time, `picture::` two, and the tests of `load::` 6 to 33 minutes each, for they load networks and segment.

#[path = "../support/card.rs"]
mod card;
mod checkpoint;
#[allow(dead_code, reason = "the golden tests share it")]
#[path = "../golden/formula.rs"]
mod formula;
mod load;
#[path = "../support/memory.rs"]
mod memory;
#[path = "../support/micro.rs"]
mod micro;
mod picture;
#[allow(dead_code, reason = "the checkpoint tests share it")]
#[path = "../support/torch_file.rs"]
mod torch_file;

use proptest::prelude::*;

/// Where bytes are changed and to what, and how many are cut off the end.
fn damage() -> impl Strategy<Value = (Vec<(prop::sample::Index, u8)>, usize)> {
    (prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), 0..64usize)
}

fn damaged(whole: &[u8], (changes, cut): &(Vec<(prop::sample::Index, u8)>, usize)) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for (at, to) in changes {
        bytes[at.index(whole.len())] = *to;
    }
    bytes.truncate(whole.len().saturating_sub(*cut));
    bytes
}
