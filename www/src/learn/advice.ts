// What a person should know before minutes are spent on learning, and which frame to label next.

import type { Size } from '../shared/geometry';
import { areaOf, type FrameLabel, type OwnStructure } from './labels';

/** A frame's picture, made tiny: what frames are compared by. Grey values. */
export type Print = Uint8Array;
export const PRINT_SIDE = 16;

/** Prints that differ by less, in grey levels on average, are of one frame. */
const SAME = 1.5;
/** Fewer frames than this teach little, and none can be kept apart to judge the result. */
export const FEWEST = 4;
/** As many are wanted: of a recording, whose frames are alike, and of separate pictures. */
const WANTED_OF_CINE = 5;
const WANTED_OF_PICTURES = 10;
/** Cells of a model's mask that a structure should cover; a cell is four pixels of its input wide. */
const LEAST_CELLS = 12;
/** A Dice below it is said to be low. */
const LOW_DICE = 0.7;

export interface LabelledFrame {
  index: number;
  label: FrameLabel;
  /** What the model sees of it. */
  seen: Size;
  /** Null where the picture is not there yet. */
  print: Print | null;
}

export function wantedFrames(oneRecording: boolean): number {
  return oneRecording ? WANTED_OF_CINE : WANTED_OF_PICTURES;
}

/** One line each; empty where there is nothing to say. `image_size` is the side of the model's input. */
export function notesBefore(frames: readonly LabelledFrame[], structures: readonly OwnStructure[], image_size: number, oneRecording: boolean): string[] {
  const notes: string[] = [];
  if (frames.length < FEWEST) {
    notes.push(`${frames.length === 1 ? 'One frame is' : `${frames.length} frames are`} labelled: with fewer than ${FEWEST} none is kept apart, and nothing tells how good the model is.`);
  }
  const alike = repeated(frames);
  if (alike.length > 0) notes.push(`Frames ${alike.map(({ index }) => index + 1).join(', ')} look the same: together they teach no more than one.`);
  for (const { name } of structures) {
    const of = frames.flatMap(({ label, seen, index }) => {
      const mask = label.masks.get(name);
      return mask === undefined ? [] : [{ index, area: areaOf(mask), cells: cellsOf(areaOf(mask), seen, image_size) }];
    });
    if (of.length === 0) {
      notes.push(`${name} is labelled on no frame: it is left out.`);
      continue;
    }
    if (of.every(({ area }) => area === 0)) notes.push(`${name} has no pixel on any frame: the model would learn that it is never there.`);
    const small = of.filter(({ area, cells }) => area > 0 && cells < LEAST_CELLS);
    if (small.length > 0) {
      notes.push(`${name} is small on ${small.length === 1 ? `frame ${small[0]!.index + 1}` : `${small.length} frames`}: a model that sees ${image_size} pixels draws in cells of 4. Crop closer, or choose a larger image size.`);
    }
  }
  if (oneRecording && frames.length > 0) notes.push('All frames are of one recording: the model will know this one, and perhaps no other.');
  return notes;
}

/** After learning: what the figure means, and what it does not. */
export function notesAfter(dice: number | null, held_back: number, oneRecording: boolean): string[] {
  if (dice === null) return ['No frame was kept apart: nothing says how good this model is. Look at its masks before you use them.'];
  const frames = held_back === 1 ? 'one frame that was' : `${held_back} frames that were`;
  return [
    `On ${frames} not learnt from, the masks overlap the labels with a Dice of ${dice.toFixed(2)}.${dice < LOW_DICE ? ' That is low: label more frames and learn again.' : ''}`,
    oneRecording ? 'They are of the same recording: that is no validation, and says nothing of other people or other machines.' : 'So few pictures are no validation: compare with labels of other people and other machines before you trust it.',
  ];
}

function cellsOf(area: number, { width, height }: Size, image_size: number): number {
  const scale = image_size / Math.max(width, height);
  return (area * scale * scale) / 16;
}

/** The frames that another one before them looks the same as, and those ones. */
function repeated(frames: readonly LabelledFrame[]): LabelledFrame[] {
  return frames.filter((frame) => frames.some((other) => other !== frame && frame.print !== null && other.print !== null && distance(frame.print, other.print) < SAME));
}

/** Mean difference in grey levels. */
export function distance(a: Print, b: Print): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

/**
 * The frame to label next: where the model is least sure, if it says so of enough frames; else the one that is most unlike all that are
 * labelled. Null where none is left. `expected` is the Dice to be expected of a frame's masks.
 */
export function nextFrame(prints: ReadonlyMap<number, Print>, labelled: ReadonlySet<number>, expected: ReadonlyMap<number, number>): { index: number; why: 'least sure' | 'most unlike' } | null {
  const left = [...prints.keys()].filter((index) => !labelled.has(index));
  const known = left.filter((index) => expected.has(index));
  if (known.length > 0 && known.length >= left.length / 2) {
    return { index: known.reduce((least, index) => (expected.get(index)! < expected.get(least)! ? index : least)), why: 'least sure' };
  }
  const done = [...labelled].flatMap((index) => prints.get(index) ?? []);
  if (left.length === 0) return null;
  // The first one is in the middle of the recording.
  if (done.length === 0) return { index: left[Math.floor(left.length / 2)]!, why: 'most unlike' };
  const apart = (index: number) => Math.min(...done.map((print) => distance(prints.get(index)!, print)));
  return { index: left.reduce((most, index) => (apart(index) > apart(most) ? index : most)), why: 'most unlike' };
}
