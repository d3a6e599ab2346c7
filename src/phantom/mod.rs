//! Simulated B-mode ultrasound of musculoskeletal scenes with ground truth, for training and for trying things out.
//!
//! An [`anatomy`] is drawn, a [`machine`] looks at it: [`view`] finds where its lines meet bone and what is labelled,
//! [`echo`] makes grey levels along the lines, [`screen`] converts them to a picture with the console around it. Every
//! number is drawn from [`ranges`] or from a literal range beside its use, by one seed; the same seed gives the same
//! picture, bit by bit.
//!
//! These are pictures for software, not of anybody: they teach a network what bone, shadow and speckle look like.

pub mod anatomy;
pub mod echo;
pub mod machine;
pub mod noise;
pub mod probe;
pub mod ranges;
pub mod screen;
#[cfg(test)]
mod tests;
pub mod view;

use crate::frame::Frame;
use crate::overlay::default_color;
use crate::structure::Structure;
use anatomy::Anatomy;
use echo::EchoSettings;
use machine::Machine;
use noise::Scatterers;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use screen::Screen;
use serde::{Deserialize, Serialize};
use std::f32::consts::TAU;
use view::{Hit, Pose};

/// Share of pictures with neither structure, and with one but not the other.
const NEITHER: f32 = 0.04;
const ONLY_ONE: f32 = 0.08;

/// How often an anatomy that hides what the picture should show is drawn again.
const ATTEMPTS: usize = 12;

/// A scene, after the paper's data sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// An infant's hip: 1 ilium (surface), 2 femoral head (area).
    Hip,
    /// A wrist along the forearm: 1 radius (surface), 2 carpal bones (surfaces).
    Wrist,
    /// A shoulder from the side: 1 humeral head (area: the cap above its chord at half a radius), 2 supraspinatus tendon
    /// (area).
    Shoulder,
}

/// Which machines take the pictures: the tables [`ranges::STANDARD`] and [`ranges::SHIFTED`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ranges {
    /// Those that models are trained on.
    Standard,
    /// Others, never trained on: curved probes, lower frequency, heavier speckle, more gain.
    Shifted,
}

impl Ranges {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Standard, Self::Shifted];

    /// Its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Shifted => "shifted",
        }
    }
}

/// A simulated picture with its ground truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Phantom {
    /// The picture; grey.
    pub frame: Frame,
    /// `[height, width]`: 0 background, otherwise 1 + the structure's place in [`Preset::structures`].
    pub class_ids: Vec<u8>,
    /// Side of a pixel, mm.
    pub pixel_spacing_mm: f32,
    /// Graf's alpha angle of a hip with ilium and femoral head.
    pub alpha_degrees: Option<f32>,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hip, Self::Wrist, Self::Shoulder];

    /// Its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hip => "hip",
            Self::Wrist => "wrist",
            Self::Shoulder => "shoulder",
        }
    }

    /// What is labelled: class id 1, then 2.
    pub fn structures(self) -> [Structure; 2] {
        let names = match self {
            Self::Hip => ["ilium", "femoral head"],
            Self::Wrist => ["radius", "carpal bones"],
            Self::Shoulder => ["humeral head", "supraspinatus tendon"],
        };
        let mut index = 0;
        names.map(|name| {
            index += 1;
            Structure { name: name.into(), color: default_color(index - 1) }
        })
    }

    /// One picture. The same arguments give the same picture.
    pub fn simulate(self, ranges: Ranges, seed: u64) -> Phantom {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let present = draw_present(&mut rng);
        let study = Study::draw(self, ranges, present, &mut rng);
        study.picture(&middle(&study.anatomy), &mut rng)
    }

    /// The frames of a probe that is moved over one anatomy with both structures, there and back once, and not so far that
    /// they leave it.
    pub fn sweep(self, ranges: Ranges, seed: u64, frames: usize) -> impl Iterator<Item = Phantom> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let study = Study::draw(self, ranges, [true; 2], &mut rng);
        let reach_mm = rng.random_range(2.5..5.0);
        let tilt = rng.random_range(2.0_f32..5.0).to_radians();
        let phase = rng.random_range(0.0..TAU);
        (0..frames).map(move |i| {
            let turn = TAU * i as f32 / frames as f32;
            let pose =
                Pose { x_mm: study.anatomy.centre_mm + reach_mm * turn.sin(), tilt: tilt * (turn + phase).sin() };
            study.picture(&pose, &mut rng)
        })
    }
}

/// Which structures a picture shows.
fn draw_present(rng: &mut ChaCha8Rng) -> [bool; 2] {
    match rng.random::<f32>() {
        which if which < NEITHER => [false, false],
        which if which < NEITHER + ONLY_ONE => [true, false],
        which if which < NEITHER + 2.0 * ONLY_ONE => [false, true],
        _ => [true, true],
    }
}

/// Where the interesting part is in view.
fn middle(anatomy: &Anatomy) -> Pose {
    Pose { x_mm: anatomy.centre_mm, tilt: 0.0 }
}

/// Where the lines meet bone, and the class of each pixel.
fn look(anatomy: &Anatomy, machine: &Machine, screen: &Screen, pose: &Pose) -> (Vec<Option<Hit>>, Vec<u8>) {
    let hits = view::hits(anatomy, &machine.probe, pose);
    let class_ids = view::labels(anatomy, &machine.probe, pose, &hits, screen);
    (hits, class_ids)
}

/// An anatomy and its machine, drawn until the middle pose shows what it should, at most [`ATTEMPTS`] times.
fn draw_scene(preset: Preset, ranges: Ranges, present: [bool; 2], rng: &mut ChaCha8Rng) -> (Anatomy, Machine, Screen) {
    let table = match ranges {
        Ranges::Standard => &ranges::STANDARD,
        Ranges::Shifted => &ranges::SHIFTED,
    };
    let mut attempt = 0;
    loop {
        attempt += 1;
        let anatomy = Anatomy::draw(preset, present, rng);
        let machine = Machine::draw(table, &anatomy, rng);
        let screen = Screen::draw(&machine, rng);
        let (_, class_ids) = look(&anatomy, &machine, &screen, &middle(&anatomy));
        if [1, 2].map(|id| class_ids.contains(&id)) == present || attempt == ATTEMPTS {
            return (anatomy, machine, screen);
        }
    }
}

/// One anatomy and the machine that looks at it.
struct Study {
    anatomy: Anatomy,
    machine: Machine,
    screen: Screen,
    scatterers: Scatterers,
    settings: EchoSettings,
}

impl Study {
    /// Draws one in whose middle pose the wanted structures are seen.
    fn draw(preset: Preset, ranges: Ranges, present: [bool; 2], rng: &mut ChaCha8Rng) -> Self {
        let (anatomy, machine, screen) = draw_scene(preset, ranges, present, rng);
        let settings = EchoSettings::draw(rng);
        Self { anatomy, machine, screen, scatterers: Scatterers::new(rng), settings }
    }

    fn picture(&self, pose: &Pose, rng: &mut ChaCha8Rng) -> Phantom {
        let Self { anatomy, machine, screen, scatterers, settings } = self;
        let (hits, class_ids) = look(anatomy, machine, screen, pose);
        let grey_levels = echo::grey_levels(anatomy, scatterers, machine, settings, pose, &hits, rng);
        let pixels = screen.show(&grey_levels, &machine.probe);
        let frame = Frame::from_grey(screen.width, screen.height, &pixels).expect("a screen has pixels within limits");
        Phantom { frame, class_ids, pixel_spacing_mm: screen.spacing_mm, alpha_degrees: anatomy.alpha_degrees }
    }
}
