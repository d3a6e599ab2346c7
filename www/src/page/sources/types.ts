// What a picture comes from, whatever it is. Everything downstream (pipeline, stage, results) knows these types alone.

import type { Scale } from '../../measure/spacing';
import type { Box, Size } from '../../shared/geometry';
import type { GreyRange } from '../../dicom/api';
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
  /** Where in its pictures the source says how large a pixel is; none where it says nothing. */
  scales: readonly Scale[];
  /** Width of a pixel over its height; 1 is square. */
  pixel_aspect: number;
  /** Where the source itself says the ultrasound is. */
  suggested_crop: Box | null;
  /** Sentences for its reader: what is not as the file says. */
  notes: readonly string[];
  close(): void;
}

interface Finite extends Common {
  frames: number;
  /** Seconds from the first frame to each; `null` where the source does not say when its frames were taken. */
  times_s: readonly number[] | null;
  /** How long each frame stays at play, in ms: as long as its time says, else by a rate of the page's own. */
  durations_ms: readonly number[];
  /** Exactly this frame, counted from 0. */
  frame(index: number): Promise<Frame>;
  /** From the frame after this one; -1 is before the first. */
  play(from: number, pace: Pace): FrameStream;
}

/** A device or a screen ends by itself, sends nothing for a while, or sends again. */
export type Signal = { kind: 'ended' | 'lost'; message: string } | { kind: 'back' };

/** Towards the person, or away. */
export type Facing = 'user' | 'environment';

interface Live extends Common {
  play(): FrameStream;
  onSignal(tell: (signal: Signal) => void): void;
  /** The device's id, where it is one. */
  device: string | null;
  /** Which way a camera looks, where it says so. */
  facing: Facing | null;
}

export interface PicturesSource extends Finite {
  kind: 'pictures';
  files: readonly File[];
  /** What each file is called, with the folders that tell it from others of its name. */
  names: readonly string[];
  /** The first that can be read. */
  start: number;
}

export interface VideoSource extends Finite {
  kind: 'video';
}

export interface DicomSource extends Finite {
  kind: 'dicom';
  dicom: OpenedDicom;
  /** Which grey values its frames show, `null` for the file's own. */
  readonly chosen_window: GreyRange | null;
  /** From now on. */
  setWindow(window: GreyRange | null): void;
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

/** Whether the frames follow in time, known or not; pictures of a folder do not. */
export function isCine(source: FrameSource): source is FiniteSource {
  return isFinite(source) && source.kind !== 'pictures' && source.frames > 1;
}

/** How long each of a cine's frames stays: until the next one comes, the last as long as the one before it. No frame is passed over. */
export function durationsOf(times_s: readonly number[], alone_ms: number): number[] {
  const steps = times_s.slice(1).map((time, at) => Math.max(1, 1000 * (time - times_s[at]!)));
  return [...steps, steps.at(-1) ?? alone_ms];
}

/** The name of a frame's picture. */
export function pictureName(source: FrameSource, index: number): string {
  return source.kind === 'pictures' ? source.names[index]! : source.name;
}

/** The key of a frame of this size, without decoding it. */
export function keyAt(source: FrameSource, index: number, size: Size): string {
  return keyOf(pictureName(source, index), size);
}

export function keyOf(name: string, { width, height }: Size): string {
  return `${name} ${width}x${height}`;
}
