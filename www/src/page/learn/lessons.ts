// Labelled frames as the trainer takes them, and the tiny pictures by which frames are compared.

import { PRINT_SIDE, type Print } from '../../learn/advice';
import { classIdsOfLabel } from '../../learn/labels';
import { sizeOf, type Box } from '../../shared/geometry';
import type { LessonFrame } from '../../shared/learning';
import { failed } from '../../shared/messages';
import type { FiniteSource } from '../sources/types';
import { cropAt, type State } from '../state';
import { frameNameOf } from '../work/answered';

/** What the model sees of the labelled frames, in the order of the frames. `names` are the structures by their class ids. */
export async function lessonsOf(state: State, source: FiniteSource, names: readonly string[], onFrame: (done: number) => void): Promise<LessonFrame[]> {
  const { labels } = state.history.present;
  const lessons: LessonFrame[] = [];
  for (const index of [...labels.frames.keys()].sort((a, b) => a - b)) {
    const label = labels.frames.get(index)!;
    const { picture } = await source.frame(index);
    try {
      if (picture.width !== label.size.width || picture.height !== label.size.height) {
        throw failed('learn', `Frame ${index + 1} has another size than when it was labelled.`, 'Label it again.');
      }
      const crop = cropAt(state, index, picture);
      const { width, height } = sizeOf(crop);
      const rgba = pixelsOf(picture, crop, width, height);
      const class_ids = cut(classIdsOfLabel(label, names), picture.width, crop);
      const structures = [...label.masks.keys()].map((name) => names.indexOf(name)).filter((structure) => structure >= 0).sort((a, b) => a - b);
      if (structures.length > 0) lessons.push({ name: frameNameOf(state, index), index, width, height, rgba, class_ids, structures });
    } finally {
      picture.close();
    }
    onFrame(lessons.length);
  }
  return lessons;
}

/** The grey of `PRINT_SIDE` by `PRINT_SIDE` cells of what the model sees. */
export function printOf(picture: ImageBitmap, crop: Box): Print {
  const rgba = pixelsOf(picture, crop, PRINT_SIDE, PRINT_SIDE);
  return Uint8Array.from({ length: PRINT_SIDE * PRINT_SIDE }, (_, i) => Math.round((rgba[4 * i]! + rgba[4 * i + 1]! + rgba[4 * i + 2]!) / 3));
}

function pixelsOf(picture: ImageBitmap, [left, top, right, bottom]: Box, width: number, height: number): Uint8Array<ArrayBuffer> {
  const context = new OffscreenCanvas(width, height).getContext('2d', { alpha: false, willReadFrequently: true });
  if (context === null) throw failed('picture', `A picture of ${width} × ${height} is too large for this browser.`, 'Crop it, or choose a smaller one.');
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, left, top, right - left, bottom - top, 0, 0, width, height);
  return new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
}

function cut(class_ids: Uint8Array<ArrayBuffer>, stride: number, [left, top, right, bottom]: Box): Uint8Array<ArrayBuffer> {
  const width = right - left;
  const part = new Uint8Array(width * (bottom - top));
  for (let y = top; y < bottom; y++) part.set(class_ids.subarray(y * stride + left, y * stride + right), (y - top) * width);
  return part;
}
