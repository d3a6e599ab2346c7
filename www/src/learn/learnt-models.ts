// The models that were made on this device, in the browser's private files: each a model file and what the list says of it.

import type { LearntModel } from '../shared/learning';
import { LEARNING_FOLDER, MODELS_FOLDER } from '../shared/private-files';

const FILE = (id: string) => `${id}.safetensors`;
const ENTRY = (id: string) => `${id}.json`;

/** The newest first; none where the browser lets the page store nothing. */
export async function listLearntModels(): Promise<LearntModel[]> {
  const found: LearntModel[] = [];
  try {
    const folder = await modelsFolder();
    for await (const handle of folder.values()) {
      if (handle.kind !== 'file' || !handle.name.endsWith('.json')) continue;
      try {
        found.push(JSON.parse(await (await (handle as FileSystemFileHandle).getFile()).text()) as LearntModel);
      } catch {
        // A file that was cut off: its model is not listed.
      }
    }
  } catch {
    return [];
  }
  return found.sort((a, b) => (a.id < b.id ? 1 : -1));
}

/** The file before its entry: what is listed can be opened. */
export async function keepLearntModel(model: LearntModel, file: Uint8Array<ArrayBuffer>): Promise<void> {
  const folder = await modelsFolder();
  await write(folder, FILE(model.id), file);
  await write(folder, ENTRY(model.id), JSON.stringify(model));
}

/** As a file to load or to download, named after the model. */
export async function openLearntModel({ id, title }: LearntModel): Promise<File> {
  const handle = await (await modelsFolder()).getFileHandle(FILE(id));
  return new File([await handle.getFile()], fileName(title), { type: 'application/octet-stream' });
}

export async function renameLearntModel(model: LearntModel, title: string): Promise<void> {
  await write(await modelsFolder(), ENTRY(model.id), JSON.stringify({ ...model, title }));
}

export async function forgetLearntModel(id: string): Promise<void> {
  const folder = await modelsFolder();
  await folder.removeEntry(ENTRY(id));
  await folder.removeEntry(FILE(id)).catch(() => undefined);
}

export async function forgetLearntModels(): Promise<void> {
  await forgetFolder(MODELS_FOLDER);
}

/** The training that was broken off. */
export async function forgetBrokenOff(): Promise<void> {
  await forgetFolder(LEARNING_FOLDER);
}

async function forgetFolder(name: string): Promise<void> {
  const root = await navigator.storage?.getDirectory().catch(() => null);
  await root?.removeEntry(name, { recursive: true }).catch(() => undefined);
}

/** What the model's file is called: letters, digits and dashes. */
export function fileName(title: string): string {
  const stem = title.normalize('NFKD').replace(/[^\w\s.-]/g, '').trim().replace(/\s+/g, '-');
  return `${stem === '' ? 'model' : stem}.safetensors`;
}

async function modelsFolder(): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(MODELS_FOLDER, { create: true });
}

async function write(folder: FileSystemDirectoryHandle, name: string, content: Uint8Array<ArrayBuffer> | string): Promise<void> {
  const file = await (await folder.getFileHandle(name, { create: true })).createWritable();
  await file.write(content);
  await file.close();
}
