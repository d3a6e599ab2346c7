//! How much two masks overlap, as MONAI defines it (`monai.metrics`: `compute_dice`, `compute_iou`).

/// 2 |A and B| / (|A| + |B|), 0 to 1; `None` where the truth is empty.
///
/// # Panics
/// Where the masks are not of one size.
pub fn dice(predicted: &[bool], truth: &[bool]) -> Option<f64> {
    let Counts { both, predicted, truth } = Counts::new(predicted, truth);
    (truth > 0).then(|| 2.0 * both as f64 / (predicted + truth) as f64)
}

/// |A and B| / |A or B|, 0 to 1; `None` where the truth is empty.
///
/// # Panics
/// Where the masks are not of one size.
pub fn iou(predicted: &[bool], truth: &[bool]) -> Option<f64> {
    let Counts { both, predicted, truth } = Counts::new(predicted, truth);
    (truth > 0).then(|| both as f64 / (predicted + truth - both) as f64)
}

struct Counts {
    both: usize,
    predicted: usize,
    truth: usize,
}

impl Counts {
    fn new(predicted: &[bool], truth: &[bool]) -> Self {
        assert_eq!(predicted.len(), truth.len(), "the masks are of different pictures");
        let count = |mask: &[bool]| mask.iter().filter(|&&inside| inside).count();
        let both = predicted.iter().zip(truth).filter(|&(&a, &b)| a && b).count();
        Self { both, predicted: count(predicted), truth: count(truth) }
    }
}
