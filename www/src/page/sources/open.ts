// From what a person gave to the source it is. The order matters: what is surest comes first.

import { looksLikeDicom } from '../../dicom/client';
import { failed } from '../../shared/messages';
import { looksLikeCine, openCine } from './cine';
import { openDicomFile } from './dicom';
import { looksLikePicture, openPictures } from './pictures';
import type { FrameSource } from './types';
import { looksLikeVideo, openVideo } from './video';

export function looksLikeModel(file: File): boolean {
  return /\.(safetensors|pt|pth|ckpt|bin|onnx)$/i.test(file.name);
}

export function looksLikeProject(file: File): boolean {
  return /\.json$/i.test(file.name);
}

/** Several pictures make one source; of other kinds the first file counts. */
export async function openFiles(files: readonly File[]): Promise<FrameSource> {
  const pictures = files.filter(looksLikePicture);
  if (pictures.length > 0) return openPictures(inOrder(pictures));
  for (const file of files) {
    if (looksLikeCine(file)) return openCine(file, file.name);
    if (looksLikeVideo(file)) return openVideo(file);
    if (await looksLikeDicom(file)) return openDicomFile(file);
  }
  const names = files.length === 1 ? `“${files[0]!.name}” is of no kind` : 'None of these files is of a kind';
  throw failed('picture', `${names} that this page opens.`, 'Choose pictures (PNG, JPEG, WebP, BMP), a video (MP4, WebM), or a DICOM file.');
}

/** As people count: picture 2 before picture 10. */
function inOrder(files: File[]): File[] {
  const path = (file: File) => file.webkitRelativePath || file.name;
  return files.sort((a, b) => path(a).localeCompare(path(b), undefined, { numeric: true }));
}
