// What a person labelled: structures of their own, and where they are on frames. Plain values; nothing here draws or computes.

import type { Size } from '../shared/geometry';
import { classIdsOf, type Runs } from '../shared/runs';

export interface OwnStructure {
  name: string;
  /** `#rrggbb`. */
  color: string;
}

/** Where structures are on one frame, by their names: run lengths of the whole frame, 1 inside. One without a pixel is said to be absent. */
export interface FrameLabel {
  size: Size;
  masks: ReadonlyMap<string, Runs>;
}

export interface Labels {
  structures: readonly OwnStructure[];
  /** By the index of the frame. */
  frames: ReadonlyMap<number, FrameLabel>;
}

export const NO_LABELS: Labels = { structures: [], frames: new Map() };

/** Told apart with any colour vision (Okabe and Ito), beside the colours that models bring. */
const COLORS = ['#009e73', '#cc79a7', '#f0e442', '#d55e00', '#56b4e9', '#e69f00', '#0072b2'];

/** One more structure; null where its name is empty or taken, whatever its case. */
export function withStructure(labels: Labels, name: string): Labels | null {
  const text = name.trim();
  const taken = labels.structures.some((known) => known.name.toLowerCase() === text.toLowerCase());
  if (text === '' || taken) return null;
  const color = COLORS[labels.structures.length % COLORS.length]!;
  return { ...labels, structures: [...labels.structures, { name: text, color }] };
}

export function withColor(labels: Labels, name: string, color: string): Labels {
  return { ...labels, structures: labels.structures.map((known) => (known.name === name ? { name, color } : known)) };
}

/** Without the structure and all its masks. */
export function withoutStructure(labels: Labels, name: string): Labels {
  const frames = [...labels.frames].map(([frame, label]) => [frame, without(label, name)] as const);
  return { structures: labels.structures.filter((known) => known.name !== name), frames: new Map(frames.filter(([, { masks }]) => masks.size > 0)) };
}

export function withMask(labels: Labels, frame: number, size: Size, name: string, mask: Runs): Labels {
  const masks = new Map(labels.frames.get(frame)?.masks).set(name, mask);
  return { ...labels, frames: new Map(labels.frames).set(frame, { size, masks }) };
}

export function withoutMask(labels: Labels, frame: number, name: string): Labels {
  const label = labels.frames.get(frame);
  if (label === undefined) return labels;
  const frames = new Map(labels.frames).set(frame, without(label, name));
  if (frames.get(frame)!.masks.size === 0) frames.delete(frame);
  return { ...labels, frames };
}

function without({ size, masks }: FrameLabel, name: string): FrameLabel {
  return { size, masks: new Map([...masks].filter(([known]) => known !== name)) };
}

/** Pixels inside. */
export function areaOf(mask: Runs): number {
  return mask.reduce((sum, run) => sum + ((run & 255) !== 0 ? run >>> 8 : 0), 0);
}

/** The class ids of a whole frame, `i + 1` where the structure `names[i]` is; a later one lies over those before it. */
export function classIdsOfLabel({ size, masks }: FrameLabel, names: readonly string[]): Uint8Array<ArrayBuffer> {
  const class_ids = new Uint8Array(size.width * size.height);
  names.forEach((name, structure) => {
    const mask = masks.get(name);
    if (mask === undefined) return;
    let at = 0;
    for (const run of mask) {
      const end = at + (run >>> 8);
      if ((run & 255) !== 0) class_ids.fill(structure + 1, at, end);
      at = end;
    }
  });
  return class_ids;
}

/** One structure of an answer as a mask of its own. */
export function maskFrom(runs: Runs, crop: [number, number, number, number], size: Size, structure: number): Uint8Array<ArrayBuffer> {
  const class_ids = classIdsOf(runs, crop, size);
  for (let at = 0; at < class_ids.length; at++) class_ids[at] = class_ids[at] === structure + 1 ? 1 : 0;
  return class_ids;
}
