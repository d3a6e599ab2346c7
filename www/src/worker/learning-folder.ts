// What a training needs to go on after a reload or a crash, in the browser's private files (OPFS): the base model, the labelled frames,
// two checkpoints of which one is whole at any time, the curve, and the best network so far.

import { failed, messageOf } from '../shared/messages';
import type { LearningLog, LearningTask, LessonFrame } from '../shared/learning';
import { LEARNING_FOLDER, TASK_FILE } from '../shared/private-files';

// TypeScript's library for pages lacks what only workers have.
interface SyncAccess { truncate(size: number): void; write(bytes: Uint8Array<ArrayBuffer>, options: { at: number }): number; flush(): void; close(): void }
type WorkerFileHandle = FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncAccess> };

const MODEL = 'base.safetensors';
const FRAMES = 'frames.bin';
const LOG = 'log.json';
const BEST = 'best.safetensors';
const CHECKPOINTS = ['checkpoint-0', 'checkpoint-1'] as const;

export class LearningFolder {
  private saves = 0;

  private constructor(private readonly folder: FileSystemDirectoryHandle) {}

  static async at(): Promise<LearningFolder> {
    try {
      const root = await navigator.storage.getDirectory();
      return new LearningFolder(await root.getDirectoryHandle(LEARNING_FOLDER, { create: true }));
    } catch (error) {
      throw failed('learn', `The browser lets this page store nothing: ${messageOf(error)}.`, 'A private window may be the reason; without storage nothing can be learnt.');
    }
  }

  async begin(task: LearningTask, model: Uint8Array<ArrayBuffer>, frames: LessonFrame[]): Promise<{ task: LearningTask; model: Uint8Array<ArrayBuffer>; frames: LessonFrame[]; log: LearningLog }> {
    for (const name of [TASK_FILE, LOG, BEST, ...CHECKPOINTS]) await this.folder.removeEntry(name).catch(() => undefined);
    await this.write(MODEL, model);
    await this.write(FRAMES, ...frames.flatMap(({ rgba, class_ids }) => [rgba, class_ids]));
    const log: LearningLog = { plan: null, steps: [], validations: [], seconds: 0 };
    await this.write(LOG, json(log));
    // The last: a folder with a task is whole.
    await this.write(TASK_FILE, json(task));
    return { task, model, frames, log };
  }

  async open(): Promise<{ task: LearningTask; model: Uint8Array<ArrayBuffer>; frames: LessonFrame[]; log: LearningLog }> {
    const text = async (name: string) => new TextDecoder().decode(await this.read(name));
    try {
      const task = JSON.parse(await text(TASK_FILE)) as LearningTask;
      const log = JSON.parse(await text(LOG)) as LearningLog;
      const pixels = await this.read(FRAMES);
      let at = 0;
      const take = (bytes: number) => pixels.slice(at, (at += bytes));
      const frames = task.frames.map((frame): LessonFrame => ({ ...frame, rgba: take(4 * frame.width * frame.height), class_ids: take(frame.width * frame.height) }));
      return { task, log, frames, model: await this.read(MODEL) };
    } catch (error) {
      throw failed('learn', `The learning that was broken off cannot go on: ${messageOf(error)}.`, 'Its labels are kept with the work: learn again.');
    }
  }

  /** The newest first. */
  async checkpoints(): Promise<Uint8Array<ArrayBuffer>[]> {
    const found: { at: number; file: File }[] = [];
    for (const name of CHECKPOINTS) {
      const file = await this.folder.getFileHandle(name).then((handle) => handle.getFile()).catch(() => null);
      if (file !== null) found.push({ at: file.lastModified, file });
    }
    found.sort((a, b) => b.at - a.at);
    // The next one is written over the older of the two.
    this.saves = found[0]?.file.name === CHECKPOINTS[0] ? 1 : 0;
    return Promise.all(found.map(async ({ file }) => new Uint8Array(await file.arrayBuffer())));
  }

  /** Over the older of the two checkpoints. */
  async save(checkpoint: Uint8Array<ArrayBuffer>, log: LearningLog): Promise<void> {
    await this.write(LOG, json(log));
    await this.write(CHECKPOINTS[this.saves++ % 2]!, checkpoint);
  }

  async keepBest(model: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.write(BEST, model);
  }

  async best(): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.read(BEST).catch(() => null);
  }

  private async read(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const handle = await this.folder.getFileHandle(name);
    return new Uint8Array(await (await handle.getFile()).arrayBuffer());
  }

  /** In place: a file that is cut off while it is written is shorter than it says. */
  private async write(name: string, ...parts: Uint8Array<ArrayBuffer>[]): Promise<void> {
    const handle = await this.folder.getFileHandle(name, { create: true });
    const access = await (handle as WorkerFileHandle).createSyncAccessHandle();
    try {
      access.truncate(0);
      let at = 0;
      for (const part of parts) at += access.write(part, { at });
      access.flush();
    } catch (error) {
      throw failed('learn', `The browser has no room for the learning's checkpoint: ${messageOf(error)}.`, 'Free some space on this machine, and go on.');
    } finally {
      access.close();
    }
  }
}

function json(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}
