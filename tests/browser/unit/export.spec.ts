// Files as other programs read them.

import { readFileSync } from 'node:fs';
import { Archive } from '../../../www/src/export/archive';
import { cocoDataset } from '../../../www/src/export/coco';
import { cell, forSpreadsheet, measurementsCsv, type MeasuredFrame } from '../../../www/src/export/csv';
import { maskPng } from '../../../www/src/export/mask-png';
import { frameName, uniqueStems } from '../../../www/src/export/names';
import { contoursOf, type Polygon } from '../../../www/src/export/polygons';
import { compress, countsOf, decompress, paintRle, rleOf, type Rle } from '../../../www/src/export/rle';
import { measureFrame, type SegmentedFrame } from '../../../www/src/measure/frames';
import { maskOf, type ClassMap } from '../../../www/src/measure/mask';
import { calibrationOf, EVERYWHERE, type Scale } from '../../../www/src/measure/spacing';
import { rememberPath, uniqueNames } from '../../../www/src/page/sources/paths';
import { decodePng, fc, unzipSync } from '../../../www/packages-for-tests';
import { expect, test } from '../../../www/playwright';
import { anyMap, drawn, mapOf } from './shapes';

interface FromPycocotools {
  rows?: string[];
  size: [number, number];
  counts: number[];
  compressed: string;
  area: number;
  bbox: number[];
}

const { masks } = JSON.parse(readFileSync(new URL('../../fixtures/coco_rle.json', import.meta.url), 'utf8')) as { masks: FromPycocotools[] };

/** The one mask of the fixture that is given by a formula. */
const ring = drawn(640, 480, (centreX, centreY) => {
  const [x, y] = [centreX - 0.5 - 300, centreY - 0.5 - 200];
  return 3 * x ** 2 + 5 * y ** 2 < 120000 && x ** 2 + y ** 2 > 900;
});

for (const [at, { rows, size, counts, compressed, area, bbox }] of masks.entries()) {
  test(`mask ${at} has pycocotools' run lengths, string, area and box`, () => {
    const map = rows === undefined ? ring : mapOf(...rows);
    expect(countsOf(map, 1)).toEqual(counts);
    expect(rleOf(map, 1)).toEqual({ size, counts: compressed });
    expect(decompress(compressed)).toEqual(counts);
    const mask = maskOf(map, 1);
    expect(mask?.area ?? 0).toBe(area);
    expect(mask === null ? [0, 0, 0, 0] : [mask.left, mask.top, mask.width, mask.height]).toEqual(bbox);
  });
}

const blank = ({ width, height }: ClassMap): ClassMap => ({ width, height, class_ids: new Uint8Array(width * height) });

test('a class map comes back from the run lengths of its classes', () => {
  fc.assert(
    fc.property(anyMap, (map) => {
      const back = blank(map);
      for (const id of [1, 2, 3]) paintRle(rleOf(map, id), back, id);
      expect(back).toEqual(map);
    }),
  );
});

test('any run lengths come back from their string', () => {
  fc.assert(fc.property(fc.array(fc.nat(2 ** 28)), (counts) => expect(decompress(compress(counts))).toEqual(counts)));
});

test('run lengths of another size, cut off or too few are refused', () => {
  const map = blank(ring);
  expect(() => paintRle({ size: [480, 639], counts: '' }, map, 1)).toThrow('639 x 480');
  expect(() => paintRle({ size: [480, 640], counts: rleOf(ring, 1).counts.slice(0, 40) }, map, 1)).toThrow('of 307200 pixels');
  expect(() => decompress('o')).toThrow('cut off');
  expect(() => decompress('é')).toThrow('not a compressed');
});

test('outlines enclose the mask with its holes filled, outlines and holes exactly the mask, without needless corners', () => {
  fc.assert(
    fc.property(anyMap, (map) => {
      const mask = maskOf(map, 1);
      if (mask === null) return;
      const { outlines: polygons, holes } = contoursOf(mask);
      const outside = reachedFromOutside(map);
      const within = [...map.class_ids].map((_, at) =>
        polygons.some((polygon) => contains(polygon, (at % map.width) + 0.5, Math.floor(at / map.width) + 0.5)),
      );
      expect(within).toEqual(within.map((_, at) => !outside.has(at)));
      expect(polygons.every(turnsAtEveryCorner)).toBe(true);
      expect(polygons.every((polygon) => areaOf(polygon) > 0)).toBe(true);
      const around = (at: number, of: Polygon[]) => of.filter((polygon) => contains(polygon, (at % map.width) + 0.5, Math.floor(at / map.width) + 0.5)).length;
      expect([...map.class_ids].map((_, at) => (around(at, polygons) + around(at, holes)) % 2)).toEqual([...map.class_ids].map((id) => Number(id === 1)));
      expect(holes.every((polygon) => turnsAtEveryCorner(polygon) && areaOf(polygon) < 0)).toBe(true);
    }),
  );
});

/** Edges go along x and y in turn. */
function turnsAtEveryCorner(polygon: Polygon): boolean {
  const count = polygon.length / 2;
  const corner = (at: number) => [polygon[2 * (at % count)]!, polygon[2 * (at % count) + 1]!] as const;
  const isHorizontal = Array.from({ length: count }, (_, at) => corner(at)[1] === corner(at + 1)[1]);
  const isVertical = Array.from({ length: count }, (_, at) => corner(at)[0] === corner(at + 1)[0]);
  return count >= 4 && isHorizontal.every((along, at) => along !== isVertical[at] && along !== isHorizontal[(at + 1) % count]);
}

/** Positive where the polygon runs clockwise, y pointing down. */
function areaOf(polygon: Polygon): number {
  let doubled = 0;
  for (let i = 0; i < polygon.length; i += 2) {
    const next = (i + 2) % polygon.length;
    doubled += polygon[i]! * polygon[next + 1]! - polygon[next]! * polygon[i + 1]!;
  }
  return doubled / 2;
}

/** Background that a step by edges or corners connects with the outside: pixels of a class that touch at a corner are apart. */
function reachedFromOutside({ width, height, class_ids }: ClassMap): Set<number> {
  const reached = new Set<number>();
  const open: [number, number][] = [];
  for (let x = -1; x <= width; x++) for (let y = -1; y <= height; y++) if (x < 0 || y < 0 || x === width || y === height) open.push([x, y]);
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) {
        const x: number = place[0] + dx;
        const y: number = place[1] + dy;
        const at = y * width + x;
        if (x < 0 || y < 0 || x >= width || y >= height || class_ids[at] === 1 || reached.has(at)) continue;
        reached.add(at);
        open.push([x, y]);
      }
    }
  }
  return reached;
}

/** Even-odd, by the edges to the right of the place. */
function contains(polygon: Polygon, x: number, y: number): boolean {
  let inside = false;
  for (let i = 0; i < polygon.length; i += 2) {
    const [ax, ay, , by] = [polygon[i]!, polygon[i + 1]!, 0, polygon[(i + 3) % polygon.length]!];
    if (ay > y !== by > y && ax > x) inside = !inside;
  }
  return inside;
}

test('a mask PNG is 8-bit grey and holds the class ids and the comment', () => {
  fc.assert(
    fc.property(anyMap, (map) => {
      const png = decodePng(maskPng(map, 'trained on: ”phantoms”'));
      expect([png.width, png.height, png.depth, png.channels]).toEqual([map.width, map.height, 8, 1]);
      expect([...png.data]).toEqual([...map.class_ids]);
      expect(png.text).toEqual({ Comment: 'trained on: ?phantoms?' });
    }),
  );
});

test('an archive gives back its files', async () => {
  const files = new Map([['a_0000.png', maskPng(ring, '')], ['é.txt', new Uint8Array([1, 2, 3])]]);
  const archive = new Archive();
  for (const [name, content] of files) archive.add(name, content);
  const unpacked = unzipSync(new Uint8Array(await archive.finish().arrayBuffer()));
  expect(new Map(Object.entries(unpacked))).toEqual(files);
});

const frames: SegmentedFrame[] = [
  {
    frame: 0,
    name: 'wrist_0001.png',
    time_s: 0,
    made_by: 'reviewed',
    map: mapOf('11..', '11.2', '...2'),
    structures: [
      { structure: 0, present: true, iou: 0.9, object_score: 4 },
      { structure: 1, present: true, iou: 0.8, object_score: 2 },
    ],
  },
  { frame: 4, name: 'wrist_0005.png', time_s: 0.2, made_by: 'autonomous', map: mapOf('....', '....', '....'), structures: [{ structure: 0, present: false, iou: 0.1, object_score: -5 }] },
];
const origin = { structures: ['radius', 'ulna'], training_data: 'simulated pictures', created: new Date('2026-11-24T20:00:00Z') };

test('a COCO data set names what is present, with exact masks as run lengths', () => {
  const coco = cocoDataset(frames, origin, 'rle');
  expect(coco.images.map(({ id, file_name, width, height, frame, time_s, made_by }) => [id, file_name, width, height, frame, time_s, made_by])).toEqual([
    [1, 'wrist_0001.png', 4, 3, 1, 0, 'reviewed'],
    [2, 'wrist_0005.png', 4, 3, 5, 0.2, 'autonomous'],
  ]);
  expect(coco.annotations.map(({ id, image_id, category_id, area, bbox }) => [id, image_id, category_id, area, bbox])).toEqual([
    [1, 1, 1, 4, [0, 0, 2, 2]],
    [2, 1, 2, 2, [3, 1, 1, 2]],
  ]);
  expect(coco.categories.map(({ id, name }) => [id, name])).toEqual([[1, 'radius'], [2, 'ulna']]);
  expect(coco.info.description).toContain('simulated pictures');
  expect(coco.info.description).toContain('Not a medical device');
  const back = blank(frames[0]!.map);
  for (const { segmentation, category_id } of coco.annotations) paintRle(segmentation as Rle, back, category_id);
  expect(back).toEqual(frames[0]!.map);
});

test('a COCO data set can hold polygons', () => {
  expect(cocoDataset(frames, origin, 'polygons').annotations.map(({ segmentation }) => segmentation)).toEqual([
    [[2, 0, 2, 2, 0, 2, 0, 0]],
    [[4, 1, 4, 3, 3, 3, 3, 1]],
  ]);
});

test('a COCO data set says how much of a hole its polygons fill, and run lengths keep it', () => {
  const map = mapOf('1111', '1..1', '1111');
  const ring: SegmentedFrame = { frame: 0, name: 'a.png', time_s: null, made_by: 'prompted', map, structures: [{ structure: 0, present: true, iou: 0.9, object_score: 4 }] };
  const filled = cocoDataset([ring], origin, 'polygons');
  expect(filled.annotations[0]).toMatchObject({ area: 10, filled_px: 2 });
  expect(filled.info.description).toContain('Polygons fill the holes of 1 masks (2 pixels)');
  const exact = cocoDataset([ring], origin, 'rle');
  expect(exact.annotations[0]).toMatchObject({ area: 10, filled_px: 0 });
  expect(exact.info.description).not.toContain('holes');
});

test('rings, single pixels and columns have pycocotools\' run lengths, areas and boxes, and polygons say that they fill the hole', () => {
  const fixture = (name: string) => readFileSync(new URL(`../../fixtures/cases/39-coco-holes-and-single-pixels/${name}`, import.meta.url));
  const { annotations } = JSON.parse(fixture('expected.json').toString()) as { annotations: { class_id: number; counts: string; area: number; bbox: number[] }[] };
  const { width, height, data } = decodePng(fixture('class_ids.png'));
  const structures = annotations.map(({ class_id }) => ({ structure: class_id - 1, present: true, iou: 1, object_score: 9 }));
  const frame: SegmentedFrame = { frame: 0, name: 'a.png', time_s: null, made_by: 'autonomous', map: { width, height, class_ids: Uint8Array.from(data) }, structures };
  const exact = cocoDataset([frame], origin, 'rle');
  expect(exact.annotations.map(({ category_id, segmentation, area, bbox }) => ({ class_id: category_id, counts: (segmentation as Rle).counts, area, bbox }))).toEqual(annotations);
  expect(cocoDataset([frame], origin, 'polygons').annotations.map(({ filled_px }) => filled_px)).toEqual([9, 0]);
});

test('a frame\'s file is named after its source and counted as the page counts, whatever the source is called', () => {
  expect(frameName('wrist.left.dcm', 12, 'png')).toBe('wrist.left_0013.png');
  expect(frameName('IM0001', 0, 'png')).toBe('IM0001_0001.png');
  expect(frameName('.dcm', 0, 'png')).toBe('.dcm_0001.png');
});

test('pictures of one name in two folders are told apart, by no more folders than that takes', () => {
  const file = (path: string) => {
    const made = new File([], path.split('/').at(-1)!);
    rememberPath(made, path);
    return made;
  };
  expect(uniqueNames(['/pictures/patient1/frame_001.png', '/pictures/patient2/frame_001.png'].map(file))).toEqual(['patient1/frame_001.png', 'patient2/frame_001.png']);
  expect(uniqueNames([new File([], 'a.png'), new File([], 'A.png'), new File([], 'b')])).toEqual(['a.png', 'A_2.png', 'b']);
  expect(uniqueNames([file('/pictures/patient1/frame_001.png')])).toEqual(['frame_001.png']);
  expect(uniqueStems(['p/a.png', 'p/a.jpg', 'q/a.png'])).toEqual(['p/a', 'p/a_2', 'q/a']);
});

const scales: Scale[] = [{ box: EVERYWHERE, spacing: { x_mm: 0.5, y_mm: 0.5 }, origin: 'pixel spacing' }];
const measured = frames.map((frame): MeasuredFrame => ({ ...frame, rows: measureFrame(frame, ['radius', 'ulna'], { scales, aspect: 1 }), distances: [], standard: null }));
const csvOrigin = { source: 'wrist.dcm', model: 'micro', training_data: 'simulated pictures, phantoms' };
/** The table's cells by the names of their columns. */
function table(csv: string, separator = ','): Record<string, string>[] {
  const [header, ...lines] = csv.split('\r\n').slice(0, -1).map((line) => line.split(separator));
  return lines.map((cells) => Object.fromEntries(header!.map((name, at) => [name, cells[at]!])));
}

test('a CSV has a row for each structure of each frame, with units in the header and nothing where nothing is', () => {
  const csv = measurementsCsv(measured, csvOrigin);
  const [header, ...lines] = csv.split('\r\n');
  expect(header).toMatch(/^source,frame,time_s,structure,class_id,present,area_px,area_mm2,feret_px,feret_mm,/);
  expect(lines[0]).toMatch(/^wrist\.dcm,1,0,radius,1,1,4,1,2\.82843,1\.41421,/);
  expect(lines[0]).toContain(',"simulated pictures, phantoms",Research and teaching only. Not a medical device.');
  expect(lines[2]).toMatch(/^wrist\.dcm,5,0\.2,radius,1,0,0,,,,,,,,,,,,0\.1,-5,,wrist_0005\.png,autonomous,/);
  expect(lines).toHaveLength(4);
  expect(lines[3]).toBe('');
  expect(table(csv)[0]).toMatchObject({ picture: 'wrist_0001.png', made_by: 'reviewed', mm_by: 'pixel spacing' });
});

test('a CSV has the distances that were taken, in the unit that is known where they lie', () => {
  const [from, to] = [{ x: 0, y: 0 }, { x: 30, y: 40 }];
  const known = { from, to, calibration: calibrationOf(scales, [0, 0, 30, 40]), aspect: 1 };
  const frame: MeasuredFrame = { frame: 2, name: 'wrist_0003.png', time_s: null, made_by: null, rows: [], standard: null, distances: [known, { ...known, calibration: { kind: 'unknown' } }, { ...known, calibration: { kind: 'across' } }] };
  expect(table(measurementsCsv([frame], { ...csvOrigin, training_data: 'none' })).map(({ frame, time_s, structure, distance_px, distance_mm, mm_by }) => [frame, time_s, structure, distance_px, distance_mm, mm_by])).toEqual([
    ['3', '', 'distance', '50', '25', 'pixel spacing'],
    ['3', '', 'distance', '50', '', ''],
    ['3', '', 'distance', '', '', 'not in one region'],
  ]);
});

test('for a spreadsheet a CSV has a byte order mark and the separators of its language', () => {
  const german = measurementsCsv(measured, csvOrigin, forSpreadsheet('de-DE'));
  expect(german.startsWith('\ufeffsource;frame;')).toBe(true);
  expect(table(german.slice(1), ';')[0]).toMatchObject({ feret_px: '2,82843', area_px: '4', training_data: 'simulated pictures, phantoms' });
  expect(measurementsCsv(measured, csvOrigin, forSpreadsheet('en-GB'))).toBe(`\ufeff${measurementsCsv(measured, csvOrigin)}`);
});

test('a CSV cell is quoted where it must be, and a spreadsheet takes none for a formula', () => {
  expect(cell('a "b", c')).toBe('"a ""b"", c"');
  expect(cell('two\r\nlines')).toBe('"two\r\nlines"');
  for (const start of ['=', '+', '-', '@', '\t', '\r']) expect(cell(`${start}1+1`).replaceAll('"', '')).toBe(`'${start}1+1`);
  expect(cell(-0.123456789)).toBe('-0.123457');
  expect(cell(1234567)).toBe('1234567');
  expect(cell(null)).toBe('');
});
