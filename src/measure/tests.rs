use super::*;

/// A picture of 256 by 256 in which pixels near a path are class 1 and those of a disc class 2.
struct Drawing(ClassMap);

const SIDE: usize = 256;

impl Drawing {
    fn new() -> Self {
        Self(ClassMap::from_labels(SIDE, vec![0; SIDE * SIDE], 2))
    }

    fn paint(mut self, class_id: u8, is_inside: impl Fn(Point) -> bool) -> Self {
        for (i, id) in self.0.class_ids.iter_mut().enumerate() {
            if is_inside([(i % SIDE) as f64 + 0.5, (i / SIDE) as f64 + 0.5]) {
                *id = class_id;
            }
        }
        self
    }

    /// Every pixel anew.
    #[cfg(feature = "picture")]
    fn paint_from(mut self, class_at: impl Fn(Point) -> u8) -> Self {
        for (i, id) in self.0.class_ids.iter_mut().enumerate() {
            *id = class_at([(i % SIDE) as f64 + 0.5, (i / SIDE) as f64 + 0.5]);
        }
        self
    }

    /// A band of `thickness` along corners.
    fn band(self, class_id: u8, corners: &[Point], thickness: f64) -> Self {
        self.paint(class_id, |point| corners.windows(2).any(|ends| to_segment(point, ends) <= 0.5 * thickness))
    }

    fn disc(self, class_id: u8, centre: Point, radius: f64) -> Self {
        self.paint(class_id, |point| line::distance(point, centre) <= radius)
    }
}

fn to_segment(point: Point, ends: &[Point]) -> f64 {
    let along = line::minus(ends[1], ends[0]);
    let share = line::dot(line::minus(point, ends[0]), along) / line::dot(along, along);
    line::distance(point, line::plus(ends[0], along, share.clamp(0.0, 1.0)))
}

/// A hip whose wing is turned by `turn` degrees, with the rim in the middle; `roof` is the roof's length. `across` is the width
/// of a pixel for a height of 1.
fn hip(alpha: f64, turn: f64, roof: f64, mirrored: bool, across: f64) -> Drawing {
    let place = |[x, y]: Point| {
        let (sine, cosine) = f64::to_radians(turn).sin_cos();
        let [x, y] = [cosine * x - sine * y, sine * x + cosine * y];
        let x = if mirrored { -x } else { x };
        [128.0 + x / across, 120.0 + y]
    };
    let (sine, cosine) = alpha.to_radians().sin_cos();
    // A quarter of the head is above the baseline: it reaches from 20 above to 60 below.
    let head = |point: Point| {
        let [x, y] = line::minus(point, place([55.0, 20.0]));
        (x * across).hypot(y) <= 40.0
    };
    Drawing::new().paint(2, head).band(
        1,
        &[place([-80.0, 0.0]), place([0.0, 0.0]), place([roof * cosine, roof * sine])],
        7.0,
    )
}

fn graf(drawing: &Drawing, spacing_mm: Option<[f64; 2]>) -> Outcome<super::hip::Hip> {
    match measure(&drawing.0, &["ilium", "femoral head"], spacing_mm) {
        Some(Measurement::Hip(outcome)) => outcome,
        other => panic!("{other:?}"),
    }
}

fn measured<T: std::fmt::Debug>(outcome: Outcome<T>) -> T {
    match outcome {
        Outcome::Measured(values) => values,
        other => panic!("{other:?}"),
    }
}

fn reason<T: std::fmt::Debug>(outcome: Outcome<T>) -> Reason {
    match outcome {
        Outcome::Abstained { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn alpha_and_coverage_are_those_drawn_mirrored_and_turned() {
    for alpha in [45.0, 60.0, 70.0] {
        for turn in [-30.0, -12.0, 0.0, 30.0] {
            for mirrored in [false, true] {
                let found = measured(graf(&hip(alpha, turn, 45.0, mirrored, 1.0), None));
                let what = format!("{alpha} {turn} {mirrored}: {found:?}");
                assert!((found.alpha_degrees - alpha).abs() < 3.0, "{what}");
                assert!((found.coverage - 0.75).abs() < 0.03, "{what}");
                assert_eq!(found.head_diameter_mm, None);
            }
        }
    }
}

#[test]
fn pixels_that_are_not_square_change_no_angle() {
    let found = measured(graf(&hip(60.0, 0.0, 45.0, false, 1.25), Some([0.25, 0.2])));
    assert!((found.alpha_degrees - 60.0).abs() < 3.0, "{found:?}");
    assert!((found.head_diameter_mm.unwrap() - 16.0).abs() < 0.3, "{found:?}");
    assert!((found.head_covered_mm.unwrap() - 12.0).abs() < 0.4, "{found:?}");
}

#[test]
fn holes_a_gap_and_specks_change_little() {
    let drawing = hip(60.0, 5.0, 45.0, false, 1.0).disc(0, [100.0, 118.0], 2.0).disc(0, [80.0, 116.0], 5.0);
    let found = measured(graf(&drawing.disc(1, [220.0, 30.0], 6.0).disc(1, [30.0, 230.0], 4.0), None));
    assert!((found.alpha_degrees - 60.0).abs() < 4.0, "{found:?}");
}

#[test]
fn a_picture_that_is_no_standard_plane_is_not_measured() {
    let no_head =
        hip(60.0, 0.0, 45.0, false, 1.0).paint(0, |[x, _]| x > 175.0).paint(0, |[x, y]| x > 140.0 && y < 130.0);
    let no_head = no_head.paint(0, |[x, y]| (x - 183.0).hypot(y - 140.0) < 41.0);
    assert_eq!(reason(graf(&no_head, None)), Reason::HeadAbsent);
    assert_eq!(reason(graf(&Drawing::new().disc(2, [128.0, 128.0], 40.0), None)), Reason::IliumAbsent);
    // The mask ends at the rim, or just beyond.
    for roof in [1.0, 12.0, 20.0] {
        assert_eq!(reason(graf(&hip(60.0, 0.0, roof, false, 1.0), None)), Reason::NoRoof, "{roof}");
    }
    let arch: Vec<Point> =
        (0..40).map(|i| f64::from(i) * 0.08).map(|t| [90.0 - 45.0 * t.cos(), 130.0 - 45.0 * t.sin()]).collect();
    let arch = Drawing::new().disc(2, [185.0, 150.0], 40.0).band(1, &arch, 7.0);
    assert_eq!(reason(graf(&arch, None)), Reason::NoStraightWing);
    assert_eq!(reason(graf(&hip(60.0, 50.0, 45.0, false, 1.0), None)), Reason::SteepWing);
}

#[test]
fn a_muscle_is_as_thick_as_the_distance_of_the_facing_edges() {
    let tilt = 10f64.to_radians().tan();
    // Edges 60 apart at the middle, at right angles to a line that falls by 5 degrees; the deep one falls by 10.
    let drawing = Drawing::new()
        .paint(1, |[_, y]| (40.0..46.0).contains(&y))
        .paint(1, |[x, y]| (0.0..8.0).contains(&(y - 106.0 - tilt * (x - 128.0))))
        .paint(0, |[x, _]| (70.0..82.0).contains(&x))
        .disc(1, [200.0, 230.0], 6.0);
    let Some(Measurement::Muscle(outcome)) = measure(&drawing.0, &["Aponeurosis"], Some([0.1, 0.1])) else { panic!() };
    let found = measured(outcome);
    let expected = 60.0 * 5f64.to_radians().cos();
    assert!((found.middle_thickness_px - expected).abs() < 1.0, "{found:?}");
    assert!((found.mean_thickness_mm.unwrap() - 0.1 * expected).abs() < 0.2, "{found:?}");
    assert!((found.angle_degrees - 10.0).abs() < 0.5, "{found:?}");
}

#[test]
fn one_aponeurosis_makes_no_muscle() {
    let drawing = Drawing::new().paint(1, |[_, y]| (40.0..46.0).contains(&y));
    let Some(Measurement::Muscle(outcome)) = measure(&drawing.0, &["aponeurosis"], None) else { panic!() };
    assert_eq!(reason(outcome), Reason::OneAponeurosis);
}

#[test]
fn the_area_of_a_beat_goes_from_its_largest_to_its_smallest() {
    // 20 frames of a beat between 30 and 50, one frame of it lost and one bad.
    let mut areas: Vec<_> =
        (0..20).map(|i| Some(40.0 + 10.0 * (f64::from(i) * 0.1 * std::f64::consts::PI).cos())).collect();
    areas[3] = None;
    areas[14] = Some(400.0);
    let beat = heart::beat(&areas).unwrap();
    assert!(
        [0, 1, 18, 19].contains(&beat.end_diastolic_frame) && beat.end_systolic_frame.abs_diff(10) <= 1,
        "{beat:?}"
    );
    assert!((beat.fractional_area_change - 0.4).abs() < 0.03, "{beat:?}");
    assert_eq!(heart::beat(&areas[..3]), Err(Reason::TooFewFrames));
}

#[test]
fn an_area_is_in_square_millimetres_where_the_spacing_is_known() {
    let drawing = Drawing::new().paint(1, |[x, y]| x < 10.0 && y < 20.0);
    let area = |spacing| match measure(&drawing.0, &["left ventricle"], spacing) {
        Some(Measurement::Heart(outcome)) => measured(outcome).area_mm2,
        other => panic!("{other:?}"),
    };
    assert_eq!(area(Some([0.5, 0.25])), Some(25.0));
    assert_eq!(area(None), None);
    assert_eq!(area(Some([0.5, 0.0])), None);
}

#[test]
fn other_structures_have_no_measurement() {
    assert_eq!(measure(&Drawing::new().0, &["radius", "carpal bones"], None), None);
}

#[test]
fn a_measurement_is_written_with_its_kind_and_outcome() {
    let drawing = Drawing::new().disc(2, [128.0, 128.0], 40.0);
    let json = serde_json::to_value(measure(&drawing.0, &["ilium", "femoral head"], None)).unwrap();
    let message = "not a standard plane: the ilium is not seen";
    let expected =
        serde_json::json!({ "kind": "hip", "outcome": "abstained", "reason": "ilium-absent", "message": message });
    assert_eq!(json, expected);
    let json = serde_json::to_value(measure(&drawing.0, &["left ventricle"], None)).unwrap();
    assert_eq!(json["reason"], "ventricle-absent");
}

/// Hips of `tests/fixtures/hips`, as they are or changed: how far alpha is from the lines drawn by hand on the standard planes,
/// sorted, and whether each picture on which none could be drawn is measured.
#[cfg(feature = "picture")]
fn real_hips(change: impl Fn(&Drawing) -> Drawing) -> (Vec<f64>, Vec<bool>) {
    use std::path::Path;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hips");
    let text = std::fs::read_to_string(folder.join("graf.json")).unwrap();
    let described: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let (mut errors, mut unmeasurable) = (Vec::new(), Vec::new());
    for (name, said) in described {
        let ids = crate::picture::read_ids(&folder.join(format!("{name}.png"))).unwrap();
        let drawing = Drawing(ClassMap::from_labels(ids.width, ids.ids, 2));
        let found = graf(&change(&drawing), None);
        if said["graf"].is_null() {
            unmeasurable.push(matches!(found, Outcome::Measured(_)));
        } else if said["standard_plane"] == true {
            let point = |value: &serde_json::Value| -> Point { serde_json::from_value(value.clone()).unwrap() };
            let [start, end] = [0, 1].map(|i| point(&said["graf"]["baseline"][i]));
            let roof = line::minus(point(&said["graf"]["lower_limb"]), point(&said["graf"]["bony_rim"]));
            let expected = line::degrees_between(line::minus(end, start), roof);
            let Outcome::Measured(found) = found else { continue };
            errors.push((found.alpha_degrees - expected).abs());
        }
    }
    errors.sort_by(f64::total_cmp);
    (errors, unmeasurable)
}

#[cfg(feature = "picture")]
#[test]
fn alpha_of_real_hips_is_that_of_lines_drawn_by_hand_to_four_degrees() {
    let warp = |drawing: &Drawing, from: &dyn Fn(Point) -> Point| {
        let old = &drawing.0.class_ids;
        Drawing::new().paint_from(|point| {
            let [x, y] = from(point);
            let is_inside = (0.0..SIDE as f64).contains(&x) && (0.0..SIDE as f64).contains(&y);
            if is_inside { old[y as usize * SIDE + x as usize] } else { 0 }
        })
    };
    let turn = |degrees: f64| {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        move |[x, y]: Point| {
            let [x, y] = [x - 128.0, y - 128.0];
            [128.0 + cosine * x - sine * y, 128.0 + sine * x + cosine * y]
        }
    };
    let changes: [(&str, &dyn Fn(Point) -> Point); 5] = [
        ("as they are", &|point| point),
        ("mirrored", &|[x, y]| [SIDE as f64 - x, y]),
        ("turned left", &turn(28.0)),
        ("turned right", &turn(-28.0)),
        ("in cells of 4 pixels", &|point| point.map(|value| (value / 4.0).floor() * 4.0 + 2.0)),
    ];
    for (name, change) in changes {
        let (errors, unmeasurable) = real_hips(|drawing| warp(drawing, change));
        assert!(errors.len() >= 10, "{name}: {} of 12 standard planes are measured", errors.len());
        assert!(errors[errors.len() / 2] <= 4.0, "{name}: {errors:?}");
        let abstained = unmeasurable.iter().filter(|measured| !**measured).count();
        assert!(abstained * 10 >= unmeasurable.len() * 7, "{name}: {unmeasurable:?}");
    }
}

/// The angle of the simulator's own geometry, on pictures that it drew.
#[cfg(feature = "train")]
#[test]
fn alpha_of_simulated_hips_is_right_to_two_degrees() {
    use crate::phantom::{Preset, Ranges};
    use rayon::prelude::*;
    let errors: Vec<Option<f64>> = (500_000..500_060_u64)
        .into_par_iter()
        .filter_map(|seed| {
            let phantom = Preset::Hip.simulate(Ranges::Standard, seed);
            let alpha = f64::from(phantom.alpha_degrees?);
            let map = ClassMap::from_labels(phantom.frame.width(), phantom.class_ids, 2);
            Some(match graf(&Drawing(map), None) {
                Outcome::Measured(found) => Some((found.alpha_degrees - alpha).abs()),
                Outcome::Abstained { .. } => None,
            })
        })
        .collect();
    let mut measured: Vec<f64> = errors.iter().copied().flatten().collect();
    measured.sort_by(f64::total_cmp);
    assert!(measured.len() * 10 > errors.len() * 7, "measured {} of {}", measured.len(), errors.len());
    assert!(measured[measured.len() / 2] < 2.0, "{measured:?}");
}
