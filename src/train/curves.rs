//! The picture of a training's curves, `curves.png`.

use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use std::ops::Range;
use std::path::Path;
use std::sync::Once;

use super::TrainError;
use super::report::ValidationRow;
use crate::frame::Frame;
use crate::learner::LossRow;
use crate::picture;
use crate::structure::Structure;

const SIZE: (u32, u32) = (1000, 840);
const FONT: &str = "ubuntu";
/// Rows of losses that a point of the curve is the mean of, at most: there are as many points as the picture has room for.
const POINTS: usize = 400;

/// A curve: its name, its colour, and its value in a row.
type Term = (&'static str, RGBColor, fn(&LossRow) -> f32);

/// Draws losses above and validation below.
pub(super) fn draw(
    path: &Path,
    losses: &[LossRow],
    validation: &[ValidationRow],
    structures: &[Structure],
) -> Result<(), TrainError> {
    let failed = |error: String| TrainError::Plot { path: path.into(), why: error };
    let mut rgb = vec![255; 3 * (SIZE.0 * SIZE.1) as usize];
    paint(&mut rgb, losses, validation, structures).map_err(|error| failed(error.to_string()))?;
    let frame = Frame::from_rgb(SIZE.0 as usize, SIZE.1 as usize, rgb).map_err(|error| failed(error.to_string()))?;
    Ok(picture::write(path, frame)?)
}

fn paint(
    rgb: &mut [u8],
    losses: &[LossRow],
    validation: &[ValidationRow],
    structures: &[Structure],
) -> Result<(), Box<dyn std::error::Error>> {
    let Some(last) = losses.last() else { return Ok(()) };
    static FONTS: Once = Once::new();
    let mut registered = Ok(());
    FONTS.call_once(|| {
        registered = register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    });
    registered.map_err(|_| "the font cannot be read")?;

    let area = BitMapBackend::with_buffer(rgb, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (upper, lower) = area.split_vertically(SIZE.1 / 2);
    let steps = 0.0..last.step as f64;

    let terms: [Term; 5] = [
        ("total", BLACK, |row| row.total),
        ("Dice loss", RGBColor(0, 114, 178), |row| row.dice),
        ("box", RGBColor(230, 159, 0), |row| row.bounding_box),
        ("object score", RGBColor(0, 158, 115), |row| row.object),
        ("100 interim", RGBColor(204, 121, 167), |row| 100.0 * row.interim),
    ];
    let points: Vec<LossRow> = thin_out(losses);
    let values = || points.iter().flat_map(|row| terms.map(|(.., of)| f64::from(of(row)))).filter(|value| *value > 0.0);
    let least = values().fold(f64::INFINITY, f64::min).max(1e-4);
    let most = values().fold(0.0, f64::max).max(2.0 * least);
    let mut chart = ChartBuilder::on(&upper)
        .caption("training losses", (FONT, 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(steps.clone(), (least..most).log_scale())?;
    chart.configure_mesh().x_desc("step").y_desc("loss").label_style((FONT, 15)).draw()?;
    for (name, color, of) in terms {
        let line = points.iter().map(|row| (row.step as f64, f64::from(of(row)).max(least)));
        let legend = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2));
        chart.draw_series(LineSeries::new(line, color.stroke_width(2)))?.label(name).legend(legend);
    }
    legend(&mut chart)?;

    if !validation.is_empty() {
        paint_validation(&lower, steps, validation, structures)?;
    }
    area.present()?;
    Ok(())
}

/// A part of the picture.
type Area<'a> = DrawingArea<BitMapBackend<'a>, plotters::coord::Shift>;

fn paint_validation<'a>(
    area: &Area<'a>,
    steps: Range<f64>,
    validation: &[ValidationRow],
    structures: &[Structure],
) -> Result<(), Box<dyn std::error::Error>> {
    let mut chart = ChartBuilder::on(area)
        .caption("validation", (FONT, 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(steps, 0.0..1.0)?;
    chart.configure_mesh().x_desc("step").y_desc("Dice, share").label_style((FONT, 15)).draw()?;
    let mut line = |name: String, color: RGBColor, of: &dyn Fn(&ValidationRow) -> Option<f64>| {
        let points: Vec<_> = validation.iter().filter_map(|row| Some((row.step as f64, of(row)?))).collect();
        let legend = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2));
        let dots = points.iter().map(|&point| Circle::new(point, 3, color.filled()));
        chart.draw_series(dots)?;
        chart.draw_series(LineSeries::new(points, color.stroke_width(2)))?.label(name).legend(legend);
        Ok::<(), Box<dyn std::error::Error>>(())
    };
    for (i, structure) in structures.iter().enumerate() {
        let [red, green, blue] = structure.color;
        line(format!("Dice {}", structure.name), RGBColor(red, green, blue), &|row| row.scores.dice[i])?;
    }
    line("presence accuracy".into(), RGBColor(120, 120, 120), &|row| row.scores.presence_accuracy)?;
    legend(&mut chart)
}

/// Draws the box with the names of a chart's lines.
fn legend<'a, X: Ranged<ValueType = f64> + 'a, Y: Ranged<ValueType = f64> + 'a>(
    chart: &mut ChartContext<'a, BitMapBackend<'a>, Cartesian2d<X, Y>>,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut labels = chart.configure_series_labels();
    labels.background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).label_font((FONT, 15));
    labels.draw().map_err(|error| error.to_string().into())
}

/// Means of neighbouring rows, so that there are `POINTS` at most.
fn thin_out(rows: &[LossRow]) -> Vec<LossRow> {
    let each = rows.len().div_ceil(POINTS);
    let mean = |rows: &[LossRow]| {
        let of = |value: fn(&LossRow) -> f32| rows.iter().map(value).sum::<f32>() / rows.len() as f32;
        LossRow {
            total: of(|row| row.total),
            dice: of(|row| row.dice),
            bounding_box: of(|row| row.bounding_box),
            object: of(|row| row.object),
            interim: of(|row| row.interim),
            ..rows[rows.len() - 1]
        }
    };
    rows.chunks(each.max(1)).map(mean).collect()
}
