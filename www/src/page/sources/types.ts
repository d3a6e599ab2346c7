// What a picture comes from, whatever it is. Everything downstream (pipeline, stage, results) knows these types alone.

import type { Box } from '../../shared/geometry';
import type { OpenedDicom } from '../../dicom/client';

/** One frame. Whoever asked for it closes its picture. */
export interface Frame {
  picture: ImageBitmap;
  /** Counted from 0; of a live source, from its start. */
  index: number;
  /** `performance.now()` when it was there to be shown. */
  grabbed: number;
  /** What a crop is remembered by: the name and the size of the picture, or of the cine. */
  key: string;
}

/** Millimetres from one pixel to the next. */
export interface Spacing {
  x_mm: number;
  y_mm: number;
}

export interface Pace {
  /** 1 is the source's own speed. */
  rate: number;
  /** From the last frame to the first, again and again. */
  loop: boolean;
}

/** A source at play: the newest frame wins, older ones that nobody asked for in time are passed over. */
export interface FrameStream {
  /** The newest frame not handed out yet; waits for it. `null` when there are no more. */
  next(): Promise<Frame | null>;
  stop(): void;
}

interface Common {
  /** What it is called: a file's name, a device's label. */
  name: string;
  /** Of its first frame. */
  width: number;
  height: number;
  spacing: Spacing | null;
  /** Where the source itself says the ultrasound is. */
  suggested_crop: Box | null;
  close(): void;
}

interface Finite extends Common {
  frames: number;
  /** Between two frames; `null` where they do not follow in time. */
  frame_time_ms: number | null;
  /** Exactly this frame, counted from 0. */
  frame(index: number): Promise<Frame>;
  /** From the frame after this one; -1 is before the first. */
  play(from: number, pace: Pace): FrameStream;
}

interface Live extends Common {
  play(): FrameStream;
  /** Called once, when the device or the screen ends by itself. */
  onEnded(tell: (message: string) => void): void;
}

export interface PicturesSource extends Finite {
  kind: 'pictures';
  files: readonly File[];
}

export interface VideoSource extends Finite {
  kind: 'video';
}

export interface DicomSource extends Finite {
  kind: 'dicom';
  dicom: OpenedDicom;
}

export interface CineSource extends Finite {
  kind: 'cine';
}

export interface CaptureSource extends Live {
  kind: 'camera' | 'screen';
}

export type FiniteSource = PicturesSource | VideoSource | DicomSource | CineSource;
export type FrameSource = FiniteSource | CaptureSource;

export function isFinite(source: FrameSource): source is FiniteSource {
  return 'frames' in source;
}

export function keyOf(name: string, { width, height }: { width: number; height: number }): string {
  return `${name} ${width}x${height}`;
}
