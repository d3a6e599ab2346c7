// Many files as one download.

import { zipSync } from 'fflate';

/** A ZIP archive of these files by name, stored as they are: pictures do not get smaller. */
export function zipOf(files: ReadonlyMap<string, Uint8Array>): Blob {
  return new Blob([zipSync(Object.fromEntries(files), { level: 0 })], { type: 'application/zip' });
}
