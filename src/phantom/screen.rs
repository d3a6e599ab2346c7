//! The machine's screen: where the picture is on it, scan conversion, and what the console draws around it.

use super::echo::{LINES, Plane, SAMPLES};
use super::machine::Machine;
use super::probe::Probe;
use super::view::inside;
use font8x8::legacy::BASIC_LEGACY;
use rand::Rng;
use rand::seq::IndexedRandom;

/// Longest side of a screen, pixels.
const LONGEST_SIDE: std::ops::Range<f32> = 300.0..460.0;

/// A screen with everything on it but the picture.
pub struct Screen {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Size of a pixel, mm.
    pub spacing_mm: f32,
    /// Pixel of probe space's origin.
    origin: [f32; 2],
    /// Grey levels of the console, `[height, width]`.
    console: Vec<u8>,
}

impl Screen {
    /// Draws a screen that holds a machine's picture: cropped to it, or with the console around it.
    pub fn draw(machine: &Machine, rng: &mut impl Rng) -> Self {
        let [left, top, right, bottom] = machine.probe.bounds_mm();
        let is_cropped = rng.random::<f32>() < 0.4;
        let mut margin = |low: f32, high: f32| {
            if is_cropped { rng.random_range(0.0..0.02) } else { rng.random_range(low..high) }
        };
        // Left, top, right, bottom, as shares of the screen.
        let margins = [margin(0.04, 0.24), margin(0.03, 0.13), margin(0.05, 0.2), margin(0.02, 0.12)];
        let width_mm = (right - left) / (1.0 - margins[0] - margins[2]);
        let height_mm = (bottom - top) / (1.0 - margins[1] - margins[3]);
        let spacing_mm = width_mm.max(height_mm) / rng.random_range(LONGEST_SIDE);
        let (width, height) = ((width_mm / spacing_mm) as usize, (height_mm / spacing_mm) as usize);
        let origin = [margins[0] * width as f32 - left / spacing_mm, margins[1] * height as f32 - top / spacing_mm];
        let background = if is_cropped || rng.random::<f32>() < 0.75 { 0 } else { rng.random_range(1..28) };
        let mut screen = Self { width, height, spacing_mm, origin, console: vec![background; width * height] };
        if !is_cropped {
            screen.draw_console(machine, margins, rng);
        }
        screen
    }

    /// A pixel's centre in probe space, mm.
    pub fn to_probe(&self, [column, row]: [f32; 2]) -> [f32; 2] {
        [(column - self.origin[0]) * self.spacing_mm, (row - self.origin[1]) * self.spacing_mm]
    }

    /// A point of probe space in pixels.
    pub fn to_pixel(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [x / self.spacing_mm + self.origin[0], y / self.spacing_mm + self.origin[1]]
    }

    /// Scan conversion: grey levels of the lines between which a pixel lies, bilinear; `[height, width]`.
    pub fn show(&self, grey_levels: &Plane, probe: &Probe) -> Vec<u8> {
        let mut pixels = self.console.clone();
        for row in 0..self.height {
            for column in 0..self.width {
                let point = self.to_probe([column as f32, row as f32]);
                let Some((line, range)) = inside(probe, point) else { continue };
                let (line, sample) = (line * (LINES - 1) as f32, range / probe.depth_mm * SAMPLES as f32);
                let (i, j) = ((line as usize).min(LINES - 2), (sample as usize).min(SAMPLES - 2));
                let (s, t) = (line - i as f32, (sample - j as f32).min(1.0));
                let at = |j: usize| {
                    let row = &grey_levels[j * LINES + i..];
                    row[0] + s * (row[1] - row[0])
                };
                let grey = at(j) + t * (at(j + 1) - at(j));
                pixels[row * self.width + column] = (255.0 * grey).round() as u8;
            }
        }
        pixels
    }

    fn draw_console(&mut self, machine: &Machine, margins: [f32; 4], rng: &mut impl Rng) {
        let (width, height) = (self.width as f32, self.height as f32);
        let [left, top, right, bottom] = margins;
        let ink = rng.random_range(110..=255);
        if rng.random::<f32>() < 0.3 {
            let bar = rng.random_range(20..110);
            self.fill([0.0, 0.0, width, top * height * rng.random_range(0.6..0.95)], bar);
        }
        if rng.random::<f32>() < 0.2 {
            let bar = rng.random_range(20..90);
            self.fill([0.0, height * (1.0 - 0.8 * bottom), width, height], bar);
        }
        // Header.
        let mut x = rng.random_range(2.0..12.0);
        while x < width - 60.0 && rng.random::<f32>() < 0.75 {
            let text = text(machine, rng);
            self.write(&text, x, 0.5 * top * height - 4.0, ink);
            x += 8.0 * text.len() as f32 + rng.random_range(10.0..90.0);
        }
        // Settings down the left margin.
        if left * width > 34.0 {
            let mut y = (top + 0.03) * height;
            let step = rng.random_range(9.0..14.0);
            for _ in 0..rng.random_range(2..9) {
                let mut text = text(machine, rng);
                text.truncate((left * width / 8.0) as usize);
                self.write(&text, 2.0, y, ink);
                y += step;
            }
        }
        let edge = width * (1.0 - right);
        // Depth ruler.
        if rng.random::<f32>() < 0.85 {
            let x = edge + rng.random_range(2.0..0.5 * right * width);
            let step_mm = if rng.random::<bool>() { 5.0 } else { 10.0 };
            let [_, face] = self.to_pixel([0.0, 0.0]);
            let mut i = 0;
            while i as f32 * step_mm <= machine.probe.depth_mm {
                let y = face + i as f32 * step_mm / self.spacing_mm;
                let length = if (i as f32 * step_mm) % 10.0 == 0.0 { 5.0 } else { 3.0 };
                self.fill([x, y, x + length, y + 1.0], ink);
                if step_mm == 10.0 && rng.random::<f32>() < 0.3 {
                    self.write(&i.to_string(), x + 7.0, y - 4.0, ink);
                }
                i += 1;
            }
        }
        // Focus.
        if rng.random::<f32>() < 0.6 {
            let [_, y] = self.to_pixel([0.0, machine.focus_mm()]);
            for i in 0..5 {
                let i = i as f32;
                self.fill([edge + i, y - i, edge + i + 1.0, y + i + 1.0], ink);
            }
        }
        // Grey scale.
        if rng.random::<f32>() < 0.5 {
            let x = if rng.random::<bool>() { width - 9.0 } else { 3.0 };
            let (y, length) = ((top + 0.02) * height, rng.random_range(40.0..110.0));
            for i in 0..length as usize {
                let grey = 255.0 * (1.0 - i as f32 / length);
                self.fill([x, y + i as f32, x + 6.0, y + i as f32 + 1.0], grey as u8);
            }
        }
        // The probe's orientation mark.
        if rng.random::<f32>() < 0.7 {
            let [x, y] = self.to_pixel(machine.probe.line(-1.0).origin);
            self.write(["o", "P", "S", "*", "V"].choose(rng).expect("a constant list"), x + 1.0, y - 10.0, ink);
        }
        // Footer.
        if bottom * height > 9.0 {
            let x = rng.random_range(0.0..0.6 * width);
            let text = text(machine, rng);
            self.write(&text, x, height * (1.0 - 0.5 * bottom) - 4.0, ink);
        }
    }

    fn fill(&mut self, [left, top, right, bottom]: [f32; 4], grey: u8) {
        let span =
            |low: f32, high: f32, size: usize| (low.max(0.0) as usize).min(size)..(high.max(0.0) as usize).min(size);
        for row in span(top, bottom, self.height) {
            self.console[row * self.width..][span(left, right, self.width)].fill(grey);
        }
    }

    /// Burns text in, 8 by 8 pixels a letter.
    fn write(&mut self, text: &str, x: f32, y: f32, grey: u8) {
        let (x, y) = (x as i32, y as i32);
        for (i, letter) in text.bytes().enumerate() {
            for (row, bits) in BASIC_LEGACY[usize::from(letter & 127)].iter().enumerate() {
                for column in (0..8).filter(|column| bits >> column & 1 == 1) {
                    let (px, py) = (x + 8 * i as i32 + column, y + row as i32);
                    if (0..self.width as i32).contains(&px) && (0..self.height as i32).contains(&py) {
                        self.console[py as usize * self.width + px as usize] = grey;
                    }
                }
            }
        }
    }
}

/// What a console says: settings, times, names.
fn text(machine: &Machine, rng: &mut impl Rng) -> String {
    let mut number = |low: i32, high: i32| rng.random_range(low..high);
    match number(0, 13) {
        0 => format!("F {:.1}", machine.frequency_mhz),
        1 => format!("Gn {}", 50 + machine.gain_db as i32),
        2 => format!("DR {}", machine.dynamic_range_db as i32),
        3 => format!("D {:.1}", machine.probe.depth_mm / 10.0),
        4 => format!("MI 0.{}", number(3, 10)),
        5 => format!("TIS 0.{}", number(0, 6)),
        6 => format!("{}Hz", number(15, 70)),
        7 => format!("{:02}:{:02}:{:02}", number(0, 24), number(0, 60), number(0, 60)),
        8 => format!("L{}-{}", number(10, 16), number(3, 6)),
        9 => "MSK".into(),
        10 => format!("AO {}%", 10 * number(3, 11)),
        11 => ["2D", "Gen", "Res", "THI", "B", "LT", "RT"][number(0, 7) as usize].into(),
        _ => format!("{}/{}/{}", number(1, 4), number(1, 5), number(1, 5)),
    }
}
