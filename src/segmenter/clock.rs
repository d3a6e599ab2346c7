//! How long each stage takes.

use serde::Serialize;
use web_time::Instant;

/// How long a stage took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timing {
    /// `preprocess`, `image_encoder`, `prompt_predictor`, `mask_decoder` or `postprocess`.
    pub stage: &'static str,
    /// Wall time. On a GPU a stage's work is only submitted until the mask decoder's result is read.
    pub milliseconds: f64,
}

/// Takes the time between stages.
pub(crate) struct Clock {
    last: Instant,
    pub(super) laps: Vec<Timing>,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { last: Instant::now(), laps: Vec::new() }
    }

    /// After stages that were timed before.
    pub(crate) fn after(laps: Vec<Timing>) -> Self {
        Self { laps, ..Self::start() }
    }

    pub(super) fn lap(&mut self, stage: &'static str) {
        let now = Instant::now();
        self.laps.push(Timing { stage, milliseconds: (now - self.last).as_secs_f64() * 1e3 });
        self.last = now;
    }
}
