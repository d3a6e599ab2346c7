use super::*;
use rayon::prelude::*;

/// Grey levels, `[height, width]`.
fn grey(phantom: &Phantom) -> Vec<f32> {
    phantom.frame.rgb().iter().step_by(3).map(|&value| f32::from(value)).collect()
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len() as f32
}

/// Mean grey of the labelled pixels of each structure, over pictures that show both.
fn labelled_greys(preset: Preset) -> [f32; 2] {
    let mut greys = [const { Vec::new() }; 2];
    for seed in 0..12 {
        let phantom = preset.simulate(Ranges::Standard, seed);
        let both = [1, 2].iter().all(|id| phantom.class_ids.contains(id));
        for (value, &id) in grey(&phantom).into_iter().zip(&phantom.class_ids).filter(|(_, id)| both && **id > 0) {
            greys[usize::from(id) - 1].push(value);
        }
    }
    greys.map(|values| mean(&values))
}

#[test]
fn the_same_seed_gives_the_same_picture_and_another_seed_another() {
    for preset in Preset::ALL {
        assert!(preset.simulate(Ranges::Standard, 5) == preset.simulate(Ranges::Standard, 5), "{preset:?}");
        assert!(preset.simulate(Ranges::Standard, 5) != preset.simulate(Ranges::Standard, 6), "{preset:?}");
    }
}

#[test]
fn each_structure_is_absent_in_about_an_eighth_of_the_pictures() {
    for preset in Preset::ALL {
        let seen: Vec<[bool; 2]> = (1000..1200_u64)
            .into_par_iter()
            .map(|seed| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let study = Study::draw(preset, Ranges::Standard, draw_present(&mut rng), &mut rng);
                let Study { anatomy, machine, screen, .. } = &study;
                let (_, class_ids) = look(anatomy, machine, screen, &middle(anatomy));
                [1, 2].map(|id| class_ids.contains(&id))
            })
            .collect();
        for structure in 0..2 {
            let absent = seen.iter().filter(|seen| !seen[structure]).count();
            assert!((10..=45).contains(&absent), "{preset:?}: structure {structure} is absent in {absent} of 200");
        }
        assert!(seen.contains(&[false; 2]) && seen.contains(&[true; 2]), "{preset:?}");
    }
}

#[test]
fn a_bone_is_brighter_than_what_is_above_it_and_has_a_shadow_below() {
    for preset in [Preset::Hip, Preset::Wrist] {
        let [mut above, mut surface, mut below] = [const { Vec::new() }; 3];
        for seed in 0..16 {
            let phantom = preset.simulate(Ranges::Standard, seed);
            let (grey, width) = (grey(&phantom), phantom.frame.width());
            let rows = (3.0 / phantom.pixel_spacing_mm) as usize;
            for column in 0..width {
                let is_bone = |row: usize| phantom.class_ids[row * width + column] == 1;
                let bone: Vec<usize> = (0..phantom.frame.height()).filter(|&row| is_bone(row)).collect();
                let (Some(&first), Some(&last)) = (bone.first(), bone.last()) else { continue };
                if first < rows || last + 2 * rows >= phantom.frame.height() {
                    continue;
                }
                let column_mean = |from: usize, to: usize| {
                    mean(&(from..to).map(|row| grey[row * width + column]).collect::<Vec<_>>())
                };
                above.push(column_mean(first - rows, first));
                // The surface is the middle of its band; the echo begins there and what follows is shadow.
                let middle = (first + last) / 2;
                surface.push(column_mean(middle, middle + (0.5 / phantom.pixel_spacing_mm) as usize + 1));
                below.push(column_mean(last + rows, last + 2 * rows));
            }
        }
        let [above, surface, below] = [mean(&above), mean(&surface), mean(&below)];
        println!("{preset:?}: {above} above, {surface} on the bone, {below} below");
        assert!(surface > 1.2 * above, "{preset:?}: {surface} on the bone, {above} above");
        assert!(below < 0.6 * above, "{preset:?}: {below} below the bone, {above} above");
    }
}

#[test]
fn the_humeral_head_is_in_its_own_shadow_and_the_tendon_is_not() {
    let [head, tendon] = labelled_greys(Preset::Shoulder);
    assert!(head < 0.5 * tendon, "{head} in the head, {tendon} in the tendon");
}

#[test]
fn neighbouring_frames_of_a_sweep_are_more_alike_than_distant_ones() {
    let frames: Vec<_> = Preset::Wrist.sweep(Ranges::Standard, 3, 240).take(31).collect();
    let alike = |a: &Phantom, b: &Phantom| {
        let (a, b) = (grey(a), grey(b));
        let (mean_a, mean_b) = (mean(&a), mean(&b));
        let [mut ab, mut aa, mut bb] = [0.0; 3];
        for (a, b) in a.iter().zip(&b) {
            ab += (a - mean_a) * (b - mean_b);
            aa += (a - mean_a).powi(2);
            bb += (b - mean_b).powi(2);
        }
        ab / (aa * bb).sqrt()
    };
    let (near, far) = (alike(&frames[0], &frames[1]), alike(&frames[0], &frames[30]));
    assert!(near > 0.9 && near > far + 0.05, "{near} between neighbours, {far} between distant frames");
    let moved = |a: &Phantom, b: &Phantom| a.class_ids.iter().zip(&b.class_ids).filter(|(a, b)| a != b).count();
    assert!(moved(&frames[0], &frames[1]) < moved(&frames[0], &frames[30]), "the labels follow the probe");
}

#[test]
fn a_shifted_machine_is_none_that_models_are_trained_on() {
    let (standard, shifted) = (ranges::STANDARD, ranges::SHIFTED);
    assert!(shifted.frequency_mhz.high < standard.frequency_mhz.low);
    assert!(shifted.dynamic_range_db.high < standard.dynamic_range_db.low);
    assert!(shifted.gain_db.low > standard.gain_db.high);
    assert!(shifted.noise_db.low > standard.noise_db.high);
    assert_eq!((standard.curved, shifted.curved), (0.0, 1.0));
    for preset in Preset::ALL {
        assert!(preset.simulate(Ranges::Standard, 2) != preset.simulate(Ranges::Shifted, 2), "{preset:?}");
    }
}
