// What is kept of a work: a head, and a record for each frame that has anything, so that a change writes that frame alone.

import type { FrameLabel } from '../learn/labels';
import type { Project, ProjectFrame } from '../project/schema';
import type { Size } from '../shared/geometry';
import type { CroppedSegmentation } from '../shared/messages';

/** Raised when records of this version would be misread by an older page. */
export const KEPT_VERSION = 1;

export interface WorkHead {
  version: number;
  id: string;
  /** Which source it was made on: the same for the same files, whatever they are called and in whatever order. */
  content: string;
  /** What the source is called. */
  title: string;
  saved: Date;
  /** Which model, at which image size, the masks are of; null without one. */
  model: string | null;
  project: Omit<Project, 'frames'>;
  /** How many frames a person said or drew something on, and how many have masks. */
  corrected: number;
  segmented: number;
  /** Copies of the source's files, by their keys; empty where none are kept. */
  files: readonly string[];
  model_file: string | null;
}

/** What the model answered on a frame. */
export interface KeptAnswer {
  size: Size;
  segmentation: CroppedSegmentation;
  /** From a file of masks. */
  imported?: boolean;
  /** The frame that it was followed from; left out where it was answered by itself. */
  followed_from?: number | undefined;
}

export interface KeptFrame {
  frame: number;
  prompts: ProjectFrame['prompts'];
  calipers: ProjectFrame['calipers'];
  /** Works of earlier pages have none. */
  graf?: ProjectFrame['graf'];
  answer: KeptAnswer | null;
  /** A person has looked at the masks and accepted them. */
  reviewed: boolean;
  /** Where structures of the person's own are. Older pages wrote none. */
  label?: FrameLabel | null;
}

/** A person said or drew something on it. */
export function isCorrected({ prompts, calipers, graf }: KeptFrame): boolean {
  return (prompts?.length ?? 0) + calipers.length > 0 || graf != null;
}

export interface KeptFile {
  key: string;
  file: File;
}

export interface Settings {
  /** Copies of what a person opens may be kept in this browser. */
  keep_files: boolean;
}
