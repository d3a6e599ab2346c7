// How a source is known again without holding it.

import type { FileIdentity, ProjectSource } from './schema';

const HEAD = 1 << 20;

/** A file's name, size and the SHA-256 of its first MiB: enough to tell one recording from another, and quick on any size. */
export async function identityOf(file: File): Promise<FileIdentity> {
  return { name: file.name, size: file.size, sha256_first_mib: await sha256(file.slice(0, HEAD)) };
}

/** What a source consists of, as one name: the same for the same files, whatever they are called and in whatever order they come. */
export async function contentOf(source: ProjectSource): Promise<string> {
  if (source.kind === 'demo') return `demo ${source.name}`;
  return sha256(new Blob([source.files.map(keyOf).sort().join('\n')]));
}

/** Of a file's content. */
export function keyOf({ size, sha256_first_mib }: FileIdentity): string {
  return `${sha256_first_mib}-${size}`;
}

/** Where each of `before` is among `now`, which are the same files in another order. */
export function placesIn(before: readonly FileIdentity[], now: readonly FileIdentity[]): number[] {
  const places = new Map<string, number[]>();
  now.forEach((identity, at) => places.set(keyOf(identity), [...(places.get(keyOf(identity)) ?? []), at]));
  return before.map((identity) => places.get(keyOf(identity))?.shift() ?? -1);
}

/** In hexadecimal digits. */
export async function sha256(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  // Browsers have their own only on pages that came over https or from this machine.
  const digest = globalThis.crypto?.subtle ? new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)) : (await import('@noble/hashes/sha2.js')).sha256(bytes);
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
