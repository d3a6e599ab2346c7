// How a project knows its source again without holding it.

import type { FileIdentity } from './schema';

const HEAD = 1 << 20;

/** A file's name, size and the SHA-256 of its first MiB: enough to tell one recording from another, and quick on any size. */
export async function identityOf(file: File): Promise<FileIdentity> {
  return { name: file.name, size: file.size, sha256_first_mib: await sha256(file.slice(0, HEAD)) };
}

/** Whether a file is the one that a project was made on, whatever it is called now. */
export async function isFile(identity: FileIdentity, file: File): Promise<boolean> {
  return file.size === identity.size && (await identityOf(file)).sha256_first_mib === identity.sha256_first_mib;
}

/** In hexadecimal digits. */
export async function sha256(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
