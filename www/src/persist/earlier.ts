// The one piece of work that the page's first versions kept, in the origin's private file system.

import { readProject } from '../project/file';
import type { Project } from '../project/schema';

const FOLDER = 'sam2rad';
const MANIFEST = 'work.json';

/** Null where there is none, or none that can be read. */
export async function earlierWork(): Promise<Project | null> {
  try {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER);
    const text = await (await (await folder.getFileHandle(MANIFEST)).getFile()).text();
    return readProject(JSON.stringify((JSON.parse(text) as { project?: unknown }).project ?? null));
  } catch {
    return null;
  }
}

/** With the copies of files that lay beside it. */
export async function removeEarlierWork(): Promise<void> {
  try {
    await (await navigator.storage.getDirectory()).removeEntry(FOLDER, { recursive: true });
  } catch {
    // A browser that lets the page store nothing there has nothing there.
  }
}
