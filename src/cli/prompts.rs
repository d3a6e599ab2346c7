//! Prompts as arguments.

use sam2rad::brush::Stroke;
use sam2rad::model::PointLabel;
use sam2rad::segmenter::FramePoint;
use sam2rad::structure::Structure;

/// Of a pixel, in mm along x and y.
#[derive(Clone, Copy)]
pub struct Spacing(pub [f64; 2]);

/// Left, top, right, bottom.
#[derive(Clone, Copy)]
pub struct FrameBox(pub [f32; 4]);

fn numbers<const N: usize>(parts: &[&str]) -> Result<[f32; N], String> {
    let values: Result<Vec<f32>, _> = parts.iter().map(|part| part.trim().parse::<f32>()).collect();
    let values = values.map_err(|error| format!("{error}: write numbers with commas between them"))?;
    let finite = values.iter().all(|value| value.is_finite());
    values.try_into().ok().filter(|_| finite).ok_or_else(|| format!("write {N} numbers with commas between them"))
}

/// A point, `x,y` or `x,y,outside`.
pub fn parse_point(text: &str) -> Result<FramePoint, String> {
    let parts: Vec<&str> = text.split(',').collect();
    let (coordinates, label) = match parts.as_slice() {
        [coordinates @ .., "outside"] => (coordinates, PointLabel::Outside),
        [coordinates @ .., "inside"] => (coordinates, PointLabel::Inside),
        coordinates => (coordinates, PointLabel::Inside),
    };
    let [x, y] = numbers(coordinates)?;
    Ok(FramePoint { x, y, label })
}

/// A box, `left,top,right,bottom`.
pub fn parse_box(text: &str) -> Result<FrameBox, String> {
    let [left, top, right, bottom] = numbers(&text.split(',').collect::<Vec<_>>())?;
    if left >= right || top >= bottom {
        return Err("left must be before right, and top above bottom".into());
    }
    Ok(FrameBox([left, top, right, bottom]))
}

/// The size of a pixel, `width,height`.
pub fn parse_spacing(text: &str) -> Result<Spacing, String> {
    let sides = numbers(&text.split(',').collect::<Vec<_>>())?;
    if sides.iter().any(|&side| side <= 0.0) {
        return Err("a pixel's width and height are above 0".into());
    }
    Ok(Spacing(sides.map(f64::from)))
}

/// A stroke and the structure it is for, by name or number from 1.
#[derive(Clone)]
pub struct StructureStroke {
    pub structure: String,
    pub stroke: Stroke,
}

/// A stroke, `structure:x,y;x,y;...:radius` with `:outside` where it takes away.
pub fn parse_stroke(text: &str) -> Result<StructureStroke, String> {
    // From the end, so that a structure's name may have colons.
    let (text, inside) = match text.rsplit_once(':') {
        Some((rest, "outside")) => (rest, false),
        Some((rest, "inside")) => (rest, true),
        _ => (text, true),
    };
    let form = || "write structure:x,y;x,y;...:radius, and :outside after it to take away".to_owned();
    let (text, radius) = text.rsplit_once(':').ok_or_else(form)?;
    let (structure, path) = text.rsplit_once(':').ok_or_else(form)?;
    let [radius] = numbers(&[radius])?;
    if radius < 0.0 {
        return Err("the radius of a brush is not negative".into());
    }
    let path = path.split(';').map(|point| numbers(&point.split(',').collect::<Vec<_>>()));
    let path = path.collect::<Result<_, _>>()?;
    Ok(StructureStroke { structure: structure.to_owned(), stroke: Stroke { path, radius, inside } })
}

/// Which structure is meant by a name or a number from 1.
pub fn number_of(name: &str, structures: &[Structure]) -> Result<usize, String> {
    let by_number = name.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let by_name = structures.iter().position(|structure| structure.name == *name);
    by_name.or(by_number.filter(|&i| i < structures.len())).ok_or_else(|| {
        let names: Vec<_> = structures.iter().map(|structure| structure.name.as_str()).collect();
        format!("the model has no structure `{name}`; it has {}", names.join(", "))
    })
}
