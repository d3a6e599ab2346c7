// Pictures as the browser decodes them: at their own size, upright, without colour conversion.

import { failed } from '../shared/messages';

export interface Pixels {
  rgba: Uint8Array;
  width: number;
  height: number;
}

export async function decodePicture(file: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file, { imageOrientation: 'from-image', colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  } catch {
    const name = file instanceof File ? `“${file.name}”` : 'This file';
    throw failed('picture', `${name} is not a picture this browser can read, or it is damaged.`, 'Choose a PNG, JPEG or WebP picture. Export DICOM frames as PNG first.');
  }
}

export async function readPixels(file: Blob): Promise<Pixels> {
  const bitmap = await decodePicture(file);
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (context === null) {
    throw failed('picture', `A picture of ${width} × ${height} is too large for this browser.`, 'Choose a smaller one.');
  }
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  return { rgba: new Uint8Array(data.buffer), width, height };
}
