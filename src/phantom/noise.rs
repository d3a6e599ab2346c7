//! Random fields that belong to the tissue: they stay where they are when the probe moves.

use rand::Rng;
use rand_distr::StandardNormal;

/// Cells of a field's side; it repeats after them.
const NOISE_SIDE: usize = 64;
const SCATTERER_SIDE: usize = 512;

/// Smooth noise of mean 0 and standard deviation about 0.7: Gaussian values on a lattice of unit cells, interpolated.
pub struct Noise {
    values: Vec<f32>,
}

impl Noise {
    /// Draws the lattice.
    pub fn new(rng: &mut impl Rng) -> Self {
        Self { values: (0..NOISE_SIDE * NOISE_SIDE).map(|_| rng.sample(StandardNormal)).collect() }
    }

    /// The value at a place, in cells.
    pub fn at(&self, x: f32, y: f32) -> f32 {
        let (column, row) = (x.floor(), y.floor());
        let ease = |t: f32| t * t * (3.0 - 2.0 * t);
        let (s, t) = (ease(x - column), ease(y - row));
        let wrap = |cell: f32, step: i32| (cell as i32 + step).rem_euclid(NOISE_SIDE as i32) as usize;
        let (left, right) = (wrap(column, 0), wrap(column, 1));
        let (top, bottom) = (NOISE_SIDE * wrap(row, 0), NOISE_SIDE * wrap(row, 1));
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        mix(
            mix(self.values[top + left], self.values[top + right], s),
            mix(self.values[bottom + left], self.values[bottom + right], s),
            t,
        )
    }

    /// Thin lines where the noise crosses zero, 0 to 1: walls between lobules, sheaths of fibre bundles.
    pub fn ridge(&self, x: f32, y: f32, width: f32) -> f32 {
        let value = self.at(x, y) / width;
        1.0 / (1.0 + value * value)
    }
}

/// Circular complex Gaussian scatterers of unit mean square on a lattice: the sum of many scatterers of random phase
/// in each cell, whose envelope is Rayleigh-distributed after any linear filter (Burckhardt 1978; Wagner et al. 1983).
pub struct Scatterers {
    cells: Vec<[f32; 2]>,
}

impl Scatterers {
    /// Lattice pitch along the probe and in depth, mm.
    const PITCH_MM: [f32; 2] = [0.11, 0.06];

    /// Draws the lattice.
    pub fn new(rng: &mut impl Rng) -> Self {
        Self { cells: (0..SCATTERER_SIDE * SCATTERER_SIDE).map(|_| complex_normal(rng)).collect() }
    }

    /// The scatterer nearest to a place in mm. Each look sees scatterers of its own.
    pub fn at(&self, [x, y]: [f32; 2], look: usize) -> [f32; 2] {
        let column = (x / Self::PITCH_MM[0]).floor() as i32 as usize;
        let row = (y / Self::PITCH_MM[1]).floor() as i32 as usize;
        // Powers of two: the low bits of a negative index wrap around as they should.
        let column = column.wrapping_add(171 * look) % SCATTERER_SIDE;
        let row = row.wrapping_add(97 * look) % SCATTERER_SIDE;
        self.cells[row * SCATTERER_SIDE + column]
    }
}

/// A complex number of Gaussian parts and unit mean square.
pub fn complex_normal(rng: &mut impl Rng) -> [f32; 2] {
    [(); 2].map(|()| rng.sample::<f32, _>(StandardNormal) * std::f32::consts::FRAC_1_SQRT_2)
}
