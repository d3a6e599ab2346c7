//! A machine and its settings.

use super::anatomy::Anatomy;
use super::probe::Probe;
use super::ranges::MachineRanges;
use rand::Rng;

/// Echo loss on the way there and back that operators let time-gain compensation make up for, dB: a deeper picture is
/// taken at a lower frequency.
const GREATEST_COMPENSATION_DB: f32 = 45.0;

/// Speed of sound in soft tissue, mm/us.
const SPEED_OF_SOUND: f32 = 1.54;

/// Width of a Gaussian at half its height over its standard deviation.
const FWHM_OVER_SIGMA: f32 = 2.355;

/// A machine and its settings.
pub struct Machine {
    /// The probe.
    pub probe: Probe,
    /// Centre frequency, MHz.
    pub frequency_mhz: f32,
    /// Standard deviation of the pulse's envelope in depth, mm.
    pub axial_sigma_mm: f32,
    /// Width of the beam at its focus (half amplitude), mm.
    beam_mm: f32,
    focus_mm: f32,
    depth_of_field_mm: f32,
    /// Uncorrelated looks that are averaged.
    pub looks: usize,
    /// Smoothing after compression, standard deviation in samples.
    pub smoothing: f32,
    /// dB from black to white.
    pub dynamic_range_db: f32,
    /// dB.
    pub gain_db: f32,
    /// Exponent of the grey map.
    pub gamma: f32,
    /// Grey of muscle, 0 to 1.
    pub muscle_grey: f32,
    /// Error of the compensation's sliders from the face to the picture's depth, dB.
    tgc_error_db: [f32; 6],
    /// Compensated attenuation, dB/(cm MHz).
    pub compensated_attenuation: f32,
    /// dB at the face.
    pub noise_db: f32,
    /// dB below a bone.
    pub side_lobe_db: f32,
    /// dB at the face.
    pub haze_db: f32,
    /// Loss in dB at the left and at the right edge of the face where it does not touch the skin well, and the width of
    /// that as a share of the face.
    contact: [(f32, f32); 2],
}

impl Machine {
    /// Draws a machine that looks at an anatomy.
    pub fn draw(ranges: &MachineRanges, anatomy: &Anatomy, rng: &mut impl Rng) -> Self {
        let depth_mm = anatomy.depth_mm;
        let attenuation = anatomy.mean_attenuation();
        let affordable = GREATEST_COMPENSATION_DB * 10.0 / (2.0 * attenuation * depth_mm);
        let frequency_mhz = ranges.frequency_mhz.draw(rng).min(affordable).max(ranges.frequency_mhz.low);
        // A Gaussian pulse: its length at half amplitude is 4 ln 2 / pi over its bandwidth at -6 dB.
        let pulse_us = 4.0 * std::f32::consts::LN_2
            / (std::f32::consts::PI * ranges.fractional_bandwidth.draw(rng) * frequency_mhz);
        let contact = [(); 2].map(|()| {
            let loss = if rng.random::<f32>() < 0.08 { rng.random_range(3.0..14.0) } else { 0.0 };
            (loss, rng.random_range(0.05..0.2))
        });
        Self {
            probe: Probe::draw(ranges, depth_mm, rng),
            frequency_mhz,
            axial_sigma_mm: 0.5 * SPEED_OF_SOUND * pulse_us / FWHM_OVER_SIGMA,
            beam_mm: SPEED_OF_SOUND / frequency_mhz * ranges.f_number.draw(rng),
            focus_mm: ranges.focus.draw(rng) * depth_mm,
            depth_of_field_mm: ranges.depth_of_field_mm.draw(rng),
            looks: ranges.looks.draw(rng).round() as usize,
            smoothing: ranges.smoothing.draw(rng),
            dynamic_range_db: ranges.dynamic_range_db.draw(rng),
            gain_db: ranges.gain_db.draw(rng),
            gamma: ranges.gamma.draw(rng),
            muscle_grey: ranges.muscle_grey.draw(rng),
            tgc_error_db: [(); 6].map(|()| ranges.tgc_error_db.draw(rng)),
            compensated_attenuation: attenuation + rng.random_range(-0.06..0.06),
            noise_db: ranges.noise_db.draw(rng),
            side_lobe_db: ranges.side_lobe_db.draw(rng),
            haze_db: ranges.haze_db.draw(rng),
            contact,
        }
    }

    /// Depth of the transmit focus, mm.
    pub fn focus_mm(&self) -> f32 {
        self.focus_mm
    }

    /// Standard deviation of the beam's width at a distance from the face, mm: it grows off the focus as a Gaussian beam
    /// does.
    pub fn lateral_sigma_mm(&self, range_mm: f32) -> f32 {
        let off_focus = (range_mm - self.focus_mm) / self.depth_of_field_mm;
        self.beam_mm * off_focus.hypot(1.0) / FWHM_OVER_SIGMA
    }

    /// The sliders' error at a distance from the face, dB.
    pub fn tgc_error_db(&self, range_mm: f32) -> f32 {
        let last = self.tgc_error_db.len() - 1;
        let position = (range_mm / self.probe.depth_mm).clamp(0.0, 1.0) * last as f32;
        let i = (position as usize).min(last - 1);
        self.tgc_error_db[i] + (self.tgc_error_db[i + 1] - self.tgc_error_db[i]) * (position - i as f32)
    }

    /// Loss of a line by bad contact, dB. `across` is -1 to 1.
    pub fn contact_loss_db(&self, across: f32) -> f32 {
        let edge = |from_edge: f32, (loss, width): (f32, f32)| loss / (1.0 + ((from_edge - width) / 0.02).exp());
        edge(0.5 * (1.0 + across), self.contact[0]) + edge(0.5 * (1.0 - across), self.contact[1])
    }
}
