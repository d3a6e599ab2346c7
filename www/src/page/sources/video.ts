// Video files, as far as the browser decodes them. A video element has times, not frames: the time between two frames is
// measured by playing a little of the file, and a frame is found by seeking to its middle.

import { failed } from '../../shared/messages';
import { keyOf, type Frame, type FrameStream, type Pace, type VideoSource } from './types';
import { nextPresented, once } from './video-element';

/** Frames that are looked at to measure the time between two. */
const MEASURED = 8;
const LONGEST_MEASURE_MS = 1500;
/** Where nothing could be measured. */
const FRAME_TIME_MS = 1000 / 30;

export function looksLikeVideo(file: File): boolean {
  return file.type.startsWith('video/') || /\.(mp4|m4v|webm|mov|ogv)$/i.test(file.name);
}

export async function openVideo(file: File): Promise<VideoSource> {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, playsInline: true, preload: 'auto' });
  const url = URL.createObjectURL(file);
  const close = () => {
    video.removeAttribute('src');
    video.load();
    URL.revokeObjectURL(url);
  };
  try {
    const loaded = once(video, 'loadeddata');
    video.src = url;
    await loaded;
    await findDuration(video);
  } catch {
    const reason = video.error?.message ? ` (${video.error.message})` : '';
    close();
    throw failed('picture', `“${file.name}” is not a video this browser can decode, or it is damaged${reason}.`, 'Convert it to MP4 (H.264) or WebM (VP8, VP9), or export its frames as PNG.');
  }
  const frameTime = await measureFrameTime(video);
  return videoSource(video, file.name, frameTime, close);
}

function videoSource(video: HTMLVideoElement, name: string, frameTime: number, close: () => void): VideoSource {
  const frames = Math.max(1, Math.round((video.duration * 1000) / frameTime));
  const { videoWidth: width, videoHeight: height } = video;
  const key = keyOf(name, { width, height });
  const indexAt = (seconds: number) => Math.min(frames - 1, Math.max(0, Math.round((seconds * 1000) / frameTime)));
  const grab = async (index: number): Promise<Frame> => {
    const grabbed = performance.now();
    return { picture: await createImageBitmap(video), index, grabbed, key };
  };
  // One seek at a time; the element forgets one that another overtakes.
  let last: Promise<unknown> = Promise.resolve();
  const seek = async (index: number): Promise<Frame> => {
    video.pause();
    const seconds = Math.min(((index + 0.5) * frameTime) / 1000, Math.max(0, video.duration - 0.001));
    if (Math.abs(video.currentTime - seconds) > 1e-4) {
      const there = once(video, 'seeked');
      video.currentTime = seconds;
      await there;
    }
    return grab(index);
  };
  return {
    kind: 'video',
    name,
    width,
    height,
    spacing: null,
    suggested_crop: null,
    frames,
    frame_time_ms: frameTime,
    frame(index) {
      const frame = last.then(() => seek(index));
      last = frame.catch(() => undefined);
      return frame.catch(() => {
        throw failed('picture', `Frame ${index + 1} of “${name}” could not be decoded.`, 'Go on with another frame.');
      });
    },
    play: (from, pace) => play(video, (from * frameTime) / 1000, pace, (seconds) => grab(indexAt(seconds))),
    close,
  };
}

/** The element plays by itself; what it shows when the pipeline asks is the frame taken. */
function play(video: HTMLVideoElement, from: number, { rate, loop }: Pace, grab: (seconds: number) => Promise<Frame>): FrameStream {
  const abort = new AbortController();
  video.loop = loop;
  video.playbackRate = rate;
  if (from < 0) video.currentTime = 0;
  const started = video.play();
  return {
    async next() {
      await started.catch(() => undefined);
      const presented = await nextPresented(video, abort.signal);
      return presented === null ? null : grab(presented);
    },
    stop() {
      abort.abort();
      video.pause();
    },
  };
}

/** A recording made by a browser often does not say how long it is until its end has been looked for. */
async function findDuration(video: HTMLVideoElement): Promise<void> {
  if (Number.isFinite(video.duration)) return;
  const found = once(video, 'durationchange');
  video.currentTime = Number.MAX_SAFE_INTEGER;
  await found;
  const back = once(video, 'seeked');
  video.currentTime = 0;
  await back;
}

/** Milliseconds, the median over the first frames. */
async function measureFrameTime(video: HTMLVideoElement): Promise<number> {
  if (!('requestVideoFrameCallback' in video)) return FRAME_TIME_MS;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), LONGEST_MEASURE_MS);
  const times: number[] = [];
  const started = video.play().catch(() => undefined);
  while (times.length < MEASURED) {
    const seconds = await nextPresented(video, abort.signal);
    if (seconds === null) break;
    times.push(seconds);
  }
  clearTimeout(timer);
  await started;
  video.pause();
  const steps = times.slice(1).map((time, i) => time - times[i]!).filter((step) => step > 0.001);
  if (steps.length === 0) return FRAME_TIME_MS;
  // A step may span several frames where the machine is slow: the shortest ones are those between neighbours.
  steps.sort((a, b) => a - b);
  return 1000 * steps[Math.floor((steps.length - 1) / 4)]!;
}
