// A cine as a WebM file: encoded frame by frame with exact times, as fast as the machine can, where a recording of the screen would drop frames.

import type { VideoCodec } from 'mediabunny';

/** One frame of the cine, in seconds. */
export interface CineFrame {
  time_s: number;
  duration_s: number;
}

export interface CineOptions {
  width: number;
  height: number;
  frames: readonly CineFrame[];
  /** Draws the frame with this place in `frames` onto the whole canvas. */
  draw(context: OffscreenCanvasRenderingContext2D, at: number): Promise<void> | void;
  onProgress?(done: number): void;
  signal?: AbortSignal;
}

/** The browser has no encoder for a format that WebM holds. */
export class NoVideoEncoderError extends Error {
  override readonly name = 'NoVideoEncoderError';

  constructor() {
    super('This browser cannot encode WebM video at this size. Use a current Chrome, Edge or Firefox, or export the frames as PNG.');
  }
}

/** Tried in this order: the first is the smaller file. */
const CODECS: VideoCodec[] = ['vp9', 'vp8'];
/** Bits for each pixel of a frame: enough for thin contours over speckle. */
const BITS_PER_PIXEL = 0.6;
const LEAST_BITRATE = 500e3;
/** Seconds from one frame that stands alone to the next: how finely a player can seek. */
const KEY_FRAME_INTERVAL_S = 1;

/** Encodes the cine. Throws a {@link NoVideoEncoderError}, or the signal's reason once it is aborted. */
export async function cineWebm({ width, height, frames, draw, onProgress, signal }: CineOptions): Promise<Blob> {
  const { BufferTarget, CanvasSource, getFirstEncodableVideoCodec, Output, WebMOutputFormat } = await import('mediabunny');
  const last = frames.at(-1)!;
  const framesPerSecond = frames.length / (last.time_s + last.duration_s - frames[0]!.time_s);
  const bitrate = Math.max(LEAST_BITRATE, Math.round(width * height * framesPerSecond * BITS_PER_PIXEL));
  const codec = typeof VideoEncoder === 'undefined' ? null : await getFirstEncodableVideoCodec(CODECS, { width, height, bitrate });
  if (codec === null) throw new NoVideoEncoderError();

  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { alpha: false })!;
  const target = new BufferTarget();
  const output = new Output({ format: new WebMOutputFormat(), target });
  const source = new CanvasSource(canvas, { codec, bitrate, keyFrameInterval: KEY_FRAME_INTERVAL_S });
  output.addVideoTrack(source);
  await output.start();
  try {
    for (const [at, { time_s, duration_s }] of frames.entries()) {
      signal?.throwIfAborted();
      await draw(context, at);
      await source.add(time_s - frames[0]!.time_s, duration_s);
      onProgress?.(at + 1);
    }
    await output.finalize();
  } catch (error) {
    await output.cancel();
    throw error;
  }
  return new Blob([target.buffer!], { type: 'video/webm' });
}
