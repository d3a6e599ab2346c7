// Class ids as a picture: what training code reads. A canvas would write colours; this writes the ids themselves.

import { encode } from 'fast-png';
import type { ClassMap } from '../measure/mask';

/** An 8-bit grey PNG whose pixels are class ids (0 background, structure + 1 elsewhere), with `comment` as a text chunk. */
export function maskPng({ width, height, class_ids }: ClassMap, comment: string): Uint8Array<ArrayBuffer> {
  // PNG's plain text chunks are Latin-1.
  const latin = comment.replace(/[^\x20-\xff]/g, '?');
  return new Uint8Array(encode({ width, height, data: class_ids, depth: 8, channels: 1, text: { Comment: latin } }));
}
