// Which model is at work, as a work names it.

import { sha256 } from '../../project/identity';
import type { Project } from '../../project/schema';
import { nameOf } from '../../shared/messages';
import type { ModelEntry } from '../sources/shipped';
import type { State } from '../state';

const hashes = new WeakMap<File, Promise<string>>();

/** Null without a model. A file's hash is computed once. */
export async function modelIdentity({ model, shipped }: State): Promise<Project['model']> {
  if (model.kind !== 'ready') return null;
  const { origin, card } = model;
  const structures = card.structures.map(({ name, color }) => ({ name, color }));
  const hash = origin.kind === 'shipped' ? shippedEntry(shipped.models, origin.url)?.sha256 || null : await hashOfModel(origin.file);
  return { name: nameOf(origin), sha256: hash, structures, image_size: card.image_size };
}

export function hashOfModel(file: File): Promise<string> {
  const hash = hashes.get(file) ?? sha256(file);
  hashes.set(file, hash);
  return hash;
}

/** The model at its image size: masks of one are not those of another. */
export async function modelKey(state: State): Promise<string | null> {
  return keyOf(await modelIdentity(state));
}

export function keyOf(model: Project['model']): string | null {
  return model && `${model.sha256 ?? model.name} at ${model.image_size ?? 'its own size'}`;
}

export function shippedEntry(models: readonly ModelEntry[], url: string): ModelEntry | undefined {
  return models.find(({ file }) => new URL(`models/${file}`, document.baseURI).href === url);
}

/** By the hash, or by the name where one of them has none. */
export function isSameModel(a: Project['model'], b: Project['model']): boolean {
  if (a === null || b === null) return false;
  return a.sha256 !== null && b.sha256 !== null ? a.sha256 === b.sha256 : a.name === b.name;
}
