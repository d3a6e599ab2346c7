//! A small training as a whole: the loss falls, a stop changes nothing, the model file segments.

use burn::tensor::read_sync;
use sam2rad::checkpoint::Checkpoint;
use sam2rad::phantom::{Preset, Ranges};
use sam2rad::segmenter::{Request, Segmenter};
use sam2rad::train::{End, Event, StartFile, TrainConfig, TrainError, Trainable, Trainer};
use std::io::{BufRead, BufReader};
#[cfg(unix)]
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// burn's random numbers are the process's: one training at a time.
static ALONE: Mutex<()> = Mutex::new(());

const CONFIG: &str = r#"
mode = "scratch"
seed = 3
steps = 8
batch_size = 2
[model]
init = "scratch"
image_size = 256
[model.architecture]
image_encoder = "micro"
mask_decoder = "sam2_mask_decoder"
prompt_predictor = "sam2_high_res_ppn"
[data]
source = "phantom"
preset = "hip"
count = 4
first_seed = 70
validation_count = 2
validation_first_seed = 90
[loss]
mask_size = 64
iou_weight = 1.0
[optimizer]
learning_rate = 1e-3
warm_up_steps = 2
clip_norm = 1.0
average_decay = 0.9
[report]
log_every = 2
validate_every = 8
checkpoint_every = 3
overlays = 1
"#;

fn config(folder: &Path, text: &str) -> TrainConfig {
    let path = folder.join("config.toml");
    std::fs::write(&path, text).unwrap();
    TrainConfig::read(&path).unwrap()
}

/// Trains and returns the mean total loss of each step; stops after `stop_after` steps.
fn train(trainer: &mut Trainer, stop_after: usize) -> (End, Vec<f64>) {
    let (stop, mut totals) = (AtomicBool::new(false), Vec::new());
    let end = trainer.run(&stop, &mut |event| {
        if let Event::Step { step, losses, .. } = event {
            totals.push(losses.total);
            stop.store(step >= stop_after, Ordering::Relaxed);
        }
    });
    (end.unwrap(), totals)
}

#[test]
fn what_would_take_too_much_memory_or_disk_or_mix_seeds_is_refused_before_a_step() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let folder = tempfile::tempdir().unwrap();
    let refused = |text: &str| {
        let out = folder.path().join("out");
        let error = match Trainer::new(config(folder.path(), text), None, &out, false) {
            Ok(mut trainer) => trainer.run(&AtomicBool::new(false), &mut |_| {}).unwrap_err(),
            Err(error) => error,
        };
        error.to_string()
    };
    let error = refused(&CONFIG.replace("count = 4\n", "count = 70000\n").replace("= 90", "= 90000"));
    assert!(error.contains("70000 pictures of 256 px take 18.4 GB") && error.contains("picture_memory_gb"), "{error}");
    let error =
        refused(&format!("{}[features]\nmax_gb = 1e-6\n", CONFIG.replace("\"scratch\"\nseed", "\"decoder\"\nseed")));
    assert!(error.contains("features.max_gb"), "{error}");
    let (before, after) = CONFIG.split_once("[data]\n").unwrap();
    let (source, after) = after.split_once("[loss]").unwrap();
    let other = source.replace("= 90", "= 190").replace("count = 4\n", "count = 30\n");
    let error = refused(&format!(
        "{before}[data]\nsource = \"mix\"\n[[data.sources]]\n{source}[[data.sources]]\n{other}[loss]{after}"
    ));
    assert!(error.contains("validation seeds 90..92") && error.contains("training seeds from 70"), "{error}");
}

#[test]
fn the_loss_falls_and_a_stopped_training_goes_on_as_if_it_had_not_stopped() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), CONFIG);

    let whole = folder.path().join("whole");
    let mut trainer = Trainer::new(config.clone(), None, &whole, false).unwrap();
    let (end, curve) = train(&mut trainer, usize::MAX);
    assert_eq!((end, curve.len()), (End::Finished, 8));
    assert!(curve[6] + curve[7] < 0.9 * (curve[0] + curve[1]), "{curve:?}");

    let parts = folder.path().join("parts");
    let mut trainer = Trainer::new(config.clone(), None, &parts, false).unwrap();
    let (end, mut resumed) = train(&mut trainer, 5);
    assert_eq!((end, resumed.len()), (End::Stopped, 5));
    assert!(matches!(Trainer::new(config.clone(), None, &parts, false), Err(TrainError::Exists(_))));
    let mut trainer = Trainer::new(config.clone(), None, &parts, true).unwrap();
    resumed.extend(train(&mut trainer, usize::MAX).1);
    assert_eq!(resumed, curve);
    let table = |folder: &Path, name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(table(&parts, "validation.csv"), table(&whole, "validation.csv"));
    // Speeds differ, losses do not.
    let losses = |folder: &Path| {
        let text = table(folder, "losses.csv");
        text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(losses(&parts), losses(&whole));

    // What it wrote is a model like any other, and says what it is.
    let segmenter = Segmenter::open(whole.join("model.safetensors")).unwrap();
    let card = segmenter.card();
    assert!(card.training_data.contains("simulated ultrasound") && card.training_data.contains("not for clinical use"));
    let phantom = Preset::Hip.simulate(Ranges::Standard, 5);
    let found = read_sync(segmenter.segment(&segmenter.encode(&phantom.frame), &Request::default())).unwrap();
    assert_eq!(found.structures.len(), 2);
    for name in ["curves.png", "overlays/hip-90-000008.png"] {
        assert!(whole.join(name).is_file(), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_a_checkpoint_and_ends_the_program_as_the_signal_would() {
    let folder = tempfile::tempdir().unwrap();
    config(folder.path(), &CONFIG.replace("steps = 8", "steps = 100000"));
    let mut training = Command::new(env!("CARGO_BIN_EXE_sam2rad"))
        .args(["train", "--config", "config.toml", "--out", "out"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(training.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("pictures/s")), "it ended before it trained");
    let sent = Command::new("sh").arg("-c").arg(format!("kill -INT {}", training.id())).status().unwrap();
    assert!(sent.success());
    assert!(lines.any(|line| line.contains("go on with --resume")));
    assert_eq!(training.wait().unwrap().signal(), Some(signal_hook::consts::SIGINT));
    assert!(folder.path().join("out/checkpoint/state.json").is_file());
}

#[test]
fn a_stop_before_the_first_row_or_the_first_checkpoint_is_no_dead_end() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), CONFIG);
    let out = folder.path().join("out");
    train(&mut Trainer::new(config.clone(), None, &out, false).unwrap(), 1);
    assert!(!out.join("losses.csv").exists());
    let (end, resumed) = train(&mut Trainer::new(config.clone(), None, &out, true).unwrap(), 3);
    assert_eq!((end, resumed.len()), (End::Stopped, 2));
    // As a killed one leaves it: a row, and nothing to go on from or to lose.
    assert!(out.join("losses.csv").exists());
    std::fs::remove_dir_all(out.join("checkpoint")).unwrap();
    assert!(Trainer::new(config, None, &out, false).is_ok());
}

#[test]
fn a_changed_configuration_is_not_resumed() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), CONFIG);
    let out = folder.path().join("out");
    let mut trainer = Trainer::new(config.clone(), None, &out, false).unwrap();
    train(&mut trainer, 1);
    let mut other = config;
    other.seed = 4;
    let error = Trainer::new(other, None, &out, true).err().unwrap();
    assert!(matches!(error, TrainError::Resume { .. }), "{error}");
}

#[test]
fn prompts_and_predictor_learn_while_the_encoder_stays_as_it_is_and_looks_once() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let folder = tempfile::tempdir().unwrap();
    let start = folder.path().join("start");
    let mut scratch = config(folder.path(), CONFIG);
    scratch.steps = 1;
    train(&mut Trainer::new(scratch.clone(), None, &start, false).unwrap(), usize::MAX);

    let path = start.join("model.safetensors");
    let open = || StartFile { name: "model.safetensors".into(), checkpoint: Checkpoint::open(&path).unwrap() };
    let text = CONFIG.replace("preset = \"hip\"", "preset = \"wrist\"").replace("steps = 8", "steps = 2");
    for mode in [Trainable::PpnOnly, Trainable::Decoder, Trainable::Peft] {
        let mut config = config(folder.path(), &text);
        config.mode = mode;
        config.features.variants = 2;
        config.model.init = path.display().to_string();
        if mode == Trainable::Peft {
            let architecture = config.model.architecture.as_mut().unwrap();
            architecture.image_encoder = "micro_adapter".into();
            architecture.mask_decoder = "sam2_lora_mask_decoder".into();
        }
        let network =
            sam2rad::config::Sam2RadConfig::new(config.model.architecture.clone().unwrap(), 256, 2, 10).unwrap();
        let out = folder.path().join(format!("{mode:?}"));
        let mut trainer = Trainer::new(config, Some(open()), &out, false).unwrap();
        // With the weights themselves, not their average.
        let weights = |trainer: &Trainer| sam2rad::checkpoint::collect(&trainer.result());
        let before = weights(&trainer);
        train(&mut trainer, usize::MAX);
        let after = weights(&trainer);
        for name in sam2rad::checkpoint::TensorSource::shapes(&before).keys() {
            let changed = before.get(name) != after.get(name);
            // A key's bias changes no softmax; unused mask tokens get no gradient.
            let may_stay =
                name.ends_with("k_proj.bias") || name.contains("hypernetworks_mlps") || name.contains("iou_");
            if !mode.trains(&network, name) {
                assert!(!changed, "{mode:?}: {name} is frozen and changed");
            } else if !may_stay {
                assert!(changed, "{mode:?}: {name} is trained and did not change");
            }
        }
        // Two steps of two of the four pictures, each in its first variant.
        let kept = std::fs::read_dir(out.join("features")).map_or(0, Iterator::count);
        assert_eq!(kept, if mode == Trainable::Peft { 0 } else { 4 });
    }
}
