// All works that are kept in this browser.

import { ProjectError } from '../project/file';
import type { Key, Records } from './records';
import { KEPT_VERSION, type KeptFile, type KeptFrame, type Settings, type WorkHead } from './work';

const SETTINGS: Key = ['settings'];

export interface WorkChange {
  head: WorkHead;
  /** Frames that differ from what is kept, and those that have nothing any more. */
  frames: readonly KeptFrame[];
  emptied: readonly number[];
  /** Files that are not kept yet. */
  files: readonly KeptFile[];
}

export class Library {
  constructor(private readonly records: Records) {}

  /** The newest first. Those of a later version are left alone. */
  async works(): Promise<WorkHead[]> {
    const works = (await this.records.list(['work'])) as WorkHead[];
    return works.filter(({ version }) => version <= KEPT_VERSION).sort((a, b) => b.saved.getTime() - a.saved.getTime());
  }

  async frames(id: string): Promise<KeptFrame[]> {
    return (await this.records.list(['frame', id])) as KeptFrame[];
  }

  async has(id: string): Promise<boolean> {
    return (await this.records.get(['work', id])) !== undefined;
  }

  async file(key: string): Promise<File | null> {
    return ((await this.records.get(['file', key])) as KeptFile | undefined)?.file ?? null;
  }

  /** All of the source's files; null where one is not kept. */
  async filesOf({ files }: WorkHead): Promise<File[] | null> {
    const found = await Promise.all(files.map((key) => this.file(key)));
    return found.length === 0 || found.includes(null) ? null : (found as File[]);
  }

  write({ head, frames, emptied, files }: WorkChange): Promise<void> {
    const puts: [Key, unknown][] = [
      [['work', head.id], head],
      ...frames.map((frame): [Key, unknown] => [['frame', head.id, frame.frame], frame]),
      ...files.map((file): [Key, unknown] => [['file', file.key], file]),
    ];
    return this.records.change(puts, emptied.map((frame) => ['frame', head.id, frame]));
  }

  async remove(id: string): Promise<void> {
    await this.records.change([], [['work', id], ['frame', id]]);
    await this.sweep();
  }

  /** A person's own, kept for themselves and not for a work. */
  async models(): Promise<KeptFile[]> {
    return (await this.records.list(['model'])) as KeptFile[];
  }

  async keepModel(model: KeptFile): Promise<void> {
    await this.records.change([[['model', model.key], model]]);
  }

  async removeModel(key: string): Promise<void> {
    await this.records.change([], [['model', key]]);
  }

  /** Takes the copies of sources away and leaves the works. */
  async removeFiles(): Promise<void> {
    const works = await this.works();
    await this.records.change(works.map((head): [Key, unknown] => [['work', head.id], { ...head, files: [] }]));
    await this.sweep();
  }

  async clear(): Promise<void> {
    await this.records.change([], [[]]);
  }

  async settings(): Promise<Settings> {
    return ((await this.records.get(SETTINGS)) as Settings | undefined) ?? { keep_files: false };
  }

  async setSettings(settings: Settings): Promise<void> {
    await this.records.change([[SETTINGS, settings]]);
  }

  /** Away with files that no work names. */
  private async sweep(): Promise<void> {
    const named = new Set((await this.works()).flatMap(({ files, model_file }) => [...files, model_file]));
    const files = (await this.records.list(['file'])) as KeptFile[];
    await this.records.change([], files.filter(({ key }) => !named.has(key)).map(({ key }) => ['file', key]));
  }
}

/** Why something could not be kept, in words that end a sentence. */
export function reasonOf(error: unknown): string {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'QuotaExceededError') return 'the browser’s storage for this page is full. Save the project as a file instead, or delete earlier work below';
  if (error instanceof ProjectError) return error.message;
  return `the browser does not let this page store it (${error instanceof Error ? error.message : String(error)}). Save the project as a file instead`;
}
