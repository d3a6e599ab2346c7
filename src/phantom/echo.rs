//! From the anatomy to grey levels along the scan lines: `[samples, lines]`.
//!
//! The point-spread function is separable: a Gaussian along the line (the pulse's envelope) and one across it that grows
//! off the focus. It filters complex scatterers, so that the envelope of homogeneous tissue is Rayleigh-distributed
//! (Burckhardt 1978; Wagner et al. 1983: mean over standard deviation 1.91); averaging `n` looks raises that by the root
//! of n. Bones are added as coherent echoes; what lies behind them is in their shadow.

use super::anatomy::{Anatomy, Shape, amplitude};
use super::machine::Machine;
use super::noise::{Scatterers, complex_normal};
use super::probe::Line;
use super::ranges::TISSUE;
use super::view::{Hit, Pose};
use rand::Rng;

/// Scan lines of a picture.
pub const LINES: usize = 192;
/// Samples along a line.
pub const SAMPLES: usize = 512;

/// What is drawn once for an anatomy's echoes, however many frames are taken of it.
pub struct EchoSettings {
    specular_exponent: f32,
    diffuse: f32,
    tail_mm: f32,
    shadow: f32,
    reverberation: f32,
    edge_shadow_db: f32,
}

impl EchoSettings {
    /// Draws them.
    pub fn draw(rng: &mut impl Rng) -> Self {
        Self {
            specular_exponent: TISSUE.specular_exponent.draw(rng),
            diffuse: amplitude(TISSUE.diffuse_db.draw(rng)),
            tail_mm: TISSUE.bone_tail_mm.draw(rng),
            shadow: amplitude(TISSUE.shadow_db.draw(rng)),
            reverberation: amplitude(TISSUE.reverberation_db.draw(rng)),
            edge_shadow_db: TISSUE.edge_shadow_db.draw(rng),
        }
    }
}

/// Values on the scan lines, `[SAMPLES, LINES]`.
pub type Plane = Vec<f32>;

fn plane() -> Plane {
    vec![0.0; SAMPLES * LINES]
}

/// Grey levels, 0 to 1, `[SAMPLES, LINES]`.
pub fn grey_levels(
    anatomy: &Anatomy,
    scatterers: &Scatterers,
    machine: &Machine,
    settings: &EchoSettings,
    pose: &Pose,
    hits: &[Option<Hit>],
    noise: &mut impl Rng,
) -> Plane {
    let scene = Scene::new(anatomy, machine, settings, pose, hits);
    let mut envelope = scene.envelope(scatterers, machine, pose, noise);
    compress(&mut envelope, machine);
    if machine.smoothing > 0.2 {
        let kernel = Kernel::gaussian(machine.smoothing);
        let rows: Vec<_> = (0..SAMPLES).map(|_| &kernel).collect();
        envelope = across(&envelope, &rows, |kernel| kernel.sum);
        envelope = along(&envelope, &kernel, kernel.sum);
    }
    envelope
}

/// Echo strengths before the point-spread function, amplitudes against muscle.
struct Scene {
    /// Scatterers' amplitude.
    diffuse: Plane,
    /// Sheets' coherent amplitude.
    coherent: Plane,
    /// Bones' amplitude.
    bone: Plane,
    /// What comes through, as amplitude after time-gain compensation.
    transmission: Plane,
    /// Distance of the nearest bone from the face, mm.
    first_bone_mm: f32,
}

impl Scene {
    fn new(anatomy: &Anatomy, machine: &Machine, settings: &EchoSettings, pose: &Pose, hits: &[Option<Hit>]) -> Self {
        let first_bone_mm = hits.iter().flatten().map(|hit| hit.range_mm).fold(f32::INFINITY, f32::min);
        let mut scene =
            Self { diffuse: plane(), coherent: plane(), bone: plane(), transmission: plane(), first_bone_mm };
        let step_mm = machine.probe.depth_mm / SAMPLES as f32;
        // There and back, in cm.
        let db_per_attenuation = 2.0 * machine.frequency_mhz * step_mm / 10.0;
        for (line, hit) in hits.iter().enumerate() {
            let across = 2.0 * line as f32 / (LINES - 1) as f32 - 1.0;
            let beam = pose.line_to_body(machine.probe.line(across));
            let hit = hit.as_ref();
            let end_mm = hit.map_or(f32::INFINITY, |hit| hit.range_mm);
            let mut level_db = -machine.contact_loss_db(across);
            for sample in 0..SAMPLES {
                let at = sample * LINES + line;
                let range_mm = sample as f32 * step_mm;
                if range_mm < end_mm {
                    let found = anatomy.sample(beam.at(range_mm), range_mm, beam.direction);
                    level_db += (machine.compensated_attenuation - found.attenuation) * db_per_attenuation;
                    scene.diffuse[at] = amplitude(found.level_db);
                    scene.coherent[at] = found.coherent;
                    scene.transmission[at] = amplitude(level_db);
                } else {
                    // Bone lets nothing through; what is seen in its shadow is multiple scattering.
                    let below = range_mm - end_mm;
                    scene.diffuse[at] = 0.7;
                    scene.transmission[at] = settings.shadow * (-below / 15.0).exp();
                }
            }
            if let Some(hit) = hit {
                let strength = amplitude(anatomy.bones[hit.bone].level_db + level_db.min(6.0));
                // Specular within the lobe of the surface's roughness, and Lambert's cosine beside it.
                let incidence = hit.cosine.powf(settings.specular_exponent).max(settings.diffuse * hit.cosine);
                scene.add_bone(line, hit.range_mm / step_mm, strength * incidence, settings.tail_mm / step_mm);
                // Between the bone and the face, the echo goes there and back once more.
                let again = strength * settings.reverberation * hit.cosine.powi(12);
                scene.add_bone(line, 2.0 * hit.range_mm / step_mm, again, 3.0 * settings.tail_mm / step_mm);
            }
            scene.shade_edges(anatomy, settings, &beam, line, step_mm);
        }
        scene
    }

    /// A surface's echo from a fractional sample on, falling to 1/e in `tail` samples.
    fn add_bone(&mut self, line: usize, sample: f32, strength: f32, tail: f32) {
        let first = sample.floor() as usize;
        for row in first..(first + 1 + (5.0 * tail) as usize).min(SAMPLES) {
            // Bilinear at the surface, so that it does not move in steps.
            let share = if row == first { 1.0 - sample.fract() } else { 1.0 };
            self.bone[row * LINES + line] += share * strength * (-(row as f32 - sample).max(0.0) / tail).exp();
        }
    }

    /// Refraction shadows below the edges of round things that a line touches (Robinson et al. 1981).
    fn shade_edges(&mut self, anatomy: &Anatomy, settings: &EchoSettings, beam: &Line, line: usize, step_mm: f32) {
        for region in &anatomy.regions {
            let Shape::Blob(outline) = &region.shape else { continue };
            let [x, y] = anatomy.placement.to_body(outline.center);
            let (x, y) = (x - beam.origin[0], y - beam.origin[1]);
            let range = x * beam.direction[0] + y * beam.direction[1];
            let offset = (x * beam.direction[1] - y * beam.direction[0]).abs();
            let radius = outline.mean_radius();
            let width = 0.25 + 0.05 * radius;
            let distance = (offset - radius) / width;
            if distance.abs() > 3.0 || range < 0.0 {
                continue;
            }
            let loss = amplitude(-settings.edge_shadow_db * (-distance * distance).exp());
            for row in ((range / step_mm) as usize).min(SAMPLES)..SAMPLES {
                self.transmission[row * LINES + line] *= loss;
            }
        }
    }

    /// The envelope after the point-spread function, noise included.
    fn envelope(mut self, scatterers: &Scatterers, machine: &Machine, pose: &Pose, noise: &mut impl Rng) -> Plane {
        let step_mm = machine.probe.depth_mm / SAMPLES as f32;
        let spacing = |row: usize| machine.probe.line_spacing_mm(LINES, row as f32 * step_mm);
        let beams: Vec<Kernel> = (0..SAMPLES)
            .map(|row| Kernel::gaussian(machine.lateral_sigma_mm(row as f32 * step_mm) / spacing(row)))
            .collect();
        let beams: Vec<&Kernel> = beams.iter().collect();
        let pulse = Kernel::gaussian(machine.axial_sigma_mm / step_mm);

        // The further below a bone, the more of the aperture sees past its edge.
        let penumbra_mm = |row: usize| 0.15 + 0.08 * (row as f32 * step_mm - self.first_bone_mm).max(0.0);
        let penumbras: Vec<Kernel> =
            (0..SAMPLES).map(|row| Kernel::gaussian((penumbra_mm(row) / spacing(row)).min(12.0))).collect();
        let penumbras: Vec<&Kernel> = penumbras.iter().collect();
        let transmission = across(&self.transmission, &penumbras, |kernel| kernel.sum);
        let side_lobes: Vec<Kernel> =
            (0..SAMPLES).map(|row| Kernel::gaussian((2.5 / spacing(row)).min(20.0))).collect();
        let side_lobes: Vec<&Kernel> = side_lobes.iter().collect();
        let lobes = across(&self.bone, &side_lobes, |kernel| kernel.sum);
        let lobe_gain = amplitude(machine.side_lobe_db);
        for (row, beam) in beams.iter().enumerate() {
            let range_mm = row as f32 * step_mm;
            let haze = amplitude(machine.haze_db - 1.2 * range_mm);
            // So that beams of any width show a wide reflector equally bright.
            let coherence = 1.0 / beam.sum;
            for at in row * LINES..(row + 1) * LINES {
                self.diffuse[at] = self.diffuse[at] * transmission[at] + lobe_gain * lobes[at] + haze;
                self.coherent[at] *= transmission[at] * coherence;
                self.bone[at] *= coherence;
            }
        }
        let bone_gain = 1.0 / pulse.values[pulse.values.len() / 2];

        let mut total = plane();
        for look in 0..machine.looks {
            let (mut real, mut imaginary) = (plane(), plane());
            for line in 0..LINES {
                let beam = pose.line_to_body(machine.probe.line(2.0 * line as f32 / (LINES - 1) as f32 - 1.0));
                for row in 0..SAMPLES {
                    let at = row * LINES + line;
                    let [re, im] = scatterers.at(beam.at(row as f32 * step_mm), look);
                    let incoherent = self.diffuse[at] + 0.45 * self.bone[at];
                    real[at] = re * incoherent + self.coherent[at] + 0.6 * bone_gain * self.bone[at];
                    imaginary[at] = im * incoherent;
                }
            }
            let energy = |kernel: &Kernel| kernel.energy.sqrt();
            real = across(&real, &beams, energy);
            imaginary = across(&imaginary, &beams, energy);
            // Thermal noise is the receiver's: each line has its own, and time-gain compensation raises it.
            for row in 0..SAMPLES {
                let compensation =
                    2.0 * machine.compensated_attenuation * machine.frequency_mhz * row as f32 * step_mm / 10.0;
                let level = amplitude(machine.noise_db + compensation);
                for at in row * LINES..(row + 1) * LINES {
                    let [re, im] = complex_normal(noise);
                    real[at] += level * re;
                    imaginary[at] += level * im;
                }
            }
            real = along(&real, &pulse, energy(&pulse));
            imaginary = along(&imaginary, &pulse, energy(&pulse));
            for ((total, re), im) in total.iter_mut().zip(&real).zip(&imaginary) {
                *total += (re * re + im * im).sqrt() / machine.looks as f32;
            }
        }
        total
    }
}

/// Logarithmic compression, gain and grey map.
fn compress(envelope: &mut [f32], machine: &Machine) {
    for (row, values) in envelope.chunks_exact_mut(LINES).enumerate() {
        let range_mm = row as f32 * machine.probe.depth_mm / SAMPLES as f32;
        let gain_db = machine.gain_db + machine.tgc_error_db(range_mm);
        for value in values {
            let level_db = 20.0 * std::f32::consts::LOG10_2 * value.max(1e-6).log2() + gain_db;
            let grey = machine.muscle_grey + level_db / machine.dynamic_range_db;
            *value = grey.clamp(0.0, 1.0).powf(machine.gamma);
        }
    }
}

/// A symmetric filter of odd length.
struct Kernel {
    values: Vec<f32>,
    sum: f32,
    energy: f32,
}

impl Kernel {
    /// Of unit height, out to three standard deviations.
    fn gaussian(sigma: f32) -> Self {
        let sigma = sigma.max(0.2);
        let half = (3.0 * sigma).ceil() as i32;
        let values: Vec<f32> = (-half..=half).map(|i| (-0.5 * (i as f32 / sigma).powi(2)).exp()).collect();
        let (sum, energy) = values.iter().fold((0.0, 0.0), |(sum, energy), v| (sum + v, energy + v * v));
        Self { values, sum, energy }
    }
}

/// Filters each row by a kernel of its own, divided by `norm` of it. Outside is the edge's value.
fn across(plane: &[f32], kernels: &[&Kernel], norm: impl Fn(&Kernel) -> f32) -> Plane {
    let mut filtered = vec![0.0; plane.len()];
    let mut padded = Vec::new();
    for ((row, out), kernel) in plane.chunks_exact(LINES).zip(filtered.chunks_exact_mut(LINES)).zip(kernels) {
        let half = kernel.values.len() / 2;
        padded.clear();
        padded.extend(std::iter::repeat_n(row[0], half));
        padded.extend_from_slice(row);
        padded.extend(std::iter::repeat_n(row[LINES - 1], half));
        let scale = 1.0 / norm(kernel);
        for (tap, &weight) in kernel.values.iter().enumerate() {
            let weight = weight * scale;
            for (out, value) in out.iter_mut().zip(&padded[tap..]) {
                *out += weight * value;
            }
        }
    }
    filtered
}

/// Filters along the lines by one kernel, divided by `norm`. Outside is 0.
fn along(plane: &[f32], kernel: &Kernel, norm: f32) -> Plane {
    let mut filtered = vec![0.0; plane.len()];
    let half = kernel.values.len() / 2;
    for (row, out) in filtered.chunks_exact_mut(LINES).enumerate() {
        for (tap, &weight) in kernel.values.iter().enumerate() {
            let Some(source) = (row + tap).checked_sub(half).filter(|&source| source < SAMPLES) else { continue };
            let weight = weight / norm;
            for (out, value) in out.iter_mut().zip(&plane[source * LINES..]) {
                *out += weight * value;
            }
        }
    }
    filtered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::{Preset, ranges};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// Mean over standard deviation of the envelope of homogeneous tissue without noise.
    fn signal_to_noise(looks: usize) -> f32 {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let anatomy = Anatomy::draw(Preset::Wrist, [false; 2], &mut rng);
        let mut machine = Machine::draw(&ranges::STANDARD, &anatomy, &mut rng);
        (machine.looks, machine.noise_db, machine.haze_db) = (looks, -300.0, -300.0);
        let scatterers = Scatterers::new(&mut rng);
        let scene = Scene {
            diffuse: vec![1.0; SAMPLES * LINES],
            coherent: plane(),
            bone: plane(),
            transmission: vec![1.0; SAMPLES * LINES],
            first_bone_mm: f32::INFINITY,
        };
        let envelope = scene.envelope(&scatterers, &machine, &Pose { x_mm: 0.0, tilt: 0.0 }, &mut rng);
        // Away from the borders, where the filters see less.
        let inner = &envelope[20 * LINES..(SAMPLES - 20) * LINES];
        let mean = inner.iter().sum::<f32>() / inner.len() as f32;
        let variance = inner.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / inner.len() as f32;
        mean / variance.sqrt()
    }

    #[test]
    fn speckle_of_homogeneous_tissue_is_rayleigh_distributed() {
        let ratio = signal_to_noise(1);
        assert!((ratio - 1.91).abs() < 0.12, "{ratio}");
    }

    #[test]
    fn averaging_three_looks_raises_the_ratio_by_the_root_of_three() {
        let ratio = signal_to_noise(3) / signal_to_noise(1);
        assert!((ratio - 3.0_f32.sqrt()).abs() < 0.15, "{ratio}");
    }
}
