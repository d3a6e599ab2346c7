// From what a person gave to the sources it holds. The order matters: what is surest comes first.

import { looksLikeDicom } from '../../dicom/client';
import { failed } from '../../shared/messages';
import { looksLikeCine, openCine } from './cine';
import { openDicomFile } from './dicom';
import { inOrder, pathOf } from './paths';
import { looksLikePicture, openPictures } from './pictures';
import type { FrameSource } from './types';
import { looksLikeVideo, openVideo } from './video';

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
  /** Of no kind that this page opens. */
  others: File[];
}

/** Recordings one by one, in the order of their paths, then all pictures as one source. */
export async function sortFiles(files: readonly File[]): Promise<Sorted> {
  const sorted: Sorted = { models: [], projects: [], sources: [], others: [] };
  const pictures: File[] = [];
  for (const file of inOrder(files)) {
    const recording = (open: () => Promise<FrameSource>) => sorted.sources.push({ name: file.name, files: [file], open });
    if (isOfTheSystem(file)) sorted.others.push(file);
    else if (/\.(safetensors|pt|pth|ckpt|bin|onnx)$/i.test(file.name)) sorted.models.push(file);
    else if (await looksLikeProject(file, files.length === 1)) sorted.projects.push(file);
    else if (looksLikePicture(file)) pictures.push(file);
    else if (looksLikeCine(file)) recording(() => openCine(file, file.name));
    else if (looksLikeVideo(file)) recording(() => openVideo(file));
    else if (!isDirectory(file) && (await looksLikeDicom(file))) recording(() => openDicomFile(file));
    else sorted.others.push(file);
  }
  if (pictures.length > 0) sorted.sources.push(picturesOf(pictures));
  return sorted;
}

/** The one source that these files are. */
export async function openFiles(files: readonly File[]): Promise<FrameSource> {
  const { sources, others } = await sortFiles(files);
  if (sources.length === 0) throw noneOpens(others);
  return sources[0]!.open();
}

export function noneOpens(files: readonly File[]) {
  if (files.length === 1 && isDirectory(files[0]!)) {
    return failed('picture', '“DICOMDIR” is a list of DICOM files, without their pictures.', 'Open the folder that it lies in.');
  }
  const names = files.length === 1 ? `“${files[0]!.name}” is of no kind` : 'None of these files is of a kind';
  return failed('picture', `${names} that this page opens.`, 'Choose pictures (PNG, JPEG, WebP, BMP), a video (MP4, MOV, WebM, MKV), or DICOM files.');
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
