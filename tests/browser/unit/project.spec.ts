// Projects and share links: what is written comes back, and what is wrong is named.

import { rleOf } from '../../../www/src/export/rle';
import { ProjectError, readProject, writeProject } from '../../../www/src/project/file';
import { contentOf, identityOf, placesIn } from '../../../www/src/project/identity';
import type { Project, ProjectPrompt } from '../../../www/src/project/schema';
import { hashOf, sharedOf, type Shared } from '../../../www/src/share/link';
import { fc } from '../../../www/packages-for-tests';
import { expect, test } from '../../../www/playwright';
import { anyMap } from './shapes';

const number = fc.double({ min: -1e4, max: 1e4, noNaN: true }).map((value) => value + 0); // JSON knows no -0
const structure = fc.nat(20);
const place = fc.record({ x: number, y: number });
const box = fc.tuple(number, number, fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 500 })).map(
  ([left, top, width, height]): [number, number, number, number] => [left, top, left + width, top + height],
);
const anyPrompt: fc.Arbitrary<ProjectPrompt> = fc.oneof(
  fc.record({ kind: fc.constant('point' as const), structure, at: place, inside: fc.boolean() }),
  fc.record({ kind: fc.constant('box' as const), structure, box }),
  fc.record({
    kind: fc.constant('stroke' as const),
    structure,
    path: fc.array(fc.tuple(number, number)),
    radius: fc.integer({ min: 1, max: 50 }),
    inside: fc.boolean(),
  }),
);
const anyLook = fc.record({
  style: fc.constantFrom('fill' as const, 'contour' as const, 'both' as const),
  opacity: fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0),
  hidden: fc.uniqueArray(structure),
  colors: fc.array(fc.record({ structure, color: fc.constantFrom('#56b4e9', '#E69F00') })),
  predicted_box: fc.boolean(),
  names: fc.boolean(),
});
const sha256 = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 });
const ends = fc.tuple(fc.tuple(number, number), fc.tuple(number, number));
const anyProject: fc.Arbitrary<Project> = fc.record({
  format: fc.constant('sam2rad-project' as const),
  version: fc.constant(1 as const),
  note: fc.string(),
  saved: fc.date({ min: new Date(0), max: new Date('2099-12-31'), noInvalidDate: true }).map((date) => date.toISOString()),
  source: fc.option(
    fc.oneof(
      fc.record({ kind: fc.constant('demo' as const), name: fc.string() }),
      fc.record({
        kind: fc.constantFrom('pictures' as const, 'video' as const, 'dicom' as const, 'cine' as const, 'camera' as const, 'screen' as const),
        files: fc.array(fc.record({ name: fc.string(), size: fc.nat(), sha256_first_mib: sha256 }), { maxLength: 3 }),
      }),
    ),
  ),
  crops: fc.array(fc.record({ picture: fc.string(), box }), { maxLength: 2 }),
  spacing: fc.option(fc.record({ x_mm: fc.double({ min: 0.001, max: 5, noNaN: true }), y_mm: fc.double({ min: 0.001, max: 5, noNaN: true }) })),
  scales_by_hand: fc.array(fc.record({ picture: fc.string(), from: place, to: place, mm: fc.double({ min: 0.1, max: 500, noNaN: true }) }), { maxLength: 2 }),
  model: fc.option(
    fc.record({
      name: fc.string(),
      sha256: fc.option(sha256),
      structures: fc.array(fc.record({ name: fc.string(), color: fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255)) }), { maxLength: 3 }),
    }),
  ),
  settings: fc.record({ manual: fc.boolean(), carry: fc.boolean(), look: anyLook }),
  own_structures: fc.array(fc.record({ name: fc.string(), color: fc.constantFrom('#009e73', '#CC79A7') }), { maxLength: 2 }),
  current_frame: fc.nat(1000),
  frames: fc.array(
    fc.record({
      frame: fc.nat(1000),
      prompts: fc.option(fc.array(anyPrompt, { maxLength: 3 })),
      masks: fc.option(
        fc.record({
          width: fc.nat(),
          height: fc.nat(),
          crop: box,
          structures: fc.array(
            fc.record({
              structure,
              present: fc.boolean(),
              iou: fc.option(number),
              object_score: number,
              predicted_box: fc.tuple(number, number, number, number),
              rle: fc.option(anyMap.map((map) => rleOf(map, 1))),
            }),
            { maxLength: 2 },
          ),
        }),
      ),
      calipers: fc.array(fc.record({ from: place, to: place }), { maxLength: 2 }),
      graf: fc.option(fc.record({ baseline: ends, roof_line: ends })),
      reviewed: fc.boolean(),
      labels: fc.array(fc.record({ structure: fc.string(), rle: anyMap.map((map) => rleOf(map, 1)) }), { maxLength: 2 }),
    }),
    { maxLength: 3 },
  ),
});

/** One project with something in every field. */
const example: Project = {
  format: 'sam2rad-project',
  version: 1,
  note: 'Research and teaching only. Not a medical device.',
  saved: '2026-11-24T20:00:00.000Z',
  source: { kind: 'video', files: [{ name: 'wrist.webm', size: 12345, sha256_first_mib: 'ab'.repeat(32) }] },
  crops: [{ picture: 'wrist.webm 640x480', box: [10, 20, 300, 400] }],
  spacing: { x_mm: 0.1, y_mm: 0.12 },
  scales_by_hand: [{ picture: 'wrist.webm 640x480', from: { x: 10, y: 20 }, to: { x: 10, y: 220 }, mm: 40 }],
  model: { name: 'micro', sha256: '01'.repeat(32), structures: [{ name: 'radius', color: [86, 180, 233] }] },
  settings: { manual: false, carry: true, look: { style: 'both', opacity: 0.35, hidden: [0], colors: [], predicted_box: false, names: true } },
  own_structures: [{ name: 'lunate', color: '#009e73' }],
  current_frame: 7,
  frames: [
    {
      frame: 7,
      prompts: [{ kind: 'point', structure: 0, at: { x: 12.5, y: 40 }, inside: true }],
      masks: {
        width: 4,
        height: 3,
        crop: [0, 0, 4, 3],
        structures: [{ structure: 0, present: true, iou: 0.9, object_score: 4.5, predicted_box: [0, 0, 4, 3], rle: { size: [3, 4], counts: '01:0' } }],
      },
      calipers: [{ from: { x: 1, y: 2 }, to: { x: 3, y: 4 } }],
      graf: { baseline: [[1, 2], [3, 4]], roof_line: [[3, 4], [5.5, 6]] },
      reviewed: true,
      labels: [{ structure: 'lunate', rle: { size: [3, 4], counts: '01:0' } }],
    },
  ],
};

test('a project comes back from its file as it was', () => {
  fc.assert(fc.property(anyProject, (project) => expect(readProject(writeProject(project))).toEqual(project)));
});

/** What reading the example with a change says. */
function refusal(change: (project: any) => unknown): ProjectError {
  const project = structuredClone(example);
  change(project);
  try {
    readProject(JSON.stringify(project));
  } catch (error) {
    if (error instanceof ProjectError) return error;
    throw error;
  }
  throw new Error('it was read');
}

test('a project of a newer version is refused with what to do', () => {
  const error = refusal((project) => (project.version = 2));
  expect(error.kind).toBe('newer');
  expect(error.message).toContain('project version 2; this page reads up to 1');
});

test('a field that is missing or wrong is named', () => {
  const field = (change: (project: any) => unknown) => {
    const { kind, field, message } = refusal(change);
    expect(kind).toBe('invalid');
    expect(message).toContain(String(field));
    return field;
  };
  expect(field((project) => delete project.settings)).toBe('settings');
  expect(field((project) => (project.version = 0))).toBe('version');
  expect(field((project) => (project.frames[0].prompts[0].at.y = 'low'))).toBe('frames[0].prompts[0].at.y');
  expect(field((project) => (project.frames[0].prompts[0].kind = 'poke'))).toBe('frames[0].prompts[0].kind');
  expect(field((project) => (project.crops[0].box = [300, 20, 10, 400]))).toBe('crops[0].box');
  expect(field((project) => (project.spacing.x_mm = 0))).toBe('spacing.x_mm');
  expect(field((project) => (project.model.sha256 = 'ab'))).toBe('model.sha256');
  expect(field((project) => (project.model.structures[0].color[2] = 256))).toBe('model.structures[0].color[2]');
  expect(field((project) => (project.settings.look.colors = [{ structure: 0, color: 'red' }]))).toBe('settings.look.colors[0].color');
  expect(field((project) => (project.source.kind = 'cloud'))).toBe('source.kind');
  expect(field((project) => (project.saved = 'yesterday'))).toBe('saved');
  expect(field((project) => (project.frames[0].masks.structures[0].rle.counts = '01:'))).toBe('frames[0].masks.structures[0].rle');
  expect(field((project) => (project.frames[0].masks.structures[0].rle.size = [1e6, 1e6]))).toBe('frames[0].masks.structures[0].rle');
});

test('another program\'s file is not a project', () => {
  for (const text of ['', 'null', '[]', '{"format":"geojson"}', '\u0089PNG', '{"format":']) {
    expect(() => readProject(text)).toThrow('not a sam2rad project');
  }
});

test('a source is known again by its content, whatever its files are called and in whatever order they come', async () => {
  const file = (name: string, seed: number) => new File([new Uint8Array(3 << 20).fill(seed)], name);
  const identities = (...files: File[]) => Promise.all(files.map(identityOf));
  const contentOfAll = async (...files: File[]) => contentOf({ kind: 'pictures', files: await identities(...files) });
  expect(await identityOf(file('a.dcm', 1))).toMatchObject({ name: 'a.dcm', size: 3 << 20 });
  const content = await contentOfAll(file('a', 1), file('b', 2));
  expect(await contentOfAll(file('2', 2), file('1', 1))).toBe(content);
  expect(await contentOfAll(file('a', 1), file('b', 3))).not.toBe(content);
  expect(await contentOfAll(file('a', 1))).not.toBe(content);
  expect(placesIn(await identities(file('a', 1), file('b', 2), file('c', 1)), await identities(file('x', 2), file('y', 1), file('z', 1)))).toEqual([1, 0, 2]);
});

const anyShared: fc.Arbitrary<Shared> = fc.record({
  model: fc.string({ maxLength: 50 }),
  demo: fc.string({ maxLength: 50 }),
  frame: fc.nat(1000),
  manual: fc.boolean(),
  prompts: fc.array(anyPrompt, { maxLength: 4 }),
  view: fc.record({ zoom: fc.double({ min: 0.1, max: 20, noNaN: true }), x: number, y: number }),
  look: anyLook,
});

test('a share link gives back what was shared, in characters that no program changes', async () => {
  await fc.assert(
    fc.asyncProperty(anyShared, async (shared) => {
      const hash = await hashOf(shared);
      expect(hash).toMatch(/^#share=1\.[A-Za-z0-9_-]+$/);
      expect(await sharedOf(hash)).toEqual(shared);
    }),
  );
});

const shared: Shared = {
  model: 'micro',
  demo: 'wrist',
  frame: 3,
  manual: false,
  prompts: [{ kind: 'point', structure: 0, at: { x: 120, y: 80 }, inside: true }],
  view: { zoom: 1, x: 0.5, y: 0.5 },
  look: example.settings.look,
};

test('an address without a share is none, and a link that is cut, forged or newer is refused', async () => {
  const hash = await hashOf(shared);
  console.log(`a link with one point takes ${hash.length} characters`);
  expect(await sharedOf('')).toBeNull();
  expect(await sharedOf('#help')).toBeNull();
  await expect(sharedOf(hash.slice(0, -9))).rejects.toThrow('damaged');
  await expect(sharedOf('#share=1.')).rejects.toThrow('damaged');
  await expect(sharedOf('#share=1.%%%')).rejects.toThrow('damaged');
  await expect(sharedOf(hash.replace('share=1', 'share=2'))).rejects.toThrow('newer');
  const forged = await hashOf({ ...shared, frame: -1 });
  await expect(sharedOf(forged)).rejects.toThrow('damaged');
});

test('a link that unpacks to more than any link holds is refused', async () => {
  const bomb = await hashOf({ ...shared, model: 'a'.repeat(2 << 20) });
  expect(bomb.length).toBeLessThan(4000);
  await expect(sharedOf(bomb)).rejects.toThrow('damaged');
});

test('prompts too many for a link are refused with another way', async () => {
  const path = Array.from({ length: 3000 }, (_, at): [number, number] => [Math.sin(at) * 100, Math.cos(at * 1.7) * 100]);
  const many = hashOf({ ...shared, prompts: [{ kind: 'stroke', structure: 0, path, radius: 8, inside: true }] });
  await expect(many).rejects.toThrow('Save the project as a file');
});
