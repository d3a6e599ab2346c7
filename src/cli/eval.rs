//! `sam2rad eval`.

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use sam2rad::dataset::{Dataset, Split};
use sam2rad::evaluation::{PictureScores, Prompting, Report, Subject, evaluate_picture, match_structures, relabel};
use sam2rad::overlay::{OverlayStyle, draw};
use sam2rad::postprocess::ClassMap;
use sam2rad::segmenter::{Request, Segmenter};
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::{model, picture, stop};

/// How many of the worst pictures are drawn.
const WORST_PICTURES: usize = 5;

/// Judge a model on labelled pictures: Dice, IoU, HD95 and ASSD of each structure (as MONAI defines them), and whether it
/// is right about a structure being in the picture.
///
/// One run judges seven ways of prompting: autonomous; semi-autonomous and manual, each with a box, 1 point and 3 points for
/// each structure that is labelled in the picture. A simulated person draws the box around the label, clicks first where the
/// structure is widest, and then into the largest error of the answer so far.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Eval {
    /// A model file, made by `sam2rad train` or `sam2rad convert`
    #[arg(long)]
    model: PathBuf,
    /// The labelled pictures' folder
    #[arg(long)]
    data: PathBuf,
    /// Which part of it: Train or Test
    #[arg(long, default_value_t = Split::Test)]
    split: Split,
    /// Where to write report.md, report.json, pictures.csv and the worst pictures; made if it is not there
    #[arg(long)]
    out: Option<PathBuf>,
    /// Only the first so many pictures
    #[arg(long)]
    limit: Option<usize>,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = model::DeviceName::Cpu)]
    device: model::DeviceName,
}

const EXAMPLES: &str = "The folder has pictures (PNG, JPEG, DICOM) and labels (grey PNG of the same name and size, class ids as grey values):
      DATA/Test/imgs/a.png    DATA/Test/gts/a.png
      DATA/Test/imgs/b.dcm    DATA/Test/gts/b.png
      DATA/Test/imgs/c.dcm    DATA/Test/gts/c/0001.png, 0002.png, ...    (frames; those without a label are left out)
and may have a DATA/dataset.json, which names the structures of class ids 1, 2, ... as the model does, and says how large a
pixel is, in place of what a DICOM file says (without either distances are in pixels, and class id 1 is the model's first structure):
      {\"structures\": [{\"name\": \"radius\", \"color\": [230, 159, 0]}], \"spacing_mm\": {\"a.png\": 0.1}}

Ctrl-C stops after the picture at hand and reports what is done; a second one ends the program at once.

Files in --out: report.md (the table), report.json (everything), pictures.csv (a row for each picture, structure and way of
prompting), worst_N_dice_D_NAME.png (the answer filled, the label as an outline).

Examples:
  Judge a model on simulated pictures of seeds that it has not seen:
      sam2rad phantom --preset hip --count 200 --seed 100000 --split Test --out hip
      sam2rad eval --model weights/hip.safetensors --data hip --out hip_report";

impl Eval {
    /// Judges, prints and writes.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        let dataset = Dataset::open(&self.data)?;
        dataset.require(self.split)?;
        let segmenter = model::segmenter_on(&self.model, self.device)?;
        let matched = match_structures(segmenter.structures(), &dataset)?;
        if let Some(out) = &self.out {
            std::fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
        }

        let count = dataset.len(self.split).min(self.limit.unwrap_or(usize::MAX));
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}, {eta} left")?;
        let progress = ProgressBar::new(count as u64).with_style(style);
        let mut scores: Vec<PictureScores> = Vec::with_capacity(count);
        let stop = stop::flag()?;
        for i in 0..count {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let picture = relabel(dataset.read(self.split, i)?, &matched);
            progress.set_message(picture.name.clone());
            scores.push(evaluate_picture(&segmenter, &picture, &matched, &Prompting::ALL)?);
            progress.inc(1);
        }
        progress.finish_and_clear();
        if scores.len() < count {
            println!("stopped: this is the report of the first {} of {count} pictures\n", scores.len());
        }

        let report = Report::new(self.subject(&segmenter, &dataset, &matched), scores);
        let page = report.to_markdown();
        print!("{page}");
        if let Some(out) = &self.out {
            write(out, "report.md", page.as_bytes())?;
            write(out, "report.json", serde_json::to_string_pretty(&report)?.as_bytes())?;
            let path = out.join("pictures.csv");
            report.write_csv(File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?)?;
            remove_worst(out)?;
            for (rank, scores) in report.worst_first().into_iter().take(WORST_PICTURES).enumerate() {
                self.draw(&segmenter, &dataset, &matched, rank, scores, out)?;
            }
            println!("\nWritten to {}", out.display());
        }
        Ok(stop::end_if_stopped(&stop)?)
    }

    fn subject(&self, segmenter: &Segmenter, dataset: &Dataset, matched: &[usize]) -> Subject {
        let names = segmenter.structures().iter().map(|structure| structure.name.clone()).enumerate();
        let (unlabelled, structures): (Vec<_>, Vec<_>) = names.partition(|(i, _)| !matched.contains(i));
        Subject {
            model: self.model.display().to_string(),
            training_data: segmenter.card().training_data.clone(),
            data: self.data.display().to_string(),
            split: self.split.to_string(),
            provenance: dataset.provenance.clone(),
            structures,
            unlabelled: unlabelled.into_iter().map(|(_, name)| name).collect(),
        }
    }

    /// The autonomous answer filled, the label as an outline over it.
    fn draw(
        &self,
        segmenter: &Segmenter,
        dataset: &Dataset,
        matched: &[usize],
        rank: usize,
        scores: &PictureScores,
        out: &Path,
    ) -> Result<(), Box<dyn Error>> {
        let names = dataset.names(self.split);
        let Some(i) = names.iter().position(|name| *name == scores.name) else { return Ok(()) };
        let mut labelled = relabel(dataset.read(self.split, i)?, matched);
        let encoded = segmenter.encode(&labelled.frame);
        let answer = burn::tensor::read_sync(segmenter.segment(&encoded, &Request::default()))?;
        let structures = segmenter.structures().len();
        let class_ids: Vec<u8> = (1..=structures as u8).collect();
        let colors: Vec<_> = segmenter.structures().iter().map(|structure| structure.color).collect();
        let truth = ClassMap::from_labels(labelled.frame.width(), labelled.class_ids, structures);
        let style = OverlayStyle::for_frame(&labelled.frame);
        let frame = &mut labelled.frame;
        draw(frame, &answer.map, &class_ids, &colors, OverlayStyle { contour_width: 0, ..style });
        draw(frame, &truth, &class_ids, &colors, OverlayStyle { fill_opacity: 0.0, ..style });
        let dice = scores.mean_dice(Prompting::AUTONOMOUS).unwrap_or_default();
        let stem = Path::new(&scores.name).file_stem().unwrap_or_default().to_string_lossy();
        let name = format!("worst_{}_dice_{dice:.3}_{stem}.png", rank + 1);
        Ok(picture::write(&out.join(name), labelled.frame)?)
    }
}

/// Takes away the worst pictures of an earlier report, which would be taken for this one's.
fn remove_worst(out: &Path) -> Result<(), String> {
    let error = |error: std::io::Error| format!("{}: {error}", out.display());
    for entry in std::fs::read_dir(out).map_err(error)? {
        let path = entry.map_err(error)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("worst_") && name.contains("_dice_") && name.ends_with(".png") {
            std::fs::remove_file(&path).map_err(error)?;
        }
    }
    Ok(())
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), String> {
    let path = folder.join(name);
    std::fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}
