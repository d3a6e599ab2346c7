// Figures of shapes whose sizes are known.

import { centrelines, lengthOf } from '../../../www/src/measure/centreline';
import { areaOverTime, measureFrame } from '../../../www/src/measure/frames';
import { maximumFeret } from '../../../www/src/measure/feret';
import { grafFigures } from '../../../www/src/measure/graf';
import { maskOf, type ClassMap } from '../../../www/src/measure/mask';
import { distance, EVERYWHERE, lengthText, PIXELS, pixelShape, scaleByHand, type PixelSize, type Scale } from '../../../www/src/measure/spacing';
import { measureStructure, type Pixels } from '../../../www/src/measure/structure';
import { thin } from '../../../www/src/measure/thinning';
import { fc } from '../../../www/packages-for-tests';
import { expect, test } from '../../../www/playwright';
import { anyMap, drawn, mapOf, toSegment } from './shapes';

const centrelineOf = (map: ClassMap, size: PixelSize = PIXELS) =>
  centrelines(maskOf(map, 1)!, thin(maskOf(map, 1)!), size).reduce((sum, line) => sum + lengthOf(line, size), 0);

/** One pixel size in the whole picture, or none. */
const everywhere = (x_mm?: number, y_mm = x_mm): Pixels => ({
  scales: x_mm === undefined ? [] : [{ box: EVERYWHERE, spacing: { x_mm, y_mm: y_mm! }, origin: 'pixel spacing' }],
  aspect: 1,
});

test('a rectangle has its area, box, centroid and diagonal, in pixels and in mm of unequal spacing', () => {
  const map = mapOf('......', '.2222.', '.2222.', '......');
  const measured = measureStructure(map, 2, everywhere(0.5, 2))!;
  expect(measured.in_px.area).toBe(8);
  expect(measured.in_mm!.area).toBeCloseTo(8, 12);
  expect(measured.bounding_box).toEqual([1, 1, 5, 3]);
  expect(measured.centroid).toEqual({ x: 3, y: 2 });
  expect(measured.in_px.feret.length).toBeCloseTo(Math.hypot(4, 2), 12);
  expect(measured.in_mm!.feret.length).toBeCloseTo(Math.hypot(2, 4), 12);
  expect(measureStructure(map, 2, everywhere())!.in_mm).toBeNull();
});

test('a structure without a pixel is not measured', () => {
  expect(measureStructure(mapOf('11', '..'), 2, everywhere())).toBeNull();
});

test('unequal spacing can turn the largest extent to another direction', () => {
  const map = drawn(40, 40, (x, y) => (y > 18 && y < 22) || (x > 18 && x < 22 && y > 8 && y < 32));
  const { in_px, in_mm } = measureStructure(map, 1, everywhere(0.1, 1))!;
  const isWide = ({ from, to }: typeof in_px.feret) => Math.abs(to.x - from.x) > Math.abs(to.y - from.y);
  expect(isWide(in_px.feret)).toBe(true);
  expect(isWide(in_mm!.feret)).toBe(false);
});

test('the maximum Feret diameter of a disc is its diameter, to the diagonal of a pixel', () => {
  const disc = drawn(100, 100, (x, y) => Math.hypot(x - 50, y - 50) <= 40);
  expect(Math.abs(maximumFeret(maskOf(disc, 1)!, PIXELS).length - 80)).toBeLessThan(Math.SQRT2);
});

test('the maximum Feret diameter is the largest distance between any two pixel corners', () => {
  fc.assert(
    fc.property(anyMap, (map) => {
      const mask = maskOf(map, 1);
      if (mask === null) return;
      const corners: { x: number; y: number }[] = [];
      map.class_ids.forEach((id, at) => {
        if (id !== 1) return;
        const [x, y] = [at % map.width, Math.floor(at / map.width)];
        corners.push({ x, y }, { x: x + 1, y }, { x, y: y + 1 }, { x: x + 1, y: y + 1 });
      });
      const size = { x: 0.3, y: 0.7 };
      const longest = Math.max(...corners.map((a) => Math.max(...corners.map((b) => distance(a, b, size)))));
      const feret = maximumFeret(mask, size);
      expect(feret.length).toBeCloseTo(longest, 10);
      expect(distance(feret.from, feret.to, size)).toBeCloseTo(longest, 10);
    }),
  );
});

for (const degrees of [0, 10, 22.5, 30, 45, 67.5, 90]) {
  test(`the centreline of a bar with round ends at ${degrees}° is as long as the bar, to 2 %`, () => {
    const [radius, reach] = [4, 60];
    const [dx, dy] = [Math.cos((degrees / 180) * Math.PI) * reach, Math.sin((degrees / 180) * Math.PI) * reach];
    const bar = drawn(160, 160, (x, y) => toSegment(x, y, [80 - dx, 80 - dy], [80 + dx, 80 + dy]) <= radius);
    const length = 2 * reach + 2 * radius;
    expect(Math.abs(centrelineOf(bar) / length - 1)).toBeLessThan(0.02);
  });
}

test('the centreline of an arc follows it: a half circle is pi radii long, to 3 %', () => {
  const arc = drawn(140, 80, (x, y) => Math.abs(Math.hypot(x - 70, y - 75) - 60) <= 3 && y < 75);
  expect(Math.abs(centrelineOf(arc) / (Math.PI * 60) - 1)).toBeLessThan(0.03);
});

test('the centreline in mm follows the spacing of each axis', () => {
  // Squeezed to a third along x in pixels, and round again in mm.
  const arc = drawn(50, 80, (x, y) => Math.abs(Math.hypot(3 * x - 70, y - 75) - 60) <= 5 && y < 75);
  expect(Math.abs(centrelineOf(arc, { x: 0.3, y: 0.1 }) / (Math.PI * 6) - 1)).toBeLessThan(0.04);
});

test('two pieces are measured each and the gap between them is not', () => {
  const bars = drawn(100, 20, (x, y) => Math.abs(y - 10) <= 2 && ((x > 5 && x < 45) || (x > 55 && x < 95)));
  expect(Math.abs(centrelineOf(bars) - 80)).toBeLessThan(2);
});

test('thinning keeps every piece and every hole, and leaves lines', () => {
  fc.assert(
    fc.property(anyMap, (map) => {
      const mask = maskOf(map, 1);
      if (mask === null) return;
      const skeleton = thin(mask);
      const padded = { ...skeleton, pixels: new Uint8Array(skeleton.pixels.length) };
      for (let y = 0; y < mask.height; y++) {
        padded.pixels.set(mask.pixels.subarray(y * mask.width, (y + 1) * mask.width), (y + 1) * padded.width + 1);
      }
      expect(pieces(skeleton, 1, true)).toBe(pieces(padded, 1, true));
      expect(pieces(skeleton, 0, false)).toBe(pieces(padded, 0, false));
      expect(skeleton.pixels.every((on, at) => on <= padded.pixels[at]!)).toBe(true);
    }),
  );
});

test('a solid block thins to a line, not to a block', () => {
  const block = drawn(30, 20, () => true);
  const skeleton = thin(maskOf(block, 1)!);
  expect(skeleton.pixels.reduce((sum, on) => sum + on, 0)).toBeLessThan(30);
});

/** Connected pieces of the pixels with this value: by corners too, or by edges alone. */
function pieces({ width, height, pixels }: { width: number; height: number; pixels: Uint8Array }, value: number, byCorners: boolean): number {
  const seen = new Set<number>();
  let count = 0;
  pixels.forEach((at, start) => {
    if (at !== value || seen.has(start)) return;
    count++;
    const open = [start];
    seen.add(start);
    for (let here = open.pop(); here !== undefined; here = open.pop()) {
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          if (!byCorners && dx !== 0 && dy !== 0) continue;
          const x: number = (here % width) + dx;
          const y: number = Math.floor(here / width) + dy;
          const next = y * width + x;
          if (x < 0 || y < 0 || x >= width || y >= height || pixels[next] !== value || seen.has(next)) continue;
          seen.add(next);
          open.push(next);
        }
      }
    }
  });
  return count;
}

test('area over time is in mm² where that is known in every frame, in the order of the frames', () => {
  const samples = [
    { frame: 1, time_s: 0.1, structure: 0, area_px: 0, area_mm2: 0 },
    { frame: 0, time_s: 0, structure: 0, area_px: 3, area_mm2: 0.75 },
  ];
  expect(areaOverTime(samples, ['radius'])).toEqual([
    { structure: 0, name: 'radius', unit: 'mm²', points: [{ frame: 0, time_s: 0, area: 0.75 }, { frame: 1, time_s: 0.1, area: 0 }] },
  ]);
  const partly = [...samples, { frame: 2, time_s: 0.2, structure: 0, area_px: 5, area_mm2: null }];
  expect(areaOverTime(partly, ['radius'])[0]).toMatchObject({ unit: 'px', points: [{ area: 3 }, { area: 0 }, { area: 5 }] });
});

/** Two images side by side, of 0.2 and 0.05 mm a pixel, with a colour box in the left one, and a trace over time below. */
const REGIONS: Scale[] = [
  { box: [0, 0, 120, 100], spacing: { x_mm: 0.2, y_mm: 0.2 }, origin: 'ultrasound region' },
  { box: [20, 20, 80, 80], spacing: { x_mm: 0.2, y_mm: 0.2 }, origin: 'ultrasound region' },
  { box: [120, 0, 200, 100], spacing: { x_mm: 0.05, y_mm: 0.05 }, origin: 'ultrasound region' },
  { box: [0, 80, 200, 140], spacing: null, origin: 'ultrasound region' },
];

for (const [what, from, to, text] of [
  ['within the left image', [20, 50], [60, 50], '8.0 mm'],
  ['from the colour box into the rest of its image', [70, 50], [110, 50], '8.0 mm'],
  ['within the right image, from its very edge', [120, 50], [160, 50], '2.0 mm'],
  ['from one image to the other', [110, 50], [130, 50], 'no length: not in one region'],
  ['out of an image', [190, 50], [210, 50], 'no length: not in one region'],
  ['along the trace', [10, 120], [50, 120], '40.0 px'],
  ['where no region is', [210, 10], [210, 50], '40.0 px'],
] as const) {
  test(`a distance ${what} reads ${text}`, () => {
    const point = ([x, y]: readonly [number, number]) => ({ x, y });
    expect(lengthText(point(from), point(to), { scales: REGIONS, aspect: 1 })).toBe(text);
  });
}

test('a structure has millimetres by the region that it lies in, and none where it lies in two', () => {
  const bar = (left: number) => drawn(200, 140, (x, y) => x > left && x < left + 40 && y > 40 && y < 60);
  const measured = (left: number) => measureStructure(bar(left), 1, { scales: REGIONS, aspect: 1 })!;
  expect(measured(140).in_mm!.area).toBeCloseTo(2, 9);
  expect(measured(20).in_mm!.area).toBeCloseTo(32, 9);
  expect(measured(100)).toMatchObject({ in_mm: null, calibration: { kind: 'across' }, in_px: { area: 800 } });
});

test('lengths in pixels that are twice as wide as high are alike along both axes', () => {
  const pixels = { scales: [], aspect: 2 };
  expect(lengthText({ x: 10, y: 60 }, { x: 50, y: 60 }, pixels)).toBe('80.0 px');
  expect(lengthText({ x: 30, y: 20 }, { x: 30, y: 100 }, pixels)).toBe('80.0 px');
  const { in_px } = measureStructure(drawn(60, 120, (x, y) => Math.hypot((x - 30) / 20, (y - 60) / 40) < 1), 1, pixels)!;
  expect(in_px.feret.length).toBeGreaterThan(79);
  expect(in_px.feret.length).toBeLessThan(82.5);
});

test('a scale by hand gives every length, across and along, of pixels that need not be square', () => {
  const shape = pixelShape(2);
  const scale = scaleByHand({ from: { x: 0, y: 10 }, to: { x: 0, y: 210 }, mm: 40 }, shape);
  expect(scale.spacing).toEqual({ x_mm: 0.4, y_mm: 0.2 });
  const pixels = { scales: [scale], aspect: 2 };
  expect(lengthText({ x: 0, y: 0 }, { x: 100, y: 0 }, pixels)).toBe('40.0 mm');
});

test('a structure that is absent has no figures, whatever its mask', () => {
  const frame = { map: mapOf('11', '..'), structures: [{ structure: 0, present: false, iou: 0.2, object_score: -3 }] };
  expect(measureFrame(frame, ['radius'], everywhere())).toEqual([{ structure: 0, name: 'radius', iou: 0.2, object_score: -3, measured: null }]);
});

test('a hip’s alpha is the angle between its lines, and its coverage what lies below the baseline', () => {
  // A head of radius 20 whose centre is 10 below the baseline: three quarters of it are covered.
  const head = { centre: [60, 30] as [number, number], covariance: [100, 0, 100] as [number, number, number] };
  const rim: [number, number] = [50, 20];
  const [sine, cosine] = [Math.sin(Math.PI / 3), Math.cos(Math.PI / 3)];
  const lines = { baseline: [[0, 20], rim] as [[number, number], [number, number]], roof_line: [rim, [50 + 30 * cosine, 20 + 30 * sine]] as [[number, number], [number, number]] };
  expect(grafFigures(lines, head, PIXELS).alpha_degrees).toBeCloseTo(60, 6);
  expect(grafFigures(lines, head, PIXELS).coverage).toBeCloseTo(0.75, 6);
  // Mirrored it is the same, and so it is with pixels that are twice as wide.
  const mapped = (map: (x: number) => number, scale: number) => {
    const point = ([x, y]: [number, number]): [number, number] => [map(x), y];
    const line = ([from, to]: [[number, number], [number, number]]): [[number, number], [number, number]] => [point(from), point(to)];
    return [{ baseline: line(lines.baseline), roof_line: line(lines.roof_line) }, { centre: point(head.centre), covariance: [100 * scale ** 2, 0, 100] as [number, number, number] }] as const;
  };
  expect(grafFigures(...mapped((x) => 100 - x, 1), PIXELS)).toMatchObject({ alpha_degrees: expect.closeTo(60, 6), coverage: expect.closeTo(0.75, 6) });
  expect(grafFigures(...mapped((x) => x / 2, 0.5), { x: 2, y: 1 })).toMatchObject({ alpha_degrees: expect.closeTo(60, 6), coverage: expect.closeTo(0.75, 6) });
});
