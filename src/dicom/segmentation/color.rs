//! sRGB to the encoding of Recommended Display CIELab Value (PS3.3 section C.10.7.1.1).

/// L*, a*, b* for the illuminant D50, each over the 16 bits that the attribute gives it: L* 0 to 100, a* and b* -128 to 127.
pub(super) fn dicom_cielab(color: [u8; 3]) -> [u16; 3] {
    let [r, g, b] = color.map(|channel| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    // sRGB's primaries, adapted from D65 to D50 (Bradford), over the white point.
    let x = (0.4360747 * r + 0.3850649 * g + 0.1430804 * b) / 0.96422;
    let y = 0.2225045 * r + 0.7168786 * g + 0.0606169 * b;
    let z = (0.0139322 * r + 0.0971045 * g + 0.7141733 * b) / 0.82521;
    let [x, y, z] = [x, y, z].map(|t: f64| if t > 216.0 / 24389.0 { t.cbrt() } else { t * 841.0 / 108.0 + 4.0 / 29.0 });
    let [l, a, b] = [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)];
    let scaled = |value: f64, low: f64, span: f64| ((value - low) / span * 65535.0).round().clamp(0.0, 65535.0) as u16;
    [scaled(l, 0.0, 100.0), scaled(a, -128.0, 255.0), scaled(b, -128.0, 255.0)]
}

/// The other way: of the encoding, the nearest colour of sRGB.
pub(super) fn srgb(lab: [u16; 3]) -> [u8; 3] {
    let value = |encoded: u16, low: f64, span: f64| f64::from(encoded) / 65535.0 * span + low;
    let [l, a, b] = [value(lab[0], 0.0, 100.0), value(lab[1], -128.0, 255.0), value(lab[2], -128.0, 255.0)];
    let fy = (l + 16.0) / 116.0;
    let linear = |t: f64| if t > 6.0 / 29.0 { t * t * t } else { (t - 4.0 / 29.0) * 108.0 / 841.0 };
    let (x, y, z) = (linear(fy + a / 500.0) * 0.96422, linear(fy), linear(fy - b / 200.0) * 0.82521);
    let rgb = [
        3.1338561 * x - 1.6168667 * y - 0.4906146 * z,
        -0.9787684 * x + 1.9161415 * y + 0.0334540 * z,
        0.0719453 * x - 0.2289914 * y + 1.4052427 * z,
    ];
    rgb.map(|value| {
        let value = if value <= 0.0031308 { value * 12.92 } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 };
        (value * 255.0).round().clamp(0.0, 255.0) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_comes_back() {
        for color in [[0, 0, 0], [255, 255, 255], [230, 159, 0], [0, 114, 178], [255, 0, 0]] {
            let back = srgb(dicom_cielab(color));
            assert!(back.iter().zip(color).all(|(a, b)| a.abs_diff(b) <= 1), "{color:?} came back as {back:?}");
        }
    }

    #[test]
    fn white_black_and_red_are_where_the_standard_puts_them() {
        const NEUTRAL: u16 = 0x8080;
        let near = |found: [u16; 3], expected: [u16; 3]| {
            assert!(found.iter().zip(expected).all(|(&f, e)| f.abs_diff(e) <= 8), "{found:?}, not {expected:?}");
        };
        near(dicom_cielab([255; 3]), [0xFFFF, NEUTRAL, NEUTRAL]);
        near(dicom_cielab([0; 3]), [0, NEUTRAL, NEUTRAL]);
        // Lab (D50) of sRGB's red: 54.29, 80.81, 69.89.
        near(dicom_cielab([255, 0, 0]), [35579, 53664, 50858]);
    }
}
