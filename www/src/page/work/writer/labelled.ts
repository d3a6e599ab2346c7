// A frame as the stage draws it, at the picture's own size, with a strip below that says what it is.

import type { ModelCard } from '../../../shared/api';
import { pixelShape } from '../../../measure/spacing';
import { wholeOf, type Size } from '../../../shared/geometry';
import { draw, type DrawnAnswer, type Length } from '../../stage/draw';
import { shaped } from '../../stage/view';
import type { Look } from '../../state';

export interface Labelled {
  picture: ImageBitmap;
  /** Width of a pixel over its height. */
  aspect: number;
  card: ModelCard;
  /** Null where the frame was not segmented. */
  answer: DrawnAnswer | null;
  look: Look;
  lengths: readonly Length[];
}

/** In pixels: nothing is written over the picture itself. */
const STRIP = 20;

/** Of the picture with its strip, in whole pixels. */
export function labelledSize(picture: Size, aspect: number): Size {
  const { width, height } = shaped(picture, pixelShape(aspect));
  return { width: Math.round(width), height: Math.round(height) + STRIP };
}

/** Closes the picture. */
export function paintLabelled(canvas: OffscreenCanvas, { picture, aspect, card, answer, look, lengths }: Labelled): void {
  const context = canvas.getContext('2d', { alpha: false })!;
  const { width } = canvas;
  const height = canvas.height - STRIP;
  draw(context, {
    picture,
    view: { scale: 1, shape: pixelShape(aspect), x: 0, y: 0 },
    moving: false,
    density: Math.max(0.6, Math.max(width, height) / 1000),
    card,
    answer,
    look,
    prompts: [],
    before: null,
    lengths,
    labels: [],
    draft: null,
    crop: wholeOf(picture),
    cropping: false,
    brush: null,
  });
  picture.close();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalAlpha = 1;
  context.fillStyle = '#000000';
  context.fillRect(0, height, width, STRIP);
  context.fillStyle = '#ffffff';
  context.font = '11px system-ui, sans-serif';
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  const text = `${answer === null ? 'Not segmented. ' : ''}Research only, not a medical device. Trained on: ${card.training_data || 'not stated'}`;
  context.fillText(text, 4, height + STRIP / 2, width - 8);
}
