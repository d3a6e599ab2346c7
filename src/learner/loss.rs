//! The reference's losses (`train.py`, `losses/`; paper, section 3.3): the mask's Dice and focal loss, the box's generalised
//! IoU, the object score's cross entropy and the interim mask's focal loss.

use burn::tensor::{Tensor, activation};

use super::recipe::LossConfig;

/// Added to both sides of the Dice ratio.
const DICE_SMOOTH: f64 = 1e-5;
/// The focal loss's weight.
const FOCAL_WEIGHT: f64 = 5.0;
/// Share of the structure's pixels in the mask's focal loss.
const MASK_ALPHA: f64 = 0.7;
/// Share of the structure's pixels in the interim mask's focal loss.
const INTERIM_ALPHA: f64 = 0.6;
/// Weight of the interim mask in the sum.
const INTERIM_WEIGHT: f64 = 100.0;
/// Object score logits beyond this are as good as sure.
const SURE_LOGIT: f64 = 10.0;
/// The object score's targets are half of this away from 0 and 1.
const LABEL_SMOOTHING: f64 = 0.1;
/// Keeps a ratio of areas finite.
const AREA_EPSILON: f64 = 1e-7;
/// Keeps a mean over no structure finite.
const COUNT_EPSILON: f64 = 1e-6;

/// What a picture's structures look like, a row for each.
#[derive(Debug, Clone)]
pub struct Targets {
    /// Share of each pixel that is the structure's, `[structures, pixels]`, 0 to 1.
    pub masks: Tensor<2>,
    /// Left, top, right, bottom in units of the padded input, `[structures, 4]`; zeros where there is none.
    pub boxes: Tensor<2>,
    /// 1 where the structure is in the picture (more than ten pixels), else 0: `[structures]`.
    pub present: Tensor<1>,
}

/// What the network said of them.
#[derive(Debug, Clone)]
pub struct Predictions {
    /// Mask logits, `[structures, pixels]`.
    pub masks: Tensor<2>,
    /// Predicted IoU of each mask, `[structures]`.
    pub iou: Tensor<1>,
    /// Logit of presence, `[structures]`.
    pub object_score_logits: Tensor<1>,
    /// Of the prompt predictor, where it was asked.
    pub predictor: Option<PredictorPredictions>,
}

/// The prompt predictor's output.
#[derive(Debug, Clone)]
pub struct PredictorPredictions {
    /// Left, top, right, bottom in units of the padded input, `[structures, 4]`.
    pub boxes: Tensor<2>,
    /// Logits of the interim mask, `[structures, pixels]`.
    pub interim_masks: Tensor<2>,
}

/// The terms of the loss, each of one value. `total` is what is trained on.
#[derive(Debug, Clone)]
pub struct Losses {
    /// Dice loss of the masks.
    pub dice: Tensor<1>,
    /// Focal loss of the masks.
    pub focal: Tensor<1>,
    /// `dice_weight dice + 5 focal`; with the reference's weights `(dice + 10 focal) / 2`.
    pub seg: Tensor<1>,
    /// Generalised IoU loss of the predictor's boxes; 0 where it was not asked.
    pub bounding_box: Tensor<1>,
    /// Cross entropy of the object score.
    pub object: Tensor<1>,
    /// Focal loss of the interim mask, with a hundredth of its weighted Dice loss; 0 where the predictor was not asked.
    pub interim: Tensor<1>,
    /// Squared error of the predicted IoU, which the reference leaves untrained.
    pub iou: Tensor<1>,
    /// `seg + box + object + 100 interim + iou_weight iou`.
    pub total: Tensor<1>,
}

impl Losses {
    /// The terms of `predictions`.
    pub fn new(predictions: &Predictions, targets: &Targets, config: &LossConfig) -> Self {
        let present = || targets.present.clone();
        let dice = mean_over(dice_loss(predictions.masks.clone(), targets.masks.clone()), present());
        let focal = mean_over(focal_loss(predictions.masks.clone(), targets.masks.clone(), MASK_ALPHA), present());
        let seg = dice.clone() * config.dice_weight + focal.clone() * FOCAL_WEIGHT;
        let object = object_loss(predictions.object_score_logits.clone(), present());
        let (bounding_box, interim) = match &predictions.predictor {
            Some(predictor) => {
                let boxes = generalized_iou_loss(predictor.boxes.clone(), targets.boxes.clone());
                let mut interim = focal_loss(predictor.interim_masks.clone(), targets.masks.clone(), INTERIM_ALPHA);
                if config.interim_dice_weight > 0.0 {
                    let dice = dice_loss(predictor.interim_masks.clone(), targets.masks.clone());
                    interim = interim + dice * (config.interim_dice_weight / INTERIM_WEIGHT);
                }
                (mean_over(boxes, present()), mean_over(interim, present()))
            }
            None => (dice.zeros_like(), dice.zeros_like()),
        };
        let (iou, weighted_iou) = match config.iou_weight {
            0.0 => (dice.zeros_like(), None),
            weight => {
                let truth = iou(predictions.masks.clone().detach(), targets.masks.clone());
                let iou = mean_over((predictions.iou.clone() - truth).square(), present());
                (iou.clone(), Some(iou * weight))
            }
        };
        let total = seg.clone() + bounding_box.clone() + object.clone() + interim.clone() * INTERIM_WEIGHT;
        let total = match weighted_iou {
            Some(iou) => total + iou,
            None => total,
        };
        Self { dice, focal, seg, bounding_box, object, interim, iou, total }
    }
}

impl Losses {
    /// These losses with another in the total. The other terms stay these.
    pub fn with(self, other: Tensor<1>) -> Self {
        Self { total: self.total + other, ..self }
    }

    /// The losses of a first answer with those of the corrected ones after it: the mean of their totals is added to its
    /// own. The other terms stay the first answer's.
    pub fn with_corrections(mut self, corrected: Vec<Self>) -> Self {
        let count = corrected.len();
        if let Some(sum) = corrected.into_iter().map(|losses| losses.total).reduce(|sum, total| sum + total) {
            self.total = self.total + sum / count as f64;
        }
        self
    }
}

/// Dice and focal loss of masks that the image features show: logits `[structures, pixels]` -> one value.
pub fn feature_loss(logits: Tensor<2>, targets: &Targets, config: &LossConfig) -> Tensor<1> {
    let dice = dice_loss(logits.clone(), targets.masks.clone());
    // What is absent is to be shown nowhere: its pixels count too.
    let focal = focal_loss(logits, targets.masks.clone(), MASK_ALPHA).mean();
    (mean_over(dice, targets.present.clone()) * config.dice_weight + focal * FOCAL_WEIGHT) * config.deep_supervision
}

/// The mean of the values `[structures]` of those that are present; 0 where none is.
fn mean_over(values: Tensor<1>, present: Tensor<1>) -> Tensor<1> {
    (values * present.clone()).sum() / (present.sum() + COUNT_EPSILON)
}

/// `1 - 2 |a b| / (|a| + |b|)` of each row: logits and shares `[structures, pixels]` -> `[structures]`.
pub fn dice_loss(logits: Tensor<2>, masks: Tensor<2>) -> Tensor<1> {
    let sum = |x: Tensor<2>| x.sum_dim(1).squeeze_dim::<1>(1);
    let probabilities = activation::sigmoid(logits);
    let intersection = sum(probabilities.clone() * masks.clone());
    let dice = (intersection * 2.0 + DICE_SMOOTH) / (sum(masks) + sum(probabilities) + DICE_SMOOTH);
    -dice + 1.0
}

/// The focal loss with gamma 3 (Lin et al., arXiv 1708.02002), its mean over each row: logits and shares
/// `[structures, pixels]` -> `[structures]`. A pixel that is partly the structure's counts for both classes by its share.
pub fn focal_loss(logits: Tensor<2>, masks: Tensor<2>, alpha: f64) -> Tensor<1> {
    let cube = |x: Tensor<2>| x.clone() * x.clone() * x;
    let probabilities = activation::sigmoid(logits.clone());
    // log σ(x); log(1 - σ(x)) is that minus x.
    let log = activation::log_sigmoid(logits.clone());
    let inside = cube(-probabilities.clone() + 1.0) * log.clone();
    let outside = cube(probabilities) * (log - logits);
    let weighted = inside * (masks.clone() * alpha) + outside * ((-masks + 1.0) * (1.0 - alpha));
    -weighted.mean_dim(1).squeeze_dim::<1>(1)
}

/// One minus the generalised IoU (Rezatofighi et al., arXiv 1902.09630) of boxes `[n, 4]`, left, top, right, bottom ->
/// `[n]`.
pub fn generalized_iou_loss(boxes: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let corners = |boxes: &Tensor<2>| [boxes.clone().narrow(1, 0, 2), boxes.clone().narrow(1, 2, 2)];
    let area = |[left_top, right_bottom]: [Tensor<2>; 2]| {
        let size = (right_bottom - left_top).clamp_min(0.0);
        (size.clone().narrow(1, 0, 1) * size.narrow(1, 1, 1)).squeeze_dim::<1>(1)
    };
    let ([a, b], [c, d]) = (corners(&boxes), corners(&targets));
    let common = area([a.clone().max_pair(c.clone()), b.clone().min_pair(d.clone())]);
    let hull = area([a.clone().min_pair(c.clone()), b.clone().max_pair(d.clone())]);
    let union = area([a, b]) + area([c, d]) - common.clone();
    let iou = common / (union.clone() + AREA_EPSILON);
    let generalized = iou - (hull.clone() - union) / (hull + AREA_EPSILON);
    -generalized + 1.0
}

/// Binary cross entropy of the object score `[structures]` with smoothed targets, its mean.
fn object_loss(logits: Tensor<1>, present: Tensor<1>) -> Tensor<1> {
    let logits = logits.clamp(-SURE_LOGIT, SURE_LOGIT);
    let targets = present * (1.0 - LABEL_SMOOTHING) + LABEL_SMOOTHING / 2.0;
    // -t log σ(x) - (1 - t) log(1 - σ(x))
    ((-targets + 1.0) * logits.clone() - activation::log_sigmoid(logits)).mean()
}

/// IoU of the masks that the logits draw, `[structures]`.
fn iou(logits: Tensor<2>, masks: Tensor<2>) -> Tensor<1> {
    let sum = |x: Tensor<2>| x.sum_dim(1).squeeze_dim::<1>(1);
    let drawn = logits.greater_elem(0.0).float();
    let common = sum(drawn.clone() * masks.clone());
    common.clone() / (sum(drawn) + sum(masks) - common).clamp_min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    fn row(values: &[f32]) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values.to_vec(), [1, values.len()]), &Device::flex())
    }

    fn value(loss: Tensor<1>) -> f64 {
        loss.into_scalar::<f64>()
    }

    #[test]
    fn a_sure_and_right_mask_costs_nothing_and_a_sure_and_wrong_one_everything() {
        let mask = row(&[1.0, 1.0, 0.0, 0.0]);
        let right = row(&[30.0, 30.0, -30.0, -30.0]);
        assert!(value(dice_loss(right.clone(), mask.clone())) < 1e-5);
        assert!(value(focal_loss(right.clone(), mask.clone(), 0.7)) < 1e-9);
        assert!(value(dice_loss(right.clone().neg(), mask.clone())) > 0.9999);
        // Sure and wrong by 30 nats: (0.7 + 0.3) / 2 of them.
        assert!((value(focal_loss(right.neg(), mask, 0.7)) - 15.0).abs() < 1e-3);
    }

    #[test]
    fn a_half_covered_pixel_costs_the_mean_of_both() {
        let logits = row(&[0.4]);
        let [whole, none, half] = [1.0, 0.0, 0.5].map(|share| value(focal_loss(logits.clone(), row(&[share]), 0.6)));
        assert!((half - (whole + none) / 2.0).abs() < 1e-7);
    }

    #[test]
    fn the_generalised_iou_of_boxes_apart_grows_with_their_distance() {
        let unit = row(&[0.0, 0.0, 1.0, 1.0]);
        let far = |distance: f32| value(generalized_iou_loss(row(&[distance, 0.0, distance + 1.0, 1.0]), unit.clone()));
        assert!(far(0.0).abs() < 1e-6);
        // Half of the box in common, hull 1.5: IoU 1/3, nothing of the hull uncovered.
        assert!((far(0.5) - 2.0 / 3.0).abs() < 1e-6);
        // One box away: a third of the hull is uncovered.
        assert!((far(2.0) - (1.0 + 1.0 / 3.0)).abs() < 1e-6);
        assert!(far(5.0) > far(2.0));
    }

    #[test]
    fn a_structure_that_is_absent_costs_only_its_object_score() {
        let targets = Targets { masks: row(&[0.0; 4]), boxes: row(&[0.0; 4]), present: row(&[0.0]).squeeze_dim(0) };
        let predictor = PredictorPredictions { boxes: row(&[0.1, 0.2, 0.3, 0.4]), interim_masks: row(&[3.0; 4]) };
        let predictions = Predictions {
            masks: row(&[5.0; 4]),
            iou: row(&[0.3]).squeeze_dim(0),
            object_score_logits: row(&[-2.0]).squeeze_dim(0),
            predictor: Some(predictor),
        };
        let losses = Losses::new(&predictions, &targets, &LossConfig { iou_weight: 1.0, ..LossConfig::default() });
        assert!((value(losses.total) - value(losses.object)).abs() < 1e-6);
        assert_eq!(value(losses.iou), 0.0);
    }
}
