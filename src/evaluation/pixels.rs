//! How far pixels are from others, and which of them hang together.

/// The squared Euclidean distance of each pixel to the nearest of `targets`, both `[height, width]`; infinite where there is none.
/// Exact, in time linear in the pixels (Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled Functions", 2012).
pub(super) fn squared_distances(width: usize, targets: &[bool]) -> Vec<f64> {
    let height = targets.len() / width;
    let mut distances = vec![f64::INFINITY; targets.len()];
    // Down the columns, then up: the distance to the nearest target of the same column.
    for x in 0..width {
        let mut nearest = f64::INFINITY;
        for y in 0..height {
            nearest = if targets[y * width + x] { 0.0 } else { nearest + 1.0 };
            distances[y * width + x] = nearest;
        }
        for y in (0..height).rev() {
            nearest = if targets[y * width + x] { 0.0 } else { nearest + 1.0 };
            let here = &mut distances[y * width + x];
            *here = here.min(nearest);
        }
    }
    distances.chunks_exact_mut(width).for_each(along_row);
    distances
}

/// From distances within columns to squared distances: the lower envelope of a parabola at each pixel of the row.
fn along_row(row: &mut [f64]) {
    let heights: Vec<f64> = row.iter().map(|distance| distance * distance).collect();
    // Where each parabola of the envelope stands, and from where on it is the lowest.
    let mut envelope: Vec<(usize, f64)> = Vec::new();
    for (x, &height) in heights.iter().enumerate().filter(|(_, height)| height.is_finite()) {
        let begin = loop {
            let Some(&(before, from)) = envelope.last() else { break f64::NEG_INFINITY };
            let (a, b) = (before as f64, x as f64);
            let crossing = ((height + b * b) - (heights[before] + a * a)) / (2.0 * (b - a));
            if crossing > from {
                break crossing;
            }
            envelope.pop();
        };
        envelope.push((x, begin));
    }
    let mut at = 0;
    for (x, distance) in row.iter_mut().enumerate() {
        while envelope.get(at + 1).is_some_and(|&(_, from)| from < x as f64) {
            at += 1;
        }
        if let Some(&(stands, _)) = envelope.get(at) {
            *distance = (x as f64 - stands as f64).powi(2) + heights[stands];
        }
    }
}

/// The pieces of a map `[height, width]` of colours: pixels of one colour that hang together (4-neighbours), numbered from 1 on by
/// their first pixels; 0 is for the colour 0.
pub(super) fn pieces(width: usize, colors: &[u8]) -> Vec<usize> {
    let mut numbers = vec![0; colors.len()];
    let mut count = 0;
    let mut waiting = Vec::new();
    for first in 0..colors.len() {
        if colors[first] == 0 || numbers[first] > 0 {
            continue;
        }
        count += 1;
        numbers[first] = count;
        waiting.push(first);
        while let Some(at) = waiting.pop() {
            let x = at % width;
            let neighbours = [
                (x > 0).then(|| at - 1),
                (x + 1 < width).then(|| at + 1),
                at.checked_sub(width),
                Some(at + width).filter(|&below| below < colors.len()),
            ];
            for next in neighbours.into_iter().flatten() {
                if colors[next] == colors[first] && numbers[next] == 0 {
                    numbers[next] = count;
                    waiting.push(next);
                }
            }
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_to_the_nearest_of_all_targets() {
        let (width, height) = (23, 17);
        for seed in 1..20usize {
            let targets: Vec<bool> = (0..width * height).map(|i| (i * i * seed + 7 * i) % 61 < seed / 4).collect();
            let found = squared_distances(width, &targets);
            for (i, found) in found.iter().enumerate() {
                let to = |j: usize| {
                    let across = (i % width) as f64 - (j % width) as f64;
                    let down = (i / width) as f64 - (j / width) as f64;
                    across * across + down * down
                };
                let nearest = (0..targets.len()).filter(|&j| targets[j]).map(to).fold(f64::INFINITY, f64::min);
                assert_eq!(*found, nearest, "pixel {i} of map {seed}");
            }
        }
    }

    #[test]
    fn pieces_of_one_colour_that_touch_at_a_corner_are_apart() {
        let colors = [1, 1, 0, 2, 0, 1, 0, 2, 1, 0, 2, 2];
        assert_eq!(pieces(4, &colors), [1, 1, 0, 2, 0, 1, 0, 2, 3, 0, 2, 2]);
    }
}
