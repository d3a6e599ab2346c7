// What a model is to see of a frame.

import type { Box } from '../../shared/geometry';
import type { Frame } from '../sources/types';

export function cut({ picture }: Frame, [left, top, right, bottom]: Box): Promise<ImageBitmap> {
  return createImageBitmap(picture, left, top, right - left, bottom - top);
}
