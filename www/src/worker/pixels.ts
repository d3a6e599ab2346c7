// The bytes of a picture, through one canvas that is kept for the next.

import { failed } from '../shared/messages';

let context: OffscreenCanvasRenderingContext2D | null = null;

/** Red, green, blue, alpha of every pixel. Closes the bitmap. */
export function readPixels(picture: ImageBitmap): Uint8Array {
  const { width, height } = picture;
  if (context === null || context.canvas.width !== width || context.canvas.height !== height) {
    context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  }
  if (context === null) {
    picture.close();
    throw failed('picture', `A picture of ${width} × ${height} is too large for this browser.`, 'Crop it, or choose a smaller one.');
  }
  context.globalCompositeOperation = 'copy';
  context.drawImage(picture, 0, 0);
  picture.close();
  return new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
}
