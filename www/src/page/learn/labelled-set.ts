// Labelled frames in the folders that a trainer reads, as one archive, and back: Train/imgs, Train/gts, dataset.json.

import { decode } from 'fast-png';
import { unzipSync } from 'fflate';
import { disclaimer } from '../../export/disclaimer';
import { stem } from '../../export/names';
import { classIdsOfLabel, withMask, withStructure, type Labels, NO_LABELS, withColor } from '../../learn/labels';
import { wholeOf } from '../../shared/geometry';
import { failed } from '../../shared/messages';
import { runsOf } from '../../shared/runs';
import type { App } from '../app';
import { openPictures } from '../sources/pictures';
import { hex, rgbOf } from '../stage/colors';
import { frameNameOf } from '../work/answered';
import type { Learning } from './learning';
import type { SavedFile } from '../work/exports';
import { writer } from '../work/writer/client';

/** The labels of the open source, with their pictures. */
export async function labelledSet({ store, session }: App): Promise<SavedFile> {
  const { state } = store;
  const { finite } = session;
  const { labels } = state.history.present;
  if (finite === null || labels.frames.size === 0) throw failed('learn', 'Nothing is labelled yet.', 'Outline a structure on a frame first.');
  const names = labels.structures.map(({ name }) => name);
  const comment = disclaimer('labels by the person who made them');
  await writer().ask({ type: 'begin-dataset' });
  for (const [frame, label] of [...labels.frames].sort(([a], [b]) => a - b)) {
    const { picture } = await finite.frame(frame);
    const structures = names.map((name, structure) => ({ structure, present: label.masks.has(name), iou: 1, object_score: null }));
    const runs = runsOf(classIdsOfLabel(label, names));
    const one = { frame, time_s: null, name: frameNameOf(state, frame), made_by: 'reviewed' as const, structures, size: label.size, crop: wholeOf(label.size), runs };
    await writer().ask({ type: 'add-to-dataset', picture, frame: one, spacing_mm: null, comment }, undefined, [picture]);
  }
  const structures = labels.structures.map(({ name, color }) => ({ name, color: rgbOf(color) }));
  const provenance = `${finite.name}, labelled by the person who made it. ${comment}`;
  const blob = await writer().ask({ type: 'end-dataset', origin: { structures: names, training_data: provenance, created: new Date() }, description: { structures, provenance } });
  return { name: `${stem(finite.name)}_labels.zip`, blob };
}

/** Opens an archive of labelled pictures: they become the source, and their labels the person's own. */
export async function openLabelledSet({ opening, edits, session }: App, learning: Learning, archive: File): Promise<void> {
  const refused = (why: string) => failed('learn', `“${archive.name}” is no labelled set: ${why}.`, 'It has pictures in Train/imgs and, under the same names, labels in Train/gts whose grey values are class ids.');
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(new Uint8Array(await archive.arrayBuffer()));
  } catch {
    throw refused('it cannot be unpacked');
  }
  const inFolder = (folder: string) => new Map(Object.entries(entries).flatMap(([path, bytes]) => {
    const name = new RegExp(`(?:^|/)${folder}/([^/]+)$`).exec(path)?.[1];
    return name === undefined ? [] : [[stem(name), { name, bytes }] as const];
  }));
  const [pictures, masks] = [inFolder('Train/imgs'), inFolder('Train/gts')];
  const pairs = [...pictures].filter(([key]) => masks.has(key)).sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  if (pairs.length === 0) throw refused('no picture in it has a label');
  const files = pairs.map(([, { name, bytes }]) => new File([new Uint8Array(bytes)], name, { type: /png$/i.test(name) ? 'image/png' : 'image/jpeg' }));
  const decoded = pairs.map(([key]) => decode(masks.get(key)!.bytes));
  if (decoded.some(({ channels, depth }) => channels !== 1 || depth !== 8)) throw refused('a label is not an 8-bit grey PNG');
  const labels = labelsOf(decoded.map(({ width, height, data }) => ({ width, height, class_ids: new Uint8Array(data) })), described(entries));
  const opened = await opening.openGroup({ name: archive.name, files, open: () => openPictures(files) });
  if (!opened || session.finite === null) return;
  edits.setLabels(labels);
  learning.choose(labels.structures[0]?.name ?? null);
}

interface Described {
  name: string;
  color: number[];
}

function described(entries: Record<string, Uint8Array>): Described[] {
  const bytes = Object.entries(entries).find(([path]) => /(^|\/)dataset\.json$/.test(path))?.[1];
  if (bytes === undefined) return [];
  try {
    return (JSON.parse(new TextDecoder().decode(bytes)) as { structures?: Described[] }).structures ?? [];
  } catch {
    return [];
  }
}

/** Every structure counts as looked at on every picture: a class id that is nowhere on one is absent there. White alone is one structure. */
function labelsOf(maps: readonly { width: number; height: number; class_ids: Uint8Array<ArrayBuffer> }[], names: readonly Described[]): Labels {
  const blackAndWhite = maps.every(({ class_ids }) => class_ids.every((id) => id === 0 || id === 255));
  const count = Math.max(names.length, blackAndWhite ? 1 : maps.reduce((most, { class_ids }) => class_ids.reduce((a, b) => Math.max(a, b), most), 0));
  let labels = NO_LABELS;
  for (let structure = 0; structure < count; structure++) {
    const { name = `structure ${structure + 1}`, color } = names[structure] ?? {};
    labels = withStructure(labels, name) ?? labels;
    if (color !== undefined) labels = withColor(labels, name, hex(color));
  }
  maps.forEach(({ width, height, class_ids }, frame) => {
    labels.structures.forEach(({ name }, structure) => {
      const mask = class_ids.map((id) => Number(id === (blackAndWhite ? 255 : structure + 1)));
      labels = withMask(labels, frame, { width, height }, name, runsOf(mask));
    });
  });
  return labels;
}
