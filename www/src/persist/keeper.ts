// Keeps one work as it changes: a moment after each change, at the latest a second after the first that is not kept yet, and at once when
// the page goes away.

import { reasonOf, type Library } from './library';
import type { KeptFile, KeptFrame, WorkHead } from './work';

export type KeepStatus =
  | { kind: 'nothing' }
  | { kind: 'saving' }
  /** `with_files`: a reload brings the picture or cine back too. */
  | { kind: 'kept'; at: Date; with_files: boolean }
  | { kind: 'not-kept'; reason: string };

/** A work as it is now. A frame that did not change is the same value as before. */
export interface Snapshot {
  head: Omit<WorkHead, 'files' | 'model_file'>;
  frames: ReadonlyMap<number, KeptFrame>;
  /** Copies that may be kept; empty where they may not, or there are none. */
  files: readonly KeptFile[];
  model_file: KeptFile | null;
}

/** Of several changes within this time only the last is written, in ms. */
const DEBOUNCE = 250;
/** No change waits longer. */
export const MAX_WAIT = 1000;
/** Larger sources and models stay where they are. */
export const MAX_FILES_SIZE = 200e6;

export class Keeper {
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** When the oldest change that waits was made. */
  private since: number | null = null;
  private waiting: (() => Promise<Snapshot | null>) | null = null;
  private writing: Promise<void> = Promise.resolve();
  /** What is kept of the frames of the work that is written. */
  private written = new Map<number, KeptFrame>();
  private writtenId: string | null = null;
  /** Files that are kept, and those that found no room. */
  private readonly files = new Map<string, 'kept' | 'no room'>();

  constructor(
    private readonly library: Library,
    private readonly onStatus: (status: KeepStatus) => void,
  ) {}

  /** `gather` gives the work as it is when it is written; null where there is nothing to keep. */
  save(gather: () => Promise<Snapshot | null>): void {
    this.waiting = gather;
    const now = Date.now();
    this.since ??= now;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), Math.max(0, Math.min(DEBOUNCE, this.since + MAX_WAIT - now)));
  }

  get unsaved(): boolean {
    return this.since !== null;
  }

  /** Writes what waits at once; settles when all is written or has failed, which the status says. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.writing = this.writing.then(() => this.writeWaiting());
    return this.writing;
  }

  /** These frames are kept already: only others will be written. */
  resume(id: string, frames: Iterable<KeptFrame>): void {
    this.writtenId = id;
    this.written = new Map([...frames].map((frame) => [frame.frame, frame]));
  }

  /** What waits is dropped, and nothing is taken for kept any more. */
  async forget(): Promise<void> {
    clearTimeout(this.timer);
    this.waiting = null;
    this.since = null;
    await this.writing;
    this.written.clear();
    this.files.clear();
  }

  private async writeWaiting(): Promise<void> {
    const gather = this.waiting;
    if (gather === null) return;
    this.waiting = null;
    this.since = null;
    try {
      const snapshot = await gather();
      if (snapshot === null) return;
      this.onStatus({ kind: 'saving' });
      this.onStatus({ kind: 'kept', at: snapshot.head.saved, with_files: await this.write(snapshot) });
    } catch (error) {
      this.onStatus({ kind: 'not-kept', reason: reasonOf(error) });
    }
  }

  private async write(snapshot: Snapshot): Promise<boolean> {
    try {
      return await this.writeWith(snapshot, true);
    } catch (error) {
      if (snapshot.files.length === 0 && snapshot.model_file === null) throw error;
      // The prompts and masks are worth more than copies of files that the person still has.
      for (const { key } of [...snapshot.files, ...(snapshot.model_file ? [snapshot.model_file] : [])]) if (this.files.get(key) !== 'kept') this.files.set(key, 'no room');
      return this.writeWith(snapshot, false);
    }
  }

  /** Head, frames and files in one piece. True where the work comes back whole. */
  private async writeWith({ head, frames, files, model_file }: Snapshot, withNew: boolean): Promise<boolean> {
    const before = this.writtenId === head.id ? this.written : new Map<number, KeptFrame>();
    const roomFor = (all: readonly KeptFile[]) =>
      all.reduce((sum, { file }) => sum + file.size, 0) <= MAX_FILES_SIZE && all.every(({ key }) => (withNew ? this.files.get(key) !== 'no room' : this.files.get(key) === 'kept'));
    const kept = roomFor(files) ? files : [];
    const model = model_file !== null && roomFor([model_file]) ? model_file : null;
    const all = model === null ? kept : [...kept, model];
    await this.library.write({
      head: { ...head, files: kept.map(({ key }) => key), model_file: model?.key ?? null },
      frames: [...frames.values()].filter((frame) => before.get(frame.frame) !== frame),
      emptied: [...before.keys()].filter((frame) => !frames.has(frame)),
      files: all.filter(({ key }) => this.files.get(key) !== 'kept'),
    });
    for (const { key } of all) this.files.set(key, 'kept');
    this.writtenId = head.id;
    this.written = new Map(frames);
    return kept.length > 0 || head.project.source?.kind === 'demo';
  }
}
