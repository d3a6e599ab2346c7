//! How certain a model is of an answer: the Dice that can be expected of it, from the network's own signs. The
//! network itself is overconfident on pictures unlike those it learnt from, so the figure is fitted on labelled pictures that the
//! network has not seen ([`Calibration`]); a model without one gives no such figure.

use serde::{Deserialize, Serialize};

/// Signs of a good answer: see [`Signs`].
const SIGNS: usize = 4;
/// Shares nearer to 0 or 1 than this are as good as that.
const NEAR: f32 = 0.01;
/// Object scores beyond this are as good as sure.
const SURE_LOGIT: f32 = 8.0;

/// The network's own signs of a good answer, each on the scale of log-odds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Signs(pub [f32; SIGNS]);

impl Signs {
    /// Of an answer's mask logits, the predicted IoU, the object score's logit (0 where there is none), and the interim mask's
    /// logits of the prompt predictor (`None` in manual mode), all of one size.
    pub fn new(logits: &[f32], iou: f32, object_score: f32, interim: Option<&[f32]>) -> Self {
        let dice_of_iou = 2.0 * iou / (1.0 + iou);
        let agreement = interim.map_or(dice_of_iou, |interim| agreement(logits, interim));
        Self([
            log_odds(dice_of_iou),
            log_odds(soft_dice(logits)),
            log_odds(agreement),
            object_score.clamp(-SURE_LOGIT, SURE_LOGIT) / 2.0,
        ])
    }
}

/// From signs to the expected Dice: a logistic regression, fitted on labelled pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Added to the weighted signs.
    pub bias: f32,
    /// Of each sign.
    pub weights: [f32; SIGNS],
    /// An answer of which a lower Dice is expected needs a look.
    pub look_below: f32,
    /// Pictures that it was fitted on.
    pub pictures: usize,
    /// Where they come from.
    pub data: String,
}

impl Calibration {
    /// The expected Dice, 0 to 1.
    pub fn expected_dice(&self, signs: &Signs) -> f32 {
        sigmoid(self.bias + signs.0.iter().zip(self.weights).map(|(sign, weight)| sign * weight).sum::<f32>())
    }

    /// Fits bias and weights so that the expected Dice is near the true one, by Newton's method on the cross entropy. Weights
    /// are held back a little, for pictures are few.
    pub fn fit(answers: &[(Signs, f64)], pictures: usize, data: String) -> Self {
        const HOLD: f64 = 0.5;
        const ITERATIONS: usize = 30;
        let mut parameters = [0.0f64; SIGNS + 1];
        for _ in 0..ITERATIONS {
            let mut gradient = [0.0; SIGNS + 1];
            let mut hessian = [[0.0; SIGNS + 1]; SIGNS + 1];
            for (signs, dice) in answers {
                let inputs: [f64; SIGNS + 1] =
                    std::array::from_fn(|i| if i == 0 { 1.0 } else { f64::from(signs.0[i - 1]) });
                let sum: f64 = inputs.iter().zip(parameters).map(|(input, parameter)| input * parameter).sum();
                let expected = 1.0 / (1.0 + (-sum).exp());
                for i in 0..=SIGNS {
                    gradient[i] += (expected - dice) * inputs[i];
                    (0..=SIGNS).for_each(|j| hessian[i][j] += expected * (1.0 - expected) * inputs[i] * inputs[j]);
                }
            }
            for i in 0..=SIGNS {
                gradient[i] += HOLD * parameters[i] * f64::from(u8::from(i > 0));
                hessian[i][i] += if i > 0 { HOLD } else { 1e-6 };
            }
            let step = solve(hessian, gradient);
            parameters.iter_mut().zip(step).for_each(|(parameter, step)| *parameter -= step.clamp(-2.0, 2.0));
        }
        let weights = std::array::from_fn(|i| parameters[i + 1] as f32);
        Self { bias: parameters[0] as f32, weights, look_below: 0.0, pictures, data }
    }
}

/// Solves a small linear system by elimination with pivots.
fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> [f64; N] {
    for i in 0..N {
        let pivot = (i..N).max_by(|&a, &b| matrix[a][i].abs().total_cmp(&matrix[b][i].abs())).unwrap_or(i);
        matrix.swap(i, pivot);
        right.swap(i, pivot);
        for row in i + 1..N {
            let factor = matrix[row][i] / matrix[i][i];
            (i..N).for_each(|column| matrix[row][column] -= factor * matrix[i][column]);
            right[row] -= factor * right[i];
        }
    }
    let mut solution = [0.0; N];
    for i in (0..N).rev() {
        let known: f64 = (i + 1..N).map(|column| matrix[i][column] * solution[column]).sum();
        solution[i] = (right[i] - known) / matrix[i][i];
    }
    solution
}

/// Dice of a mask with the probabilities that it comes from: what it would be on average if they were true.
fn soft_dice(logits: &[f32]) -> f32 {
    let (mut common, mut sum) = (0.0, 0.0);
    for &logit in logits {
        let probability = sigmoid(logit);
        sum += probability;
        if logit > 0.0 {
            common += probability;
            sum += 1.0;
        }
    }
    if sum > 0.0 { 2.0 * common / sum } else { 0.0 }
}

/// Dice of two masks; 0 where both are empty.
fn agreement(a: &[f32], b: &[f32]) -> f32 {
    let count = |inside: fn(bool, bool) -> bool| a.iter().zip(b).filter(|&(&a, &b)| inside(a > 0.0, b > 0.0)).count();
    let sum = count(|a, _| a) + count(|_, b| b);
    if sum > 0 { 2.0 * count(|a, b| a && b) as f32 / sum as f32 } else { 0.0 }
}

fn log_odds(share: f32) -> f32 {
    let share = share.clamp(NEAR, 1.0 - NEAR);
    (share / (1.0 - share)).ln()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_finds_the_odds_that_answers_were_made_with() {
        let truth = Calibration {
            bias: -0.4,
            weights: [0.9, 0.0, 0.6, 0.0],
            look_below: 0.0,
            pictures: 0,
            data: String::new(),
        };
        let sign = |i: usize, k: usize| ((i * (k + 3) * 7919 % 601) as f32 / 100.0) - 3.0;
        let answers: Vec<_> = (0..400)
            .map(|i| {
                let signs = Signs(std::array::from_fn(|k| sign(i, k)));
                (signs, f64::from(truth.expected_dice(&signs)))
            })
            .collect();
        let found = Calibration::fit(&answers, 400, String::new());
        for (signs, dice) in &answers {
            assert!((f64::from(found.expected_dice(signs)) - dice).abs() < 0.02);
        }
    }

    #[test]
    fn a_sharp_mask_is_surer_than_a_faint_one() {
        let sharp = [8.0, 8.0, -8.0, -8.0];
        let faint = [0.2, 0.1, -0.1, -0.2];
        assert!(soft_dice(&sharp) > 0.99 && soft_dice(&faint) < 0.6);
        assert_eq!(soft_dice(&[-30.0; 4]).round(), 0.0);
    }

    #[test]
    fn signs_are_finite_whatever_comes() {
        for value in [f32::MAX, -f32::MAX, 0.0] {
            let signs = Signs::new(&[value; 4], 1.0, value, Some(&[-value; 4]));
            assert!(signs.0.iter().all(|sign| sign.is_finite()), "{signs:?}");
        }
    }
}
