//! Whether a model's sureness can be trusted.

use serde::Serialize;

use super::picture::{Prompting, StructureScores};

/// An answer with a lower Dice is one that a person should have looked at.
pub const POOR_DICE: f64 = 0.7;
/// Share of the pictures that a person looks at, the least sure first.
const LOOKED_AT: f64 = 0.3;
/// Bins of the calibration error.
const BINS: usize = 10;

/// An answer's expected and true Dice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// What the model expects, 0 to 1.
    pub expected: f64,
    /// What it is, 0 to 1; 0 where a structure was found that is not there.
    pub dice: f64,
}

impl Judged {
    /// Of an autonomous answer whose Dice was expected: one that found something, or should have.
    pub(super) fn new(scores: &StructureScores) -> Option<Self> {
        let expected = scores.expected_dice.filter(|_| scores.prompting == Prompting::AUTONOMOUS)?;
        let is_answer = scores.is_present() || scores.predicted_pixels > 0;
        is_answer.then(|| Self { expected: f64::from(expected), dice: scores.dice.unwrap_or(0.0) })
    }
}

/// How well expected Dice tells poor answers from good ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sureness {
    /// Answers.
    pub answers: usize,
    /// Those with a Dice below 0.7.
    pub poor: usize,
    /// Area under the receiver operating characteristic for "Dice below 0.7": the chance that of a poor and a good answer the
    /// poor one has the lower expected Dice. `None` without both kinds.
    pub auroc: Option<f64>,
    /// Expected calibration error (Naeini et al., AAAI 2015): the mean distance of expected and true Dice over ten bins of
    /// expected Dice, weighted by their answers.
    pub expected_calibration_error: f64,
    /// Of the tenth of the answers with the lowest Dice, the share that is among the 30 % with the lowest expected Dice.
    pub worst_tenth_found: f64,
}

impl Sureness {
    /// `None` without answers.
    pub fn new(answers: &[Judged]) -> Option<Self> {
        let count = answers.len();
        if count == 0 {
            return None;
        }
        let poor = answers.iter().filter(|answer| answer.dice < POOR_DICE).count();
        let order = |of: fn(&Judged) -> f64| {
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by(|&a, &b| of(&answers[a]).total_cmp(&of(&answers[b])));
            order
        };
        let share = |part: f64| ((count as f64 * part).ceil() as usize).min(count);
        let least_sure = &order(|answer| answer.expected)[..share(LOOKED_AT)];
        let worst = &order(|answer| answer.dice)[..share(0.1)];
        let found = worst.iter().filter(|i| least_sure.contains(i)).count();
        Some(Self {
            answers: count,
            poor,
            auroc: auroc(answers),
            expected_calibration_error: calibration_error(answers),
            worst_tenth_found: found as f64 / worst.len() as f64,
        })
    }
}

fn auroc(answers: &[Judged]) -> Option<f64> {
    let (poor, good): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.dice < POOR_DICE);
    let wins = |poor: &Judged, good: &Judged| match poor.expected.total_cmp(&good.expected) {
        std::cmp::Ordering::Less => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Greater => 0.0,
    };
    let sum: f64 = poor.iter().flat_map(|poor| good.iter().map(move |good| wins(poor, good))).sum();
    let pairs = poor.len() * good.len();
    (pairs > 0).then(|| sum / pairs as f64)
}

fn calibration_error(answers: &[Judged]) -> f64 {
    let bin = |answer: &Judged| ((answer.expected * BINS as f64) as usize).min(BINS - 1);
    let gap = |i: usize| {
        let inside = answers.iter().filter(|answer| bin(answer) == i);
        inside.map(|answer| answer.expected - answer.dice).sum::<f64>().abs()
    };
    (0..BINS).map(gap).sum::<f64>() / answers.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(expected: f64, dice: f64) -> Judged {
        Judged { expected, dice }
    }

    #[test]
    fn the_area_is_the_share_of_pairs_in_the_right_order() {
        let answers = [judged(0.2, 0.1), judged(0.6, 0.5), judged(0.5, 0.9), judged(0.9, 0.9)];
        // Of four pairs of a poor and a good answer, one is the wrong way round.
        assert_eq!(Sureness::new(&answers).unwrap().auroc, Some(0.75));
        assert_eq!(Sureness::new(&answers[2..]).unwrap().auroc, None);
        assert_eq!(Sureness::new(&[]), None);
    }

    #[test]
    fn an_answer_that_is_as_good_as_expected_costs_nothing() {
        let right = [judged(0.85, 0.9), judged(0.85, 0.8)];
        assert!(Sureness::new(&right).unwrap().expected_calibration_error < 1e-12);
        let too_sure = [judged(0.95, 0.5), judged(0.15, 0.15)];
        assert!((Sureness::new(&too_sure).unwrap().expected_calibration_error - 0.225).abs() < 1e-12);
    }

    #[test]
    fn the_worst_tenth_is_sought_among_the_least_sure() {
        let mut answers: Vec<_> = (0..20).map(|i| judged(0.5 + 0.02 * f64::from(i), 0.9)).collect();
        answers[3].dice = 0.2;
        answers[19].dice = 0.1;
        assert_eq!(Sureness::new(&answers).unwrap().worst_tenth_found, 0.5);
    }
}
