// Where a browser keeps files for a site: the origin's private file system, or IndexedDB where that cannot be written from a page.

import { createStore, del, get, keys, set } from 'idb-keyval';

/** Files by name. A write that is cut off leaves what was there before. */
export interface BlobStore {
  read(name: string): Promise<Blob | null>;
  write(name: string, content: Blob): Promise<void>;
  remove(name: string): Promise<void>;
  names(): Promise<string[]>;
}

const FOLDER = 'sam2rad';

/** The best store that this browser lets the page have. Throws where it lets it have none. */
export async function openBlobStore(): Promise<BlobStore> {
  return (await openPrivateFiles()) ?? openIndexedDb();
}

/** Null where the browser has no private file system, or one that only workers write. */
export async function openPrivateFiles(): Promise<BlobStore | null> {
  if (!('storage' in navigator) || typeof FileSystemFileHandle === 'undefined') return null;
  if (!('createWritable' in FileSystemFileHandle.prototype)) return null;
  let folder: FileSystemDirectoryHandle;
  try {
    folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
  } catch {
    return null;
  }
  const ifFound = <T>(found: Promise<T>): Promise<T | null> =>
    found.catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'NotFoundError') return null;
      throw error;
    });
  return {
    read: async (name) => (await ifFound(folder.getFileHandle(name)))?.getFile() ?? null,
    // What is written goes to a file of its own, which takes the old one's place when it is closed.
    async write(name, content) {
      const file = await folder.getFileHandle(name, { create: true });
      await content.stream().pipeTo(await file.createWritable());
    },
    remove: async (name) => void (await ifFound(folder.removeEntry(name))),
    async names() {
      const names: string[] = [];
      for await (const name of folder.keys()) names.push(name);
      return names;
    },
  };
}

/** Each write is a transaction: all of it or nothing. */
export async function openIndexedDb(): Promise<BlobStore> {
  const store = createStore(FOLDER, 'files');
  await keys(store); // fails here, not at the first write, where the browser denies it
  return {
    read: async (name) => (await get<Blob>(name, store)) ?? null,
    write: (name, content) => set(name, content, store),
    remove: (name) => del(name, store),
    names: () => keys<string>(store),
  };
}
