// A cine as a WebM file: encoded frame by frame with exact times, as fast as the machine can, where a recording of the screen would drop frames.

import type { CanvasSource, Output, BufferTarget, VideoCodec } from 'mediabunny';

export interface CineShape {
  width: number;
  height: number;
  frames_per_second: number;
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

/** Writes one cine: frames in their order, then {@link finish}. Throws a {@link NoVideoEncoderError}. */
export class CineWriter {
  private constructor(
    readonly canvas: OffscreenCanvas,
    private readonly output: Output,
    private readonly target: BufferTarget,
    private readonly source: CanvasSource,
  ) {}

  static async begin({ width, height, frames_per_second }: CineShape): Promise<CineWriter> {
    const { BufferTarget, CanvasSource, getFirstEncodableVideoCodec, Output, WebMOutputFormat } = await import('mediabunny');
    const bitrate = Math.max(LEAST_BITRATE, Math.round(width * height * frames_per_second * BITS_PER_PIXEL));
    const codec = typeof VideoEncoder === 'undefined' ? null : await getFirstEncodableVideoCodec(CODECS, { width, height, bitrate });
    if (codec === null) throw new NoVideoEncoderError();
    const canvas = new OffscreenCanvas(width, height);
    const target = new BufferTarget();
    const output = new Output({ format: new WebMOutputFormat(), target });
    const source = new CanvasSource(canvas, { codec, bitrate, keyFrameInterval: KEY_FRAME_INTERVAL_S });
    output.addVideoTrack(source);
    await output.start();
    return new CineWriter(canvas, output, target, source);
  }

  /** What is on the canvas now, shown from this time on for so long, in seconds. */
  async add(time_s: number, duration_s: number): Promise<void> {
    await this.source.add(time_s, duration_s);
  }

  async finish(): Promise<Blob> {
    await this.output.finalize();
    return new Blob([this.target.buffer!], { type: 'video/webm' });
  }

  async cancel(): Promise<void> {
    await this.output.cancel();
  }
}
