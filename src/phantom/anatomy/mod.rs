//! What lies under the probe: layers, regions and bones, in body space.
//!
//! Body space is in mm: y runs from the skin into the depth, x along it. Layers follow the skin; bones and regions have a
//! frame of their own, which is mirrored, turned and moved as a whole ([`Placement`]).

mod hip;
mod shape;
mod shoulder;
mod wrist;

pub use shape::{Outline, Placement, Shape};

use super::noise::Noise;
use super::ranges::{Range, TissueRanges};
use super::{Preset, ranges};
use rand::Rng;

/// Body space is described from `-HALF_WIDTH_MM` to `HALF_WIDTH_MM`.
const HALF_WIDTH_MM: f32 = 90.0;

/// A depth for each place along the skin, as a table of `STEP_MM`.
pub struct Profile {
    depths: Vec<f32>,
}

impl Profile {
    const STEP_MM: f32 = 0.5;

    /// Tabulates a function of x.
    pub fn new(depth: impl Fn(f32) -> f32) -> Self {
        let steps = (2.0 * HALF_WIDTH_MM / Self::STEP_MM) as usize;
        Self { depths: (0..=steps).map(|i| depth(i as f32 * Self::STEP_MM - HALF_WIDTH_MM)).collect() }
    }

    /// A gently bent line around a depth: slope and two waves are drawn.
    pub fn wavy(depth: f32, slope: f32, wave: f32, rng: &mut impl Rng) -> Self {
        let phases = [(); 2].map(|()| rng.random_range(0.0..std::f32::consts::TAU));
        let lengths = [rng.random_range(25.0..60.0), rng.random_range(8.0..20.0)];
        let tau = std::f32::consts::TAU;
        Self::new(|x| {
            depth
                + slope * x
                + wave * (x / lengths[0] * tau + phases[0]).sin()
                + 0.25 * wave * (x / lengths[1] * tau + phases[1]).sin()
        })
    }

    /// The depth at x.
    pub fn at(&self, x: f32) -> f32 {
        let position = ((x + HALF_WIDTH_MM) / Self::STEP_MM).clamp(0.0, (self.depths.len() - 2) as f32);
        let i = position as usize;
        self.depths[i] + (self.depths[i + 1] - self.depths[i]) * (position - i as f32)
    }
}

/// How echoes vary inside a tissue. Lengths in mm, contrasts in dB.
#[derive(Debug, Clone, Copy)]
pub enum Texture {
    /// Not at all.
    Plain,
    /// Bright walls between lobules.
    Septa {
        /// Size of a lobule in depth.
        spacing: f32,
        /// Walls above what is between them.
        contrast: f32,
    },
    /// Bright lines along one direction: fibre bundles, fibrils.
    Fibres {
        /// Distance of lines.
        spacing: f32,
        /// Length over which a line wanders.
        length: f32,
        /// Lines above what is between them.
        contrast: f32,
        /// Depth over distance of the direction.
        slope: f32,
    },
    /// Clouds.
    Mottled {
        /// Of a cloud.
        size: f32,
        /// For a standard deviation of the noise.
        contrast: f32,
    },
}

impl Texture {
    /// The texture's level in dB at a place in its tissue's own coordinates.
    fn level_db(self, noise: &Noise, u: f32, v: f32) -> f32 {
        match self {
            Self::Plain => 0.0,
            Self::Septa { spacing, contrast } => {
                let wide = noise.ridge(u / (3.0 * spacing), v / spacing, 0.09);
                contrast * wide + 2.0 * noise.at(u / spacing + 7.3, v / spacing)
            }
            Self::Fibres { spacing, length, contrast, slope } => {
                let v = v - slope * u;
                let lines = noise.ridge(u / length, v / spacing, 0.22);
                // Bundles come and go, so that lines are broken.
                let presence =
                    (0.6 + 0.5 * noise.at(u / (0.7 * length) + 11.7, v / (2.6 * spacing) + 3.1)).clamp(0.0, 1.2);
                contrast * (lines * presence - 0.25)
            }
            Self::Mottled { size, contrast } => contrast * noise.at(u / size, v / size),
        }
    }
}

/// A tissue.
#[derive(Debug, Clone, Copy)]
pub struct Tissue {
    /// Mean echo level against muscle, dB.
    pub level_db: f32,
    /// How it varies.
    pub texture: Texture,
    /// Attenuation, dB/(cm MHz).
    pub attenuation: f32,
}

/// A thin bright sheet, parallel to the skin more or less.
pub struct Fascia {
    /// Where it is.
    pub profile: Profile,
    /// Its level, dB.
    pub level_db: f32,
    /// Its thickness (standard deviation), mm.
    pub thickness_mm: f32,
}

/// A tissue of bounded extent.
pub struct Region {
    /// Its outline, in the deep frame.
    pub shape: Shape,
    /// What is in it.
    pub tissue: Tissue,
    /// Level of its rim and the rim's thickness in mm, where it has one.
    pub rim: Option<(f32, f32)>,
    /// Loss of level at 20 degrees between the beam and a right angle to the fibres, dB.
    pub anisotropy_db: f32,
    /// What it is labelled as; 0 for nothing.
    pub class_id: u8,
}

/// A bone's surface, as a polyline in body space.
pub struct Bone {
    /// Corners, mm.
    pub points: Vec<[f32; 2]>,
    /// Level at a right angle, dB.
    pub level_db: f32,
    /// What its surface is labelled as; 0 for nothing.
    pub class_id: u8,
    /// The area below its surface is labelled instead.
    pub cap: Option<Cap>,
}

/// A labelled part of a round bone: inside its outline, above a chord at right angles to the probe's axis.
#[derive(Debug, Clone, Copy)]
pub struct Cap {
    /// The outline, in the deep frame.
    pub outline: Outline,
    /// Distance of the chord from the outline's centre, share of the radius.
    pub chord: f32,
    /// What it is labelled as.
    pub class_id: u8,
}

/// Which of a preset's structures an anatomy has.
pub type Present = [bool; 2];

/// Everything under the probe.
pub struct Anatomy {
    /// Thickness of the skin and its level.
    skin: (f32, f32),
    /// Lower borders of all layers but the last.
    borders: Vec<Fascia>,
    /// Tissues of the layers under the skin.
    layers: Vec<Tissue>,
    /// Sheets that part nothing.
    sheets: Vec<Fascia>,
    /// From body space into the deep frame.
    pub placement: Placement,
    /// Later ones lie over earlier ones.
    pub regions: Vec<Region>,
    /// Opaque surfaces.
    pub bones: Vec<Bone>,
    noise: Noise,
    /// Depth that shows it well, mm.
    pub depth_mm: f32,
    /// Where along the skin the interesting part is, mm.
    pub centre_mm: f32,
    /// Graf's alpha angle of a hip with ilium and head: between the ilium over one diameter of the head before the bony
    /// rim, and the line from there to the lower limb, where the roof ends.
    pub alpha_degrees: Option<f32>,
}

/// The echo strength at a point.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Level of scatterers against muscle, dB.
    pub level_db: f32,
    /// Coherent part of a sheet's echo, amplitude against muscle.
    pub coherent: f32,
    /// Attenuation, dB/(cm MHz).
    pub attenuation: f32,
}

impl Anatomy {
    /// Draws a preset's anatomy.
    pub fn draw(preset: Preset, present: Present, rng: &mut impl Rng) -> Self {
        match preset {
            Preset::Hip => hip::draw(present, rng),
            Preset::Wrist => wrist::draw(present, rng),
            Preset::Shoulder => shoulder::draw(present, rng),
        }
    }

    /// Attenuation that time-gain compensation should make up for, dB/(cm MHz).
    pub fn mean_attenuation(&self) -> f32 {
        self.layers.iter().map(|tissue| tissue.attenuation).sum::<f32>() / self.layers.len() as f32
    }

    /// Draws skin, fat and muscles. `fat_mm` is where fat ends, `muscles` the depth of each border between muscles.
    fn layered(fat_mm: f32, muscles: &[f32], placement: Placement, rng: &mut impl Rng) -> Self {
        let tissue = ranges::TISSUE;
        let slope = |rng: &mut _| Range { low: -0.07, high: 0.07 }.draw(rng);
        let skin = (tissue.skin_mm.draw(rng), tissue.skin_db.draw(rng));
        let mut borders = Vec::new();
        for &depth in std::iter::once(&fat_mm).chain(muscles) {
            let wave = rng.random_range(0.1..0.1 + 0.06 * depth);
            let slope = slope(rng);
            borders.push(fascia(&tissue, Profile::wavy(depth, slope, wave, rng), 0.0, rng));
        }
        let mut layers = vec![Tissue {
            level_db: tissue.fat_db.draw(rng),
            texture: Texture::Septa { spacing: rng.random_range(1.2..3.5), contrast: tissue.septa_db.draw(rng) },
            attenuation: tissue.attenuation.draw(rng),
        }];
        layers.extend(borders.iter().map(|_| muscle(&tissue, rng)).collect::<Vec<_>>());
        let mut sheets = Vec::new();
        for _ in 0..rng.random_range(0..4) {
            let depth = rng.random_range(0.8 * fat_mm..fat_mm + 25.0);
            let slope = rng.random_range(-0.25..0.25);
            sheets.push(fascia(&tissue, Profile::wavy(depth, slope, 0.5, rng), -3.0, rng));
        }
        Self {
            skin,
            borders,
            layers,
            sheets,
            placement,
            regions: Vec::new(),
            bones: Vec::new(),
            noise: Noise::new(rng),
            depth_mm: 40.0,
            centre_mm: 0.0,
            alpha_degrees: None,
        }
    }

    /// Adds a bone whose surface is given in the deep frame; its contour becomes irregular by `roughness_mm`.
    fn add_bone(&mut self, points: &[[f32; 2]], class_id: u8, roughness_mm: f32, rng: &mut impl Rng) {
        let shift = rng.random_range(0.0..50.0);
        let points = points.iter().map(|&[x, y]| {
            let bump = self.noise.at(x / 4.0 + shift, y / 4.0) + 0.4 * self.noise.at(x / 1.3 + shift, y / 1.3 + 9.0);
            self.placement.to_body([x, y + roughness_mm * bump])
        });
        let points = points.collect();
        self.bones.push(Bone { points, level_db: ranges::TISSUE.bone_db.draw(rng), class_id, cap: None });
    }

    /// Adds vessels, and now and then a lymph node or a cyst: round things that are not labelled. `depths` bounds them.
    fn add_distractors(&mut self, depths: Range, rng: &mut impl Rng) {
        for _ in 0..rng.random_range(0..3) {
            let radius = rng.random_range(0.7..2.6);
            let center = self.placement.to_deep([rng.random_range(-20.0..20.0), depths.draw(rng)]);
            let outline =
                Outline::ellipse(center, [radius * rng.random_range(1.0..1.8), radius], rng.random_range(-0.4..0.4));
            self.regions.push(Region {
                shape: Shape::Blob(outline),
                tissue: Tissue { level_db: rng.random_range(-32.0..-16.0), texture: Texture::Plain, attenuation: 0.15 },
                rim: Some((rng.random_range(2.0..12.0), 0.25)),
                anisotropy_db: 0.0,
                class_id: 0,
            });
        }
        if rng.random::<f32>() < 0.25 {
            let center = self.placement.to_deep([rng.random_range(-18.0..18.0), depths.draw(rng)]);
            let radius = rng.random_range(1.2..3.0);
            self.regions.push(Region {
                shape: Shape::Blob(Outline::ellipse(center, [1.7 * radius, radius], rng.random_range(-0.5..0.5))),
                tissue: Tissue {
                    level_db: rng.random_range(2.0..9.0),
                    texture: Texture::Mottled { size: 0.6, contrast: 6.0 },
                    attenuation: 0.8,
                },
                rim: Some((rng.random_range(0.0..10.0), 0.3)),
                anisotropy_db: 0.0,
                class_id: 0,
            });
        }
    }

    /// The echo strength at a point of body space whose distance from the face is `range_mm`, for a beam along
    /// `direction`.
    pub fn sample(&self, point: [f32; 2], range_mm: f32, direction: [f32; 2]) -> Sample {
        let [x, y] = point;
        let deep = self.placement.to_deep(point);
        let mut found = None;
        for region in self.regions.iter().rev() {
            if let Some(place) = region.shape.place(deep) {
                found = Some((region, place));
                break;
            }
        }
        let mut sample = if let Some((region, place)) = found {
            let mut level_db =
                region.tissue.level_db + region.tissue.texture.level_db(&self.noise, place.along, place.across);
            if region.anisotropy_db > 0.0 {
                let fibre = self.placement.direction_to_body(place.direction);
                let sine = (fibre[0] * direction[0] + fibre[1] * direction[1]).abs();
                level_db -= (region.anisotropy_db * (sine / 0.342).powi(2)).min(14.0);
            }
            if let Some((rim_db, rim_mm)) = region.rim {
                // A rim is seen where the beam meets it at a right angle, as any sheet.
                let normal = self.placement.direction_to_body(place.normal);
                let facing = (normal[0] * direction[0] + normal[1] * direction[1]).abs().powi(2);
                let nearness = (-(place.depth / rim_mm).powi(2)).exp();
                level_db += (rim_db + 10.0 * (facing - 1.0) - level_db).max(0.0) * nearness;
            }
            Sample { level_db, coherent: 0.0, attenuation: region.tissue.attenuation }
        } else {
            let layer = self.borders.iter().position(|border| y < border.profile.at(x)).unwrap_or(self.borders.len());
            let tissue = &self.layers[layer];
            let level_db = tissue.level_db + tissue.texture.level_db(&self.noise, x, y);
            let mut coherent = 0.0;
            for sheet in self.borders.iter().chain(&self.sheets) {
                let distance = (y - sheet.profile.at(x)) / sheet.thickness_mm;
                if distance.abs() < 3.0 {
                    let presence =
                        (0.75 + 0.5 * self.noise.at(x / 6.0 + sheet.level_db, sheet.level_db)).clamp(0.0, 1.2);
                    coherent += presence * amplitude(sheet.level_db) * (-distance * distance).exp();
                }
            }
            Sample { level_db, coherent, attenuation: tissue.attenuation }
        };
        if range_mm < self.skin.0 {
            let entry = 8.0 * (-range_mm / 0.25).exp();
            sample = Sample { level_db: self.skin.1 + entry, coherent: 0.0, attenuation: 0.6 };
        }
        sample
    }
}

/// The amplitude of a level in dB.
pub fn amplitude(level_db: f32) -> f32 {
    (level_db * (std::f32::consts::LOG2_10 / 20.0)).exp2()
}

fn fascia(tissue: &TissueRanges, profile: Profile, offset_db: f32, rng: &mut impl Rng) -> Fascia {
    Fascia { profile, level_db: tissue.fascia_db.draw(rng) + offset_db, thickness_mm: tissue.fascia_mm.draw(rng) }
}

fn muscle(tissue: &TissueRanges, rng: &mut impl Rng) -> Tissue {
    Tissue {
        level_db: tissue.muscle_db.draw(rng),
        texture: Texture::Fibres {
            spacing: tissue.fibre_spacing_mm.draw(rng),
            length: rng.random_range(5.0..18.0),
            contrast: tissue.fibre_db.draw(rng),
            slope: rng.random_range(-0.25..0.25),
        },
        attenuation: tissue.attenuation.draw(rng),
    }
}

/// A tendon's tissue; fibrils run along its shape.
fn tendon(tissue: &TissueRanges, rng: &mut impl Rng) -> Tissue {
    Tissue {
        level_db: tissue.tendon_db.draw(rng),
        texture: Texture::Fibres {
            spacing: tissue.fibril_spacing_mm.draw(rng),
            length: rng.random_range(4.0..12.0),
            contrast: rng.random_range(5.0..11.0),
            slope: 0.0,
        },
        attenuation: tissue.attenuation.draw(rng),
    }
}
