//! The golden videos: SAM 2's memory, step by step (`shared/golden/README.md`, `video/`).

use burn::tensor::{Device, Tensor, TensorData};
use sam2rad::checkpoint::{Checkpoint, LoadOptions, TensorSource};
use sam2rad::config::{Architecture, Parts, Sam2RadConfig};
use sam2rad::model::{ManualPrompts, Point, PointLabel, Sam2Rad};
use sam2rad::nn::position_encoding::sine_2d;
use sam2rad::tracker::{Direction, Given, History, Postprocessing, Step, StepDetail, Stepper};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::file::{self, Comparison, TensorSpec};
use crate::formula;
use crate::run::{channels_first, normalised, values};

/// How much larger the picture is than the frames that are cut from it.
const MARGIN: usize = 64;
/// Rows and columns from one frame to the next.
const MOTION: [usize; 2] = [2, 3];
/// Logits of an earlier mask as a prompt.
const MOST: f64 = 32.0;

/// What the file's `spec` says.
#[derive(Deserialize)]
struct Spec {
    config: String,
    version: String,
    postprocessing: bool,
    size: usize,
    frames: usize,
    salt: String,
    object_score_bias: f32,
    plan: Vec<Planned>,
    tensors: BTreeMap<String, TensorSpec>,
}

/// One step of the plan.
#[derive(Deserialize)]
struct Planned {
    frame: usize,
    kind: Kind,
    points: Option<Vec<[f32; 2]>>,
    labels: Option<Vec<u8>>,
    reverse: bool,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Points,
    Mask,
    Track,
    Correct,
}

pub struct Video {
    spec: Spec,
    values: HashMap<String, Vec<f32>>,
}

/// All videos in a folder of vectors and in its folder `video`.
pub fn read_folder(folder: &Path) -> Vec<Video> {
    let folders = [folder.to_owned(), folder.join("video")];
    let paths = folders.iter().filter(|folder| folder.is_dir()).flat_map(|folder| file::paths(folder));
    let files = paths.map(|path| file::read(&path)).filter(|(spec, _)| spec.contains("\"plan\""));
    files.map(|(spec, values)| Video { spec: serde_json::from_str(&spec).unwrap(), values }).collect()
}

impl Video {
    pub fn config(&self) -> &str {
        &self.spec.config
    }

    /// Every tensor against what our network finds, the worst first.
    pub fn compare(&self) -> Vec<Comparison> {
        let found = self.run();
        let expected = file::expected(&self.spec.tensors, &self.values);
        let mut comparisons: Vec<_> = expected.map(|expected| expected.compare(&found)).collect();
        comparisons.sort_by(|a, b| b.of_bar().total_cmp(&a.of_bar()));
        comparisons
    }

    pub fn network(&self) -> Sam2RadConfig {
        let memory = match self.spec.version.as_str() {
            "2.0" => "sam2_memory",
            "2.1" => "sam2.1_memory",
            other => panic!("there is no SAM {other}"),
        };
        let architecture = Architecture {
            image_encoder: "nano".into(),
            mask_decoder: "sam2_mask_decoder".into(),
            prompt_predictor: "sam2_high_res_ppn".into(),
            memory: Some(memory.into()),
        };
        let parts = Parts { prompt_predictor: false, object_score: true };
        Sam2RadConfig::new(architecture, self.spec.size, 1, 10).unwrap().with_parts(parts)
    }

    /// The network from a checkpoint as the authors' are, through the door that these take.
    pub fn model(&self, config: &Sam2RadConfig) -> Sam2Rad {
        const BIAS: &str = "sam_mask_decoder.pred_obj_score_head.layers.2.bias";
        let mut checkpoint = formula::official(config, &self.spec.salt);
        let bias = checkpoint.read(BIAS).unwrap()[0] + self.spec.object_score_bias;
        checkpoint.insert(BIAS, vec![1], vec![bias]);
        let options = LoadOptions::at(config.image_size);
        let loaded = Checkpoint::new(Box::new(checkpoint)).load(&options, &Device::flex()).unwrap();
        assert_eq!(loaded.config.architecture.memory, config.architecture.memory);
        loaded.model
    }

    /// The picture that every frame is cut from, a byte a pixel.
    pub fn picture(&self) -> Vec<u8> {
        formula::picture(&self.spec.salt, self.spec.size + MARGIN)
    }

    /// Frame `t`, cut from the picture.
    fn frame(&self, picture: &[u8], t: usize) -> Tensor<4> {
        let size = self.spec.size;
        let row = |y: usize| &picture[(y + MOTION[0] * t) * (size + MARGIN) + MOTION[1] * t..][..size];
        normalised(&(0..size).flat_map(row).copied().collect::<Vec<_>>(), size)
    }

    /// Points and a box of a step, in pixels.
    fn prompts(&self, planned: &Planned) -> ManualPrompts {
        let size = self.spec.size as f32;
        let mut prompts = ManualPrompts::default();
        let mut corners = Vec::new();
        let points = planned.points.iter().flatten().zip(planned.labels.iter().flatten());
        for ([x, y], label) in points.map(|(point, label)| (point.map(|c| c * size), label)) {
            match label {
                0 => prompts.points.push(Point { x, y, label: PointLabel::Outside }),
                1 => prompts.points.push(Point { x, y, label: PointLabel::Inside }),
                _ => corners.extend([x, y]),
            }
        }
        prompts.bounding_box = corners.try_into().ok();
        prompts
    }

    /// The ellipse that a mask step is given.
    fn ellipse(&self) -> Tensor<4> {
        let size = self.spec.size;
        let inside = |i: usize| {
            let (x, y) = ((i % size) as f64 / size as f64, (i / size) as f64 / size as f64);
            f32::from(u8::from((x - 0.5).powi(2) / 0.09 + (y - 0.45).powi(2) / 0.02 < 1.0))
        };
        let values: Vec<f32> = (0..size * size).map(inside).collect();
        Tensor::from_data(TensorData::new(values, [1, size, size, 1]), &Device::flex())
    }

    /// Runs the plan -> values by the golden's names.
    fn run(&self) -> HashMap<String, Vec<f32>> {
        let (spec, config) = (&self.spec, self.network());
        let model = self.model(&config);
        let picture = self.picture();
        let postprocessing =
            Postprocessing { dynamic_multimask: spec.postprocessing, binarize_prompted: spec.postprocessing };
        let stepper = Stepper {
            model: &model,
            memory: model.memory().unwrap(),
            config: &config,
            postprocessing,
            num_frames: Some(spec.frames),
        };
        let mut history = History::default();
        let mut masks = HashMap::new();
        let mut found = HashMap::new();
        for (i, planned) in spec.plan.iter().enumerate() {
            let mut insert = |name: &str, values| found.insert(format!("step.{i:02}.{name}"), values);
            let features = model.encode_video_frame(self.frame(&picture, planned.frame));
            let given = match planned.kind {
                Kind::Track => Given::Nothing,
                Kind::Mask => Given::Mask(self.ellipse()),
                Kind::Points => Given::Prompts(self.prompts(planned)),
                Kind::Correct => {
                    let earlier: &Tensor<4> = &masks[&planned.frame];
                    let mask = earlier.clone().clamp(-MOST, MOST).permute([0, 2, 3, 1]);
                    Given::Prompts(ManualPrompts { mask: Some(mask), ..self.prompts(planned) })
                }
            };
            let is_conditioning = matches!(planned.kind, Kind::Points | Kind::Mask);
            let direction = if planned.reverse { Direction::Backward } else { Direction::Forward };
            let step = Step { frame: planned.frame, given, is_conditioning, direction };
            let output = stepper.step(&features, &history, &step, &mut |detail| match detail {
                StepDetail::Attended(bank, out) => {
                    insert("memory_attention.memory", values(bank.memory));
                    insert("memory_attention.memory_pos", values(bank.memory_pos));
                    insert("memory_attention.out", values(out));
                }
                StepDetail::Encoded(mask, features) => {
                    insert("memory_encoder.mask_for_mem", channels_first(mask));
                    insert("memory_encoder.features", channels_first(features));
                }
            });
            let [_, height, width, mem_dim] = output.memory.features.dims();
            insert("memory_encoder.pos", channels_first(sine_2d(height, width, mem_dim, &Device::flex())));
            insert("maskmem_features", channels_first(output.memory.features.clone()));
            insert("pred_masks", values(output.low_res_masks.clone()));
            insert("obj_ptr", values(output.memory.obj_ptr.clone()));
            insert("object_score_logits", values(output.object_score_logits));
            masks.insert(planned.frame, output.low_res_masks);
            match is_conditioning {
                true => history.insert_conditioning(planned.frame, output.memory),
                false => history.insert_tracked(planned.frame, direction, output.memory),
            }
        }
        found
    }
}
