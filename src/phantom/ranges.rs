//! The one table of what a phantom is drawn from: each range with its unit and, where it is from the literature, its source.

use rand::Rng;

/// Both ends are included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Least value.
    pub low: f32,
    /// Greatest value.
    pub high: f32,
}

impl Range {
    const fn new(low: f32, high: f32) -> Self {
        Self { low, high }
    }

    /// A value, evenly distributed.
    pub fn draw(self, rng: &mut impl Rng) -> f32 {
        rng.random_range(self.low..=self.high)
    }
}

/// Ranges of the machine: the probe, the beamformer and the display.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MachineRanges {
    /// Centre frequency, MHz. Linear musculoskeletal probes: 7 to 15 (Jacobson, Fundamentals of Musculoskeletal
    /// Ultrasound, chapter 1); curved ones: below 7.
    pub frequency_mhz: Range,
    /// Fractional bandwidth at -6 dB, share of the centre frequency (Szabo, Diagnostic Ultrasound Imaging, chapter 5).
    pub fractional_bandwidth: Range,
    /// Depth over aperture of the receiving beam, pure number.
    pub f_number: Range,
    /// Depth of the transmit focus, share of the picture's depth.
    pub focus: Range,
    /// Half the depth of field: off the focus by this much, the beam is wider by the root of 2; mm.
    pub depth_of_field_mm: Range,
    /// Uncorrelated looks that are averaged (spatial or frequency compounding), rounded.
    pub looks: Range,
    /// Smoothing of the picture along the lines after compression, standard deviation in samples.
    pub smoothing: Range,
    /// Echo strength that the grey levels span, dB.
    pub dynamic_range_db: Range,
    /// Overall gain off the operator's best, dB.
    pub gain_db: Range,
    /// Exponent of the grey map.
    pub gamma: Range,
    /// Grey level of muscle at best gain, share of white.
    pub muscle_grey: Range,
    /// Error of the time-gain compensation at each of its sliders, dB.
    pub tgc_error_db: Range,
    /// Thermal noise at the probe's face below muscle, dB; time-gain compensation raises it with depth.
    pub noise_db: Range,
    /// Side lobes of a bone's echo, dB below it.
    pub side_lobe_db: Range,
    /// Haze of near reverberations at the probe's face, dB against muscle.
    pub haze_db: Range,
    /// Share of pictures by a curved probe.
    pub curved: f32,
    /// Share of a linear probe's pictures with lines that fan out (trapezoid, virtual convex).
    pub trapezoid: f32,
    /// Width of a linear probe's face, mm.
    pub linear_width_mm: Range,
    /// Half the angle that a trapezoid's outermost line makes with the axis, degrees.
    pub trapezoid_degrees: Range,
    /// Radius of a curved probe's face, mm.
    pub curved_radius_mm: Range,
    /// Half the opening angle of a curved probe, degrees.
    pub curved_degrees: Range,
}

/// What models are trained on.
pub const STANDARD: MachineRanges = MachineRanges {
    frequency_mhz: Range::new(7.0, 14.0),
    fractional_bandwidth: Range::new(0.35, 0.75),
    f_number: Range::new(1.6, 3.2),
    focus: Range::new(0.25, 0.75),
    depth_of_field_mm: Range::new(8.0, 25.0),
    looks: Range::new(1.0, 3.4),
    smoothing: Range::new(0.0, 1.2),
    dynamic_range_db: Range::new(48.0, 75.0),
    gain_db: Range::new(-6.0, 6.0),
    gamma: Range::new(0.8, 1.25),
    muscle_grey: Range::new(0.26, 0.44),
    tgc_error_db: Range::new(-4.0, 4.0),
    noise_db: Range::new(-66.0, -50.0),
    side_lobe_db: Range::new(-44.0, -30.0),
    haze_db: Range::new(-18.0, 2.0),
    curved: 0.0,
    trapezoid: 0.25,
    linear_width_mm: Range::new(34.0, 50.0),
    trapezoid_degrees: Range::new(8.0, 16.0),
    curved_radius_mm: Range::new(40.0, 60.0),
    curved_degrees: Range::new(22.0, 32.0),
};

/// What models are never trained on: a curved probe of lower frequency, single-look speckle through wider beams, gain
/// and dynamic range beyond the standard ones.
pub const SHIFTED: MachineRanges = MachineRanges {
    frequency_mhz: Range::new(4.5, 6.5),
    f_number: Range::new(2.4, 3.6),
    looks: Range::new(1.0, 1.0),
    smoothing: Range::new(0.0, 0.0),
    dynamic_range_db: Range::new(42.0, 47.5),
    gain_db: Range::new(6.5, 9.0),
    noise_db: Range::new(-49.0, -42.0),
    curved: 1.0,
    ..STANDARD
};

/// Ranges of soft tissue. Levels are echo strengths against muscle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TissueRanges {
    /// Thickness of the skin, mm (1 to 3 with the probe pressed on; Laurent et al. 2007).
    pub skin_mm: Range,
    /// Level of the skin, dB.
    pub skin_db: Range,
    /// Level of subcutaneous fat, dB.
    pub fat_db: Range,
    /// Level of the septa in fat above the fat, dB.
    pub septa_db: Range,
    /// Level of a muscle against another, dB.
    pub muscle_db: Range,
    /// Level of the perimysium in a muscle above it, dB.
    pub fibre_db: Range,
    /// Distance of the fibre bundles of a muscle, mm.
    pub fibre_spacing_mm: Range,
    /// Level of fasciae, dB.
    pub fascia_db: Range,
    /// Thickness of fasciae, mm.
    pub fascia_mm: Range,
    /// Attenuation of soft tissue, dB/(cm MHz) (0.5 to 0.7 on average, 1 in muscle along its fibres; Duck, Physical
    /// Properties of Tissue, chapter 4).
    pub attenuation: Range,
    /// Level of a tendon seen at a right angle, dB.
    pub tendon_db: Range,
    /// Distance of a tendon's fibrils, mm (Martinoli et al. 1993).
    pub fibril_spacing_mm: Range,
    /// Loss of a tendon's level at 20 degrees off a right angle (anisotropy; Crass et al. 1988), dB.
    pub anisotropy_db: Range,
    /// Level of a bone's surface at a right angle, dB.
    pub bone_db: Range,
    /// Exponent of the cosine of incidence in the amplitude of a bone's specular echo.
    pub specular_exponent: Range,
    /// Level of a bone's diffuse echo below its specular one, dB; it follows the cosine (Lambert's law).
    pub diffuse_db: Range,
    /// Depth in which the echo of a bone's surface falls to 1/e, mm.
    pub bone_tail_mm: Range,
    /// Level in the shadow of bone, dB.
    pub shadow_db: Range,
    /// Level of the reverberation between bone and probe below the bone's, dB.
    pub reverberation_db: Range,
    /// Loss in the refraction shadow below a tangentially hit edge, dB (Robinson et al. 1981).
    pub edge_shadow_db: Range,
}

/// Soft tissue of every preset.
pub const TISSUE: TissueRanges = TissueRanges {
    skin_mm: Range::new(0.8, 2.2),
    skin_db: Range::new(2.0, 10.0),
    fat_db: Range::new(-9.0, 3.0),
    septa_db: Range::new(5.0, 13.0),
    muscle_db: Range::new(-4.0, 3.0),
    fibre_db: Range::new(4.0, 12.0),
    fibre_spacing_mm: Range::new(0.8, 2.2),
    fascia_db: Range::new(7.0, 18.0),
    fascia_mm: Range::new(0.15, 0.45),
    attenuation: Range::new(0.4, 0.8),
    tendon_db: Range::new(4.0, 10.0),
    fibril_spacing_mm: Range::new(0.35, 0.8),
    anisotropy_db: Range::new(1.0, 8.0),
    bone_db: Range::new(20.0, 32.0),
    specular_exponent: Range::new(2.0, 7.0),
    diffuse_db: Range::new(-16.0, -8.0),
    bone_tail_mm: Range::new(0.15, 0.45),
    shadow_db: Range::new(-45.0, -20.0),
    reverberation_db: Range::new(-34.0, -18.0),
    edge_shadow_db: Range::new(3.0, 12.0),
};
