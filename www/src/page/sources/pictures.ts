// Still pictures: one, several, or a folder's.

import { failed } from '../../shared/messages';
import { clocked } from './clocked';
import { uniqueNames } from './paths';
import { keyOf, type PicturesSource } from './types';

/** How long a picture stays when a folder is played like a cine. */
const PICTURE_TIME_MS = 1000;

export function looksLikePicture(file: File): boolean {
  return /^image\/(png|jpeg|webp|bmp|x-ms-bmp)$/.test(file.type) || /\.(png|jpe?g|webp|bmp)$/i.test(file.name);
}

/** At its own size, upright, without colour conversion, on black where it is transparent: what lies hidden there is not of the picture. */
export async function decodePicture(file: Blob, name: string): Promise<ImageBitmap> {
  try {
    const picture = await createImageBitmap(file, { imageOrientation: 'from-image', colorSpaceConversion: 'none' });
    return /jpe?g|bmp/.test(file.type) ? picture : onBlack(picture);
  } catch {
    throw failed('picture', `“${name}” is not a picture this browser can read, or it is damaged.`, 'Choose a PNG, JPEG, WebP or BMP picture, a video, or a DICOM file.');
  }
}

function onBlack(picture: ImageBitmap): ImageBitmap {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext('2d', { alpha: false })!.drawImage(picture, 0, 0);
  picture.close();
  return canvas.transferToImageBitmap();
}

export async function openPictures(files: readonly File[]): Promise<PicturesSource> {
  const { start, width, height } = await firstWhole(files);
  const names = uniqueNames(files);
  const source: PicturesSource = {
    kind: 'pictures',
    name: files.length === 1 ? files[0]!.name : `${files.length} pictures`,
    files,
    names,
    start,
    width,
    height,
    scales: [],
    pixel_aspect: 1,
    suggested_crop: null,
    notes: [],
    frames: files.length,
    times_s: null,
    durations_ms: Array<number>(files.length).fill(PICTURE_TIME_MS),
    async frame(index) {
      const file = files[index]!;
      const picture = await decodePicture(file, file.name);
      return { picture, index, grabbed: performance.now(), key: keyOf(names[index]!, picture) };
    },
    play: (from, pace) => clocked(source, from, pace),
    close: () => undefined,
  };
  return source;
}

/** The first picture that can be read; the failure of the very first where none can. */
async function firstWhole(files: readonly File[]): Promise<{ start: number; width: number; height: number }> {
  let failure: unknown;
  for (const [start, file] of files.entries()) {
    try {
      const picture = await decodePicture(file, file.name);
      const { width, height } = picture;
      picture.close();
      return { start, width, height };
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}
