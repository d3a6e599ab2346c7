// What ships with the page: demo cines and models, each folder with an index. Either may be empty.

import { failed, messageOf, type ModelOrigin } from '../../shared/messages';

export interface DemoEntry {
  name: string;
  title: string;
  file: string;
  /** Name of the shipped model that fits it. */
  model: string;
  spacing_mm?: number;
}

export interface ModelEntry {
  name: string;
  title: string;
  file: string;
  bytes: number;
  sha256: string;
}

export interface Shipped {
  demos: DemoEntry[];
  models: ModelEntry[];
}

export function originOf({ file, title, bytes, sha256 }: ModelEntry): Extract<ModelOrigin, { kind: 'shipped' }> {
  return { kind: 'shipped', name: title, url: new URL(`models/${file}`, document.baseURI).href, bytes, sha256 };
}

export async function listShipped(): Promise<Shipped> {
  const [demos, models] = await Promise.all([index<DemoEntry>('demo/'), index<ModelEntry>('models/')]);
  return { demos, models };
}

export async function fetchDemo({ file, title }: DemoEntry): Promise<Blob> {
  const response = await fetch(`demo/${file}`).catch((error: unknown) => messageOf(error));
  if (response instanceof Response && response.ok) return response.blob();
  const reason = response instanceof Response ? `the server answered ${response.status}` : response;
  throw failed('picture', `The demo “${title}” could not be fetched: ${reason}.`, 'Check the connection and try again.');
}

async function index<T>(folder: string): Promise<T[]> {
  try {
    const response = await fetch(`${folder}index.json`);
    return response.ok ? ((await response.json()) as T[]) : [];
  } catch {
    return [];
  }
}
