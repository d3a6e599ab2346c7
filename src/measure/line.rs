//! Points and straight lines. Lengths in mm, or in pixels where the spacing isn't known; y points down.

/// `[x, y]`.
pub type Point = [f64; 2];

pub(super) fn minus(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

pub(super) fn plus(a: Point, b: Point, times: f64) -> Point {
    [a[0] + times * b[0], a[1] + times * b[1]]
}

pub(super) fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

pub(super) fn distance(a: Point, b: Point) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// The direction of a vector, of length 1.
pub(super) fn unit(a: Point) -> Point {
    let length = a[0].hypot(a[1]).max(f64::MIN_POSITIVE);
    [a[0] / length, a[1] / length]
}

/// The angle between two directions, 0 to 180 degrees.
pub(super) fn degrees_between(a: Point, b: Point) -> f64 {
    dot(unit(a), unit(b)).clamp(-1.0, 1.0).acos().to_degrees()
}

/// Mean and covariance `[xx, xy, yy]` of points.
pub(super) fn moments(points: &[Point]) -> (Point, [f64; 3]) {
    let count = points.len().max(1) as f64;
    let sum = points.iter().fold([0.0; 2], |sum, &point| plus(sum, point, 1.0));
    let mean = [sum[0] / count, sum[1] / count];
    let add = |sum: [f64; 3], &point: &Point| {
        let [x, y] = minus(point, mean);
        [sum[0] + x * x, sum[1] + x * y, sum[2] + y * y]
    };
    (mean, points.iter().fold([0.0; 3], add).map(|value| value / count))
}

/// A straight line with a direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// A point on it.
    pub middle: Point,
    /// Of length 1.
    pub direction: Point,
}

impl Line {
    /// The line with the least squares of distances to a path's points, in the path's direction.
    pub fn fit(path: &[Point]) -> Self {
        let (middle, [xx, xy, yy]) = moments(path);
        let angle = 0.5 * (2.0 * xy).atan2(xx - yy);
        let along = [angle.cos(), angle.sin()];
        let runs = path.first().zip(path.last()).map_or(1.0, |(&first, &last)| dot(along, minus(last, first)));
        Self { middle, direction: along.map(|value| value * runs.signum()) }
    }

    /// At right angles to it, pointing down.
    pub fn downwards(&self) -> Point {
        let [x, y] = self.direction;
        if x >= 0.0 { [-y, x] } else { [y, -x] }
    }

    /// How far a point is below it; negative above.
    pub fn depth(&self, point: Point) -> f64 {
        dot(minus(point, self.middle), self.downwards())
    }

    /// The nearest point on it.
    pub fn foot(&self, point: Point) -> Point {
        plus(self.middle, self.direction, dot(minus(point, self.middle), self.direction))
    }

    /// The largest distance of a path's points from it.
    pub fn residual(&self, path: &[Point]) -> f64 {
        path.iter().map(|&point| self.depth(point).abs()).fold(0.0, f64::max)
    }
}
