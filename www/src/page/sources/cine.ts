// A .cine file: a line of JSON, then the frames as JPEG or PNG, one after the other. README.md describes it.

import { failed } from '../../shared/messages';
import { clocked } from './clocked';
import { EVERYWHERE, type Scale } from '../../measure/spacing';
import { keyOf, type CineSource } from './types';

interface Header {
  frames: number;
  frame_time_ms: number;
  width: number;
  height: number;
  /** Millimetres a pixel, the same along both axes; absent where it is not known. */
  spacing_mm?: number;
  /** Bytes of each frame. */
  lengths: number[];
}

/** A header is one line; a file without an end of line in its first bytes is something else. */
const LONGEST_HEADER = 1 << 20;

export function looksLikeCine(file: File): boolean {
  return /\.cine$/i.test(file.name);
}

export async function openCine(file: Blob, name: string): Promise<CineSource> {
  const { header, at } = await readHeader(file, name);
  const starts: number[] = [];
  header.lengths.reduce((from, length) => (starts.push(from), from + length), at);
  const { frames, width, height } = header;
  const key = keyOf(name, header);
  const source: CineSource = {
    kind: 'cine',
    name,
    width,
    height,
    scales: scalesOf(header),
    pixel_aspect: 1,
    suggested_crop: null,
    notes: [],
    frames,
    times_s: Array.from({ length: frames }, (_, at) => (at * header.frame_time_ms) / 1000),
    durations_ms: Array<number>(frames).fill(header.frame_time_ms),
    async frame(index) {
      const from = starts[index]!;
      const bytes = await file.slice(from, from + header.lengths[index]!).arrayBuffer();
      try {
        const picture = await createImageBitmap(new Blob([bytes], { type: typeOf(bytes) }), { colorSpaceConversion: 'none' });
        return { picture, index, grabbed: performance.now(), key };
      } catch {
        throw failed('picture', `Frame ${index + 1} of “${name}” is damaged.`, 'Go on with another frame, or copy the file again.');
      }
    },
    play: (from, pace) => clocked(source, from, pace),
    close: () => undefined,
  };
  return source;
}

async function readHeader(file: Blob, name: string): Promise<{ header: Header; at: number }> {
  const start = new Uint8Array(await file.slice(0, LONGEST_HEADER).arrayBuffer());
  const end = start.indexOf(0x0a);
  const refuse = (reason: string) => failed('picture', `“${name}” is not a cine this page can read: ${reason}.`, 'Make it anew with www/scripts/make-cine.mjs.');
  if (end < 0) throw refuse('its first line is missing');
  let header: Partial<Header>;
  try {
    header = JSON.parse(new TextDecoder().decode(start.subarray(0, end)));
  } catch {
    throw refuse('its first line is not JSON');
  }
  const { frames, frame_time_ms, width, height, lengths } = header;
  if (!frames || !frame_time_ms || !width || !height || lengths?.length !== frames) throw refuse('its first line does not describe its frames');
  const missing = end + 1 + lengths.reduce((sum, length) => sum + length, 0) - file.size;
  if (missing > 0) throw refuse(`${missing} bytes are missing at its end`);
  return { header: header as Header, at: end + 1 };
}

function scalesOf({ spacing_mm }: Header): Scale[] {
  return spacing_mm === undefined ? [] : [{ box: EVERYWHERE, spacing: { x_mm: spacing_mm, y_mm: spacing_mm }, origin: 'cine file' }];
}

function typeOf(bytes: ArrayBuffer): string {
  return new Uint8Array(bytes)[0] === 0x89 ? 'image/png' : 'image/jpeg';
}
