// Maps of the model drawn on the picture that it saw.

import { sizeOf, type Box } from '../../shared/geometry';
import { rgbOf } from '../stage/colors';
import { viridis } from './colormap';

/** The side of a map on the screen is this many pixels at most; what is finer cannot be seen in a side panel. */
const MAX_SIDE = 640;

/** A map `[height, width]` as colours, `[height, width, 4]`. */
export interface Colored {
  width: number;
  height: number;
  rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** The part of a map that lies on the frame, the padding left out. */
export function onFrame(values: Float32Array, width: number, height: number, [across, down]: readonly [number, number]): { values: Float32Array; width: number; height: number } {
  const [columns, rows] = [Math.ceil(width * across), Math.ceil(height * down)];
  const kept = new Float32Array(columns * rows);
  for (let row = 0; row < rows; row++) kept.set(values.subarray(row * width, row * width + columns), row * columns);
  return { values: kept, width: columns, height: rows };
}

/** From cold to hot between 0 and `largest`; the more of it there is, the less of the picture shows through. */
export function heat(values: Float32Array, width: number, height: number, largest: number): Colored {
  const rgba = new Uint8ClampedArray(4 * width * height);
  values.forEach((value, i) => {
    const share = largest > 0 ? value / largest : 0;
    rgba.set([...viridis(share), 60 + 180 * Math.min(1, share)], 4 * i);
  });
  return { width, height, rgba };
}

/** What the logits hold for the structure, in its colour. */
export function likely(logits: Float32Array, side: number, color: string): Colored {
  const channels = rgbOf(color);
  const rgba = new Uint8ClampedArray(4 * side * side);
  logits.forEach((logit, i) => rgba.set([...channels, 200 / (1 + Math.exp(-logit))], 4 * i));
  return { width: side, height: side, rgba };
}

export function opaque(rgb: Uint8Array, width: number, height: number): Colored {
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) rgba.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i);
  return { width, height, rgba };
}

/** Draws the crop of a picture, grey and dark, and over it the part of a map that lies on it. */
export function drawMap(canvas: HTMLCanvasElement, picture: ImageBitmap, crop: Box, map: Colored, coverage: readonly [number, number], smooth: boolean): void {
  const { width, height } = sizeOf(crop);
  const scale = MAX_SIDE / Math.max(width, height);
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext('2d')!;
  context.drawImage(picture, crop[0], crop[1], width, height, 0, 0, canvas.width, canvas.height);
  const colors = new OffscreenCanvas(map.width, map.height);
  colors.getContext('2d')!.putImageData(new ImageData(map.rgba, map.width, map.height), 0, 0);
  context.imageSmoothingEnabled = smooth;
  context.drawImage(colors, 0, 0, map.width * coverage[0], map.height * coverage[1], 0, 0, canvas.width, canvas.height);
}

/** A box in pixels of the whole frame on a canvas that shows the crop. */
export function drawBox(canvas: HTMLCanvasElement, box: Box, crop: Box, color: string): void {
  const context = canvas.getContext('2d')!;
  const scale = canvas.width / sizeOf(crop).width;
  const [left, top, right, bottom] = box.map((value, i) => (value - crop[i % 2]!) * scale) as Box;
  for (const [style, lineWidth] of [['#000', 5], [color, 2.5]] as const) {
    Object.assign(context, { strokeStyle: style, lineWidth });
    context.strokeRect(left, top, right - left, bottom - top);
  }
}

/** Where the largest value of a frame's map is, in words. */
export function whereMost({ values, width, height }: { values: Float32Array; width: number; height: number }): string {
  const at = values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);
  const third = (place: number, names: readonly [string, string, string]) => names[Math.max(0, Math.min(2, Math.floor(3 * place)))]!;
  const row = third((Math.floor(at / width) + 0.5) / height, ['top', 'middle', 'bottom']);
  const column = third(((at % width) + 0.5) / width, ['left', 'centre', 'right']);
  return `${row} ${column}`;
}
