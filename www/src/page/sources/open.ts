// From what a person gave to the sources it holds. The order matters: what is surest comes first.

import type { DirectoryEntry } from '../../dicom/api';
import { dicomKind, listDirectory } from '../../dicom/client';
import { failed } from '../../shared/messages';
import { looksLikeCine, openCine } from './cine';
import { openDicomFile } from './dicom';
import { inOrder, pathOf } from './paths';
import { looksLikePicture, openPictures } from './pictures';
import type { FrameSource } from './types';
import { looksLikeVideo, openVideo } from './video';

/** So many images of a DICOMDIR are named. */
const NAMED = 5;

/** Files that are one source: a recording, or pictures that belong together. */
export interface FileGroup {
  name: string;
  /** In the order of the source's frames. */
  files: readonly File[];
  open(): Promise<FrameSource>;
}

export interface Sorted {
  models: File[];
  projects: File[];
  sources: FileGroup[];
  /** Masks of DICOM files. */
  segmentations: File[];
  /** Of no kind that this page opens. */
  others: File[];
}

/** Recordings one by one, in the order of their paths, then all pictures as one source. */
export async function sortFiles(files: readonly File[]): Promise<Sorted> {
  const sorted: Sorted = { models: [], projects: [], sources: [], segmentations: [], others: [] };
  const pictures: File[] = [];
  const listed = await listedFiles(files);
  for (const { file, entry } of listed) sorted.sources.push({ name: entry.series === null ? file.name : `${entry.series} (${file.name})`, files: [file], open: () => openDicomFile(file) });
  const known = new Set(listed.map(({ file }) => file));
  for (const file of inOrder(files)) {
    const recording = (open: () => Promise<FrameSource>) => sorted.sources.push({ name: file.name, files: [file], open });
    if (known.has(file)) continue;
    const kind = async () => (isDirectory(file) ? null : await dicomKind(file));
    if (isOfTheSystem(file)) sorted.others.push(file);
    else if (/\.(safetensors|pt|pth|ckpt|bin|onnx)$/i.test(file.name)) sorted.models.push(file);
    else if (await looksLikeProject(file, files.length === 1)) sorted.projects.push(file);
    else if (looksLikePicture(file)) pictures.push(file);
    else if (looksLikeCine(file)) recording(() => openCine(file, file.name));
    else if (looksLikeVideo(file)) recording(() => openVideo(file));
    else {
      const found = await kind();
      if (found === 'segmentation') sorted.segmentations.push(file);
      else if (found === 'picture') recording(() => openDicomFile(file));
      else if (!isDirectory(file) || listed.length === 0) sorted.others.push(file);
    }
  }
  if (pictures.length > 0) sorted.sources.push(picturesOf(pictures));
  return sorted;
}

/** The one source that these files are. */
export async function openFiles(files: readonly File[]): Promise<FrameSource> {
  const { sources, others } = await sortFiles(files);
  if (sources.length === 0) throw await noneOpens(others);
  return sources[0]!.open();
}

export async function noneOpens(files: readonly File[]) {
  const directory = files.find(isDirectory);
  if (directory !== undefined) {
    const entries = await listDirectory(directory).catch((): DirectoryEntry[] => []);
    const named = entries.slice(0, NAMED).map(({ path }) => path).join(', ');
    const more = entries.length > NAMED ? ` and ${entries.length - NAMED} more` : '';
    const what = entries.length === 0 ? 'is a list of DICOM files, without their pictures' : `lists ${entries.length} ${entries.length === 1 ? 'image' : 'images'}, ${named}${more}, which are not among these files`;
    return failed('picture', `“${directory.name}” ${what}.`, 'Open the folder that it lies in.');
  }
  const names = files.length === 1 ? `“${files[0]!.name}” is of no kind` : 'None of these files is of a kind';
  return failed('picture', `${names} that this page opens.`, 'Choose pictures (PNG, JPEG, WebP, BMP), a video (MP4, MOV, WebM, MKV), or DICOM files.');
}

/** The files that a DICOMDIR among them lists, in its order. File systems may spell their paths in other letters than it does. */
async function listedFiles(files: readonly File[]): Promise<{ file: File; entry: DirectoryEntry }[]> {
  const directory = files.find(isDirectory);
  if (directory === undefined || files.length === 1) return [];
  const entries = await listDirectory(directory).catch((): DirectoryEntry[] => []);
  const folder = pathOf(directory).slice(0, -directory.name.length).toLowerCase();
  const byPath = new Map(files.map((file) => [pathOf(file).toLowerCase(), file]));
  return entries.flatMap((entry) => {
    const file = byPath.get(folder + entry.path.toLowerCase());
    return file === undefined ? [] : [{ file, entry }];
  });
}

function picturesOf(files: File[]): FileGroup {
  return { name: files.length === 1 ? files[0]!.name : `${files.length} pictures`, files, open: () => openPictures(files) };
}

/** What macOS and Windows leave in folders, whatever it is called after. */
function isOfTheSystem(file: File): boolean {
  return /^(\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)/i.test(file.name) || pathOf(file).split('/').includes('__MACOSX');
}

function isDirectory(file: File): boolean {
  return /^dicomdir$/i.test(file.name);
}

/** A JSON file that is alone is taken at its word, and refused with a reason. */
async function looksLikeProject(file: File, alone: boolean): Promise<boolean> {
  if (!/\.json$/i.test(file.name)) return false;
  return alone || (await file.slice(0, 4096).text()).includes('"sam2rad-project"');
}
