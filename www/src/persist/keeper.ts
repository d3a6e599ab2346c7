// Keeps a person's work in the browser, and gives it back after a reload or a crash.

import { ProjectError, readProject, writeProject } from '../project/file';
import type { Project } from '../project/schema';
import type { BlobStore } from './blob-store';

/** What is kept: the project, and the files that it was made on where they are small enough. */
export interface Work {
  project: Project;
  files: readonly File[];
}

export type KeepStatus =
  | { kind: 'nothing' }
  | { kind: 'saving' }
  /** `with_files`: a reload brings the picture or cine back too. */
  | { kind: 'kept'; at: Date; with_files: boolean }
  | { kind: 'not-kept'; reason: string };

/** Larger sources stay where they are; their project is kept all the same. */
export const MAX_FILES_SIZE = 200e6;
/** Work is written this long after its last change, in ms. */
const DEBOUNCE = 500;
const MANIFEST = 'work.json';

interface Manifest {
  project: Project;
  files: { kept_as: string; name: string; type: string }[];
}

export class Keeper {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private waiting: Work | null = null;
  private writing: Promise<void> = Promise.resolve();
  private kept: { files: readonly File[]; as: Manifest['files'] } = { files: [], as: [] };

  constructor(
    private readonly store: BlobStore,
    private readonly onStatus: (status: KeepStatus) => void,
  ) {}

  /** Keeps this work a moment from now; of several calls within that moment only the last counts. */
  save(work: Work): void {
    this.waiting = work;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), DEBOUNCE);
  }

  /** Writes what waits at once; settles when all is written or has failed, which the status says. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.writing = this.writing.then(() => this.writeWaiting());
    return this.writing;
  }

  /** The work that was kept last, null where there is none. Throws a {@link ProjectError} where it cannot be read; it stays until new work replaces it. */
  async load(): Promise<Work | null> {
    const text = await (await this.store.read(MANIFEST))?.text();
    if (text === undefined) return null;
    const { project, files: as } = readManifest(text);
    const files: File[] = [];
    for (const { kept_as, name, type } of as) {
      const blob = await this.store.read(kept_as);
      if (blob !== null) files.push(new File([blob], name, { type }));
    }
    const whole = files.length === as.length ? files : [];
    this.kept = { files: whole, as: whole.length > 0 ? as : [] };
    return { project, files: whole };
  }

  /** Forgets all work. */
  async clear(): Promise<void> {
    clearTimeout(this.timer);
    this.waiting = null;
    this.writing = this.writing.then(async () => {
      this.kept = { files: [], as: [] };
      for (const name of [MANIFEST, ...(await this.store.names())]) await this.store.remove(name);
      this.onStatus({ kind: 'nothing' });
    });
    await this.writing;
  }

  private async writeWaiting(): Promise<void> {
    const work = this.waiting;
    if (work === null) return;
    this.waiting = null;
    this.onStatus({ kind: 'saving' });
    try {
      const small = work.files.reduce((sum, { size }) => sum + size, 0) <= MAX_FILES_SIZE;
      const withFiles = await this.write(work.project, small ? work.files : []);
      this.onStatus({ kind: 'kept', at: new Date(), with_files: withFiles });
    } catch (error) {
      this.onStatus({ kind: 'not-kept', reason: reasonOf(error) });
    }
  }

  /** Files first, then the manifest in one piece, then away with what it no longer names: cut off anywhere, the old work or the new is whole. */
  private async write(project: Project, files: readonly File[]): Promise<boolean> {
    // Files that found no room are not tried again with every change of the work.
    let as = this.sameFiles(files) ? this.kept.as : await this.writeFiles(files).catch(() => []);
    const manifest = (as: Manifest['files']) => {
      const text = `{"files":${JSON.stringify(as)},"project":${writeProject(project)}}`;
      return this.store.write(MANIFEST, new Blob([text]));
    };
    try {
      await manifest(as);
    } catch (error) {
      // The prompts and masks are worth more than the copy of a file that the person still has.
      if (as.length === 0) throw error;
      as = [];
      await this.sweep(as);
      await manifest(as);
    }
    this.kept = { files, as };
    await this.sweep(as);
    return as.length > 0;
  }

  private sameFiles(files: readonly File[]): boolean {
    return files.length === this.kept.files.length && files.every((file, at) => file === this.kept.files[at]);
  }

  private async writeFiles(files: readonly File[]): Promise<Manifest['files']> {
    const as = files.map(({ name, type }) => ({ kept_as: `source-${crypto.randomUUID()}`, name, type }));
    for (const [at, { kept_as }] of as.entries()) await this.store.write(kept_as, files[at]!);
    return as;
  }

  private async sweep(as: Manifest['files']): Promise<void> {
    const named = new Set([MANIFEST, ...as.map(({ kept_as }) => kept_as)]);
    for (const name of await this.store.names()) if (!named.has(name)) await this.store.remove(name);
  }
}

function readManifest(text: string): Manifest {
  let value: { files?: unknown; project?: unknown };
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    throw new ProjectError('not-a-project', 'The work that this browser kept cannot be read.');
  }
  return { project: readProject(JSON.stringify(value.project ?? null)), files: value.files as Manifest['files'] };
}

function reasonOf(error: unknown): string {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'QuotaExceededError') return 'the browser\'s storage for this page is full. Save the project as a file instead, or free some space';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'the browser does not let this page store anything. Save the project as a file instead';
  return `${error instanceof Error ? error.message : String(error)}. Save the project as a file instead`;
}
