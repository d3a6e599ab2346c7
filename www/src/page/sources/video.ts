// Video files, frame by frame: mediabunny reads the container, the browser's own decoder (WebCodecs) the pictures.

import type { EncodedPacketSink, VideoSample, VideoSampleSink } from 'mediabunny';
import { failed, messageOf } from '../../shared/messages';
import { clocked } from './clocked';
import { durationsOf, keyOf, type VideoSource } from './types';

/** A frame so soon after the last one is reached by decoding on; others are decoded from the key frame before them. */
const SOON = 16;
/** Of a video of one frame. */
const FRAME_TIME_MS = 1000 / 30;

export function looksLikeVideo(file: File): boolean {
  return file.type.startsWith('video/') || /\.(mp4|m4v|webm|mkv|mov)$/i.test(file.name);
}

export async function openVideo(file: File): Promise<VideoSource> {
  const { BlobSource, EncodedPacketSink, Input, MATROSKA, MP4, QTFF, VideoSampleSink, WEBM } = await import('mediabunny');
  const input = new Input({ formats: [MP4, QTFF, WEBM, MATROSKA], source: new BlobSource(file) });
  try {
    const track = await input.getPrimaryVideoTrack();
    if (track === null) throw new Error('it has no moving picture');
    if (!(await track.canDecode())) throw new Error(`there is no decoder for ${(await track.getCodec()) ?? 'its codec'}`);
    const times = await presentationTimes(new EncodedPacketSink(track));
    const size = { width: await track.getDisplayWidth(), height: await track.getDisplayHeight() };
    return videoSource(file.name, size, times, new VideoSampleSink(track), () => input.dispose());
  } catch (error) {
    input.dispose();
    throw failed('picture', `“${file.name}” is not a video this browser can decode, or it is damaged (${messageOf(error).replace(/\.$/, '')}).`, 'Convert it to MP4 (H.264) or WebM (VP8, VP9), or export its frames as PNG.');
  }
}

function videoSource(name: string, size: { width: number; height: number }, times: number[], sink: VideoSampleSink, dispose: () => void): VideoSource {
  const key = keyOf(name, size);
  const frames = times.length;
  const times_s = times.map((time) => time - times[0]!);
  const decoder = new Decoder(sink, times);
  const canvas = new OffscreenCanvas(size.width, size.height);
  const context = canvas.getContext('2d')!;
  // One frame at a time: decoder and canvas are shared.
  let last: Promise<unknown> = Promise.resolve();
  const source: VideoSource = {
    kind: 'video',
    name,
    ...size,
    scales: [],
    // The container's display size has taken the shape of the pixels into account.
    pixel_aspect: 1,
    suggested_crop: null,
    notes: [],
    frames,
    times_s,
    durations_ms: durationsOf(times_s, FRAME_TIME_MS),
    frame(index) {
      const frame = last.then(async () => {
        const sample = await decoder.at(index);
        sample.draw(context, 0, 0);
        sample.close();
        return { picture: canvas.transferToImageBitmap(), index, grabbed: performance.now(), key };
      });
      last = frame.catch(() => undefined);
      return frame.catch((error: unknown) => {
        throw failed('picture', `Frame ${index + 1} of “${name}” could not be decoded: ${messageOf(error)}.`, 'Go on with another frame.');
      });
    },
    play: (from, pace) => clocked(source, from, pace),
    close() {
      void last.then(() => decoder.stop()).finally(dispose);
    },
  };
  return source;
}

/** When each frame is shown, in seconds, in order; the file keeps them in the order of decoding. */
async function presentationTimes(sink: EncodedPacketSink): Promise<number[]> {
  const times: number[] = [];
  for await (const { timestamp } of sink.packets(undefined, undefined, { metadataOnly: true })) times.push(timestamp);
  if (times.length === 0) throw new Error('it has no frames');
  return times.sort((a, b) => a - b);
}

class Decoder {
  private samples: AsyncGenerator<VideoSample, void, unknown> | null = null;
  /** The frame that the decoder gives next. */
  private next = 0;

  constructor(
    private readonly sink: VideoSampleSink,
    private readonly times: readonly number[],
  ) {}

  /** Exactly this frame; whoever asked closes it. */
  async at(index: number): Promise<VideoSample> {
    const time = this.times[index]!;
    if (this.samples === null || index < this.next || index > this.next + SOON) {
      await this.stop();
      this.samples = this.sink.samples(time);
    }
    for (;;) {
      const { value: sample } = await this.samples.next();
      if (!sample) {
        this.samples = null;
        throw new Error('the file ends before it');
      }
      // Containers round times: to a millisecond in WebM.
      if (sample.timestamp > time - 0.0005) {
        this.next = index + 1;
        return sample;
      }
      sample.close();
    }
  }

  async stop(): Promise<void> {
    await this.samples?.return();
    this.samples = null;
  }
}
