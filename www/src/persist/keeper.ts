// Keeps a person's work in the browser, and gives it back after a reload or a crash.

import { ProjectError, readProject, writeProject } from '../project/file';
import type { Project } from '../project/schema';
import type { BlobStore } from './blob-store';

/** What is kept: the project, and the files that it was made with where they are small enough. */
export interface Work {
  project: Project;
  files: readonly File[];
  /** A person's own model; one that ships is found again by its hash. */
  model: File | null;
}

export type KeepStatus =
  | { kind: 'nothing' }
  /** Not now, for a reason that is no failure. */
  | { kind: 'paused'; reason: string }
  | { kind: 'saving' }
  /** `with_files`: a reload brings the picture or cine back too. */
  | { kind: 'kept'; at: Date; with_files: boolean }
  | { kind: 'not-kept'; reason: string };

/** Larger sources and models stay where they are; the project is kept all the same. */
export const MAX_FILES_SIZE = 200e6;
/** Work is written this long after its last change, in ms. */
const DEBOUNCE = 500;
const MANIFEST = 'work.json';

interface KeptFile {
  kept_as: string;
  name: string;
  type: string;
}

interface Manifest {
  project: Project;
  files: KeptFile[];
  model: KeptFile | null;
}

export class Keeper {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private waiting: (() => Promise<Work>) | null = null;
  private writing: Promise<void> = Promise.resolve();
  /** Where each file is; null for one that found no room, which is not tried again with every change of the work. */
  private kept = new Map<File, KeptFile | null>();

  constructor(
    private readonly store: BlobStore,
    private readonly onStatus: (status: KeepStatus) => void,
  ) {}

  /** Keeps the work as it is a moment from now; of several calls within that moment only the last counts. */
  save(gather: () => Promise<Work>): void {
    this.waiting = gather;
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
    const { project, files, model } = readManifest(text);
    const read = await Promise.all(files.map((file) => this.read(file)));
    const whole = read.filter((file) => file !== null);
    return { project, files: whole.length === files.length ? whole : [], model: model === null ? null : await this.read(model) };
  }

  /** Forgets all work. */
  async clear(): Promise<void> {
    clearTimeout(this.timer);
    this.waiting = null;
    this.writing = this.writing.then(async () => {
      this.kept.clear();
      for (const name of [MANIFEST, ...(await this.store.names())]) await this.store.remove(name);
      this.onStatus({ kind: 'nothing' });
    });
    await this.writing;
  }

  private async read(file: KeptFile): Promise<File | null> {
    const blob = await this.store.read(file.kept_as);
    if (blob === null) return null;
    const read = new File([blob], file.name, { type: file.type });
    this.kept.set(read, file);
    return read;
  }

  private async writeWaiting(): Promise<void> {
    const gather = this.waiting;
    if (gather === null) return;
    this.waiting = null;
    this.onStatus({ kind: 'saving' });
    try {
      this.onStatus({ kind: 'kept', at: new Date(), with_files: await this.write(await gather()) });
    } catch (error) {
      this.onStatus({ kind: 'not-kept', reason: reasonOf(error) });
    }
  }

  /** Files first, then the manifest in one piece, then away with what it no longer names: cut off anywhere, the old work or the new is whole. */
  private async write({ project, files, model }: Work): Promise<boolean> {
    let manifest: Manifest = { project, files: await this.writeFiles(files), model: model === null ? null : ((await this.writeFiles([model]))[0] ?? null) };
    try {
      await this.writeManifest(manifest);
    } catch (error) {
      // The prompts and masks are worth more than copies of files that the person still has.
      if (manifest.files.length === 0 && manifest.model === null) throw error;
      manifest = { project, files: [], model: null };
      this.kept = new Map([...files, ...(model === null ? [] : [model])].map((file) => [file, null]));
      await this.sweep(manifest);
      await this.writeManifest(manifest);
    }
    await this.sweep(manifest);
    return manifest.files.length === files.length && (manifest.model === null) === (model === null);
  }

  /** All of these files or none. */
  private async writeFiles(files: readonly File[]): Promise<KeptFile[]> {
    if (files.reduce((sum, { size }) => sum + size, 0) > MAX_FILES_SIZE) return [];
    const written: KeptFile[] = [];
    for (const file of files) {
      if (!this.kept.has(file)) this.kept.set(file, await this.writeFile(file));
      const kept = this.kept.get(file);
      if (kept) written.push(kept);
    }
    return written.length === files.length ? written : [];
  }

  /** Null where there is no room. */
  private async writeFile(file: File): Promise<KeptFile | null> {
    const kept_as = `file-${crypto.randomUUID()}`;
    try {
      await this.store.write(kept_as, file);
      return { kept_as, name: file.name, type: file.type };
    } catch {
      return null;
    }
  }

  private async writeManifest({ project, files, model }: Manifest): Promise<void> {
    await this.store.write(MANIFEST, new Blob([`{"files":${JSON.stringify(files)},"model":${JSON.stringify(model)},"project":${writeProject(project)}}`]));
  }

  private async sweep({ files, model }: Manifest): Promise<void> {
    const named = new Set([MANIFEST, ...files.map(({ kept_as }) => kept_as), model?.kept_as]);
    for (const [file, kept] of this.kept) if (kept !== null && !named.has(kept.kept_as)) this.kept.delete(file);
    for (const name of await this.store.names()) if (!named.has(name)) await this.store.remove(name);
  }
}

function readManifest(text: string): Manifest {
  let value: Omit<Manifest, 'project'> & { project?: unknown };
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    throw new ProjectError('not-a-project', 'The work that this browser kept cannot be read.');
  }
  return { ...value, project: readProject(JSON.stringify(value.project ?? null)) };
}

function reasonOf(error: unknown): string {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'QuotaExceededError') return 'the browser\'s storage for this page is full. Save the project as a file instead, or free some space';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'the browser does not let this page store anything. Save the project as a file instead';
  return `${error instanceof Error ? error.message : String(error)}. Save the project as a file instead`;
}
