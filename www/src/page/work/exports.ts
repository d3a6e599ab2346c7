// What a person takes home: each export is a file with a name. A worker writes them, so that the page stays quick.

import type { SegmentationForm } from '../../export/coco';
import type { CsvStyle, MeasuredFrame } from '../../export/csv';
import { disclaimer } from '../../export/disclaimer';
import { frameName, stem } from '../../export/names';
import { calibrationOf, lengthText } from '../../measure/spacing';
import { projectFileName, writeProject } from '../../project/file';
import { hashOf } from '../../share/link';
import type { ModelCard } from '../../shared/api';
import { boxBetween } from '../../shared/geometry';
import { failed, failureOf, nameOf } from '../../shared/messages';
import type { Core } from '../core';
import { isCine, pictureName, type FiniteSource, type Frame } from '../sources/types';
import { drawnAnswer } from '../stage/draw';
import { cardOf, currentPrompts, NO_CALIPERS, type Answer, type Place, type State } from '../state';
import { answeredFrames, frameNameOf, madeBy, namesOf, rowsOf, runsFrame, wholeMap, type AnsweredFrame } from './answered';
import { gatherProject } from './gather';
import { shippedEntry } from './identity';
import { pixelsAt } from './pixels';
import { standardFigures } from './standard';
import { writer } from './writer/client';
import { labelledSize, type Labelled } from './writer/labelled';

export interface SavedFile {
  name: string;
  blob: Blob;
  /** What its reader should know. */
  note?: string;
}

/** How an export that takes long tells how far it is, and is told to stop. */
export interface Course {
  onProgress(done: number, total: number): void;
  signal: AbortSignal;
}

/** One PNG for a picture, an archive of them for several frames. */
export async function masks(app: Core): Promise<SavedFile> {
  const { state, frames, card, name } = take(app);
  const blob = await writer().ask({ type: 'masks', frames: frames.map((frame) => runsFrame(state, frame)), comment: disclaimer(card.training_data) });
  const single = frames.length === 1 && frames[0] !== undefined;
  return { name: single ? `${stem(frameNameOf(state, frames[0]!.frame)).replaceAll('/', '_')}_mask.png` : `${stem(name)}_masks.zip`, blob };
}

/** The frame on the stage as it is drawn there, at the picture's own size. */
export async function overlay(app: Core): Promise<SavedFile> {
  const { state, card, name } = take(app);
  const { shown } = state;
  if (shown === null) throw nothing();
  const { picture, index } = shown.frame;
  const labelled = labelledOf(state, await createImageBitmap(picture), index, shown.answer, card);
  const blob = await writer().ask({ type: 'overlay', labelled }, undefined, [labelled.picture]);
  return { name: frameName(`${stem(name)}_overlay`, index, 'png'), blob };
}

/** All frames of a cine, each for as long as it lasts; those that were not segmented say so. */
export async function cine(app: Core, course: Course): Promise<SavedFile> {
  const { state, frames, card, name } = take(app);
  const source = app.session.finite;
  if (source === null || !isCine(source)) throw nothing();
  const answers = new Map(frames.map(({ frame, answer }) => [frame, answer]));
  const { durations_ms, pixel_aspect } = source;
  let end_ms = 0;
  const begins_ms = durations_ms.map((duration) => {
    const begin = end_ms;
    end_ms += duration;
    return begin;
  });
  const shape = { ...labelledSize(source, pixel_aspect), frames_per_second: (1000 * source.frames) / end_ms };
  await writer().ask({ type: 'begin-video', shape });
  const left = await eachFrame(source, [...durations_ms.keys()], course, async ({ picture, index }) => {
    const labelled = labelledOf(state, picture, index, answers.get(index) ?? null, card);
    await writer().ask({ type: 'add-to-video', labelled, time_s: begins_ms[index]! / 1000, duration_s: durations_ms[index]! / 1000 }, undefined, [picture]);
  });
  const blob = await writer().ask({ type: 'end-video' });
  const rate = source.times_s === null ? `The source does not say when its frames were taken: they follow at ${(1000 / durations_ms[0]!).toFixed(0)} a second.` : '';
  return { name: `${stem(name)}_labelled.webm`, blob, note: [rate, left].filter(Boolean).join(' ') };
}

/** Pictures and labels in the reference's folders, for training. */
export async function dataset(app: Core, course: Course): Promise<SavedFile> {
  const { state, frames, card, name, model } = take(app);
  const source = app.session.finite;
  if (source === null) throw failed('segment', 'A live picture is no data set.', 'Save its frames first, and open them as pictures.');
  const answered = new Map(frames.map((frame) => [frame.frame, frame]));
  await writer().ask({ type: 'begin-dataset' });
  const comment = disclaimer(card.training_data);
  const left = await eachFrame(source, [...answered.keys()], course, async ({ picture, index }) => {
    const one = answered.get(index)!;
    await writer().ask({ type: 'add-to-dataset', picture, frame: runsFrame(state, one), spacing_mm: squareSpacing(state, one), comment }, undefined, [picture]);
  });
  const structures = card.structures.map(({ name, color }) => ({ name, color }));
  const provenance = `${name}, segmented by ${model}. ${comment}`;
  const blob = await writer().ask({ type: 'end-dataset', origin: cocoOrigin(card), description: { structures, provenance } });
  const note = frames.some(({ frame, answer }) => madeBy(state, frame, answer) !== 'reviewed') ? 'Not every frame in it is marked as reviewed.' : '';
  return { name: `${stem(name)}_dataset.zip`, blob, note: [note, left].filter(Boolean).join(' ') };
}

export async function coco(app: Core, form: SegmentationForm): Promise<SavedFile> {
  const { state, frames, card, name } = take(app);
  const { blob, note } = await writer().ask({ type: 'coco', frames: frames.map((frame) => runsFrame(state, frame)), origin: cocoOrigin(card), form });
  return { name: `${stem(name)}_coco_${form}.json`, blob, note };
}

/** Every structure of every segmented frame, and every distance that was taken. */
export async function csv(app: Core, style: CsvStyle, { onProgress, signal }: Course): Promise<SavedFile> {
  const { state, frames, card, name, model } = take(app);
  const answered = new Map(frames.map((frame) => [frame.frame, frame]));
  const indices = [...new Set([...answered.keys(), ...state.history.present.calipers.keys()])].sort((a, b) => a - b);
  const measured: MeasuredFrame[] = [];
  for (const frame of indices) {
    signal.throwIfAborted();
    const one = answered.get(frame);
    measured.push({
      frame,
      name: frameNameOf(state, frame),
      time_s: app.session.finite?.times_s?.[frame] ?? null,
      made_by: one === undefined ? null : madeBy(state, frame, one.answer),
      rows: one === undefined ? [] : await rowsOf(state, one),
      standard: one === undefined ? null : standardFigures(state, frame, one.answer),
      distances: distancesOf(state, frame, one?.answer.size ?? state.shown!.frame.picture),
    });
    onProgress(measured.length, indices.length);
  }
  const origin = { source: name, model, training_data: card.training_data || 'not stated' };
  return { name: `${stem(name)}_measurements.csv`, blob: await writer().ask({ type: 'csv', frames: measured, origin, style }) };
}

/** A DICOM segmentation object that refers to the file that is open. */
export async function dicomSegmentation(app: Core): Promise<SavedFile> {
  const { frames, card, name, model } = take(app);
  const { source } = app.session;
  if (source?.kind !== 'dicom') throw nothing();
  // Where a person's prompts count the model still drew the mask, from its decoder alone or with all of it.
  const prompted = new Set(frames.flatMap(({ answer: { question, imported, segmentation } }) => (imported ? segmentation.structures : question.prompts).map(({ structure }) => structure)));
  const bytes = await source.dicom.segmentation({
    frames: frames.map(({ frame, answer }) => ({ index: frame, class_ids: wholeMap(answer).class_ids })),
    structures: card.structures.map(({ name, color }, structure) => ({ name, color, algorithm: prompted.has(structure) ? 'semiautomatic' : 'automatic' })),
    model,
    training_data: card.training_data,
  });
  return { name: `${stem(name)}_seg.dcm`, blob: new Blob([bytes], { type: 'application/dicom' }) };
}

export async function project(app: Core): Promise<SavedFile> {
  const text = writeProject(await gatherProject(app));
  return { name: projectFileName(stem(app.session.source?.name ?? 'project')), blob: new Blob([text], { type: 'application/json' }) };
}

/** Null where what is open is a person's own. */
export async function shareLink(app: Core, view: Place): Promise<string | null> {
  const { state } = app.store;
  const { source, model, shown, look, tools, shipped } = state;
  if (source.kind !== 'open' || source.origin.kind !== 'demo' || model.kind !== 'ready' || model.origin.kind !== 'shipped' || shown === null) return null;
  const entry = shippedEntry(shipped.models, model.origin.url);
  if (entry === undefined) return null;
  const hash = await hashOf({
    model: entry.name,
    demo: source.origin.name,
    frame: shown.frame.index,
    manual: tools.manual,
    prompts: [...currentPrompts(state)],
    view,
    look: { ...look, hidden: [...look.hidden], colors: [...look.colors].map(([structure, color]) => ({ structure, color })) },
  });
  return `${location.origin}${location.pathname}${hash}`;
}

interface Taken {
  state: State;
  frames: AnsweredFrame[];
  card: ModelCard;
  /** Of the source and of the model. */
  name: string;
  model: string;
}

function take(app: Core): Taken {
  const { state } = app.store;
  const frames = answeredFrames(app);
  const card = cardOf(state);
  if (card === null || state.model.kind !== 'ready' || frames.length === 0) throw nothing();
  const { source } = app.session;
  const alone = source?.kind === 'pictures' && source.frames === 1 ? pictureName(source, 0) : source?.name;
  return { state, frames, card, name: alone ?? 'capture', model: nameOf(state.model.origin) };
}

function nothing() {
  return failed('segment', 'There is nothing to export yet.', 'Open a source and let the model segment it first.');
}

/** Hands frames over one by one; one that cannot be decoded is left out. What was begun is dropped where it is cancelled or fails. */
async function eachFrame(source: FiniteSource, indices: readonly number[], { onProgress, signal }: Course, add: (frame: Frame) => Promise<void>): Promise<string> {
  const missing: number[] = [];
  try {
    for (const [at, index] of indices.entries()) {
      signal.throwIfAborted();
      const frame = await source.frame(index).catch(() => null);
      if (frame === null) missing.push(index + 1);
      else await add(frame);
      onProgress(at + 1, indices.length);
    }
  } catch (error) {
    void writer().ask({ type: 'cancel' }).catch(failureOf);
    throw error;
  }
  return missing.length === 0 ? '' : `Left out, for they cannot be decoded: frames ${missing.join(', ')}.`;
}

function cocoOrigin(card: ModelCard) {
  return { structures: namesOf(card), training_data: card.training_data, created: new Date() };
}

export function labelledOf(state: State, picture: ImageBitmap, index: number, answer: Answer | null, card: ModelCard): Labelled {
  const pixels = pixelsAt(state, index, picture);
  const lengths = (state.history.present.calipers.get(index) ?? NO_CALIPERS).map((caliper) => ({ ...caliper, text: lengthText(caliper.from, caliper.to, pixels) }));
  return { picture, aspect: pixels.aspect, card, answer: drawnAnswer(answer, card), look: state.look, lengths };
}

function distancesOf(state: State, frame: number, size: Answer['size']): MeasuredFrame['distances'] {
  const { scales, aspect } = pixelsAt(state, frame, size);
  return (state.history.present.calipers.get(frame) ?? NO_CALIPERS).map(({ from, to }) => ({ from, to, calibration: calibrationOf(scales, boxBetween(from, to)), aspect }));
}

/** Millimetres a pixel where the model looked, as a data set has it: one number, so none where pixels are not square. */
function squareSpacing(state: State, { frame, answer: { size, segmentation } }: AnsweredFrame): number | null {
  const calibration = calibrationOf(pixelsAt(state, frame, size).scales, segmentation.crop);
  if (calibration.kind !== 'known') return null;
  const { x_mm, y_mm } = calibration.spacing;
  return Math.abs(x_mm - y_mm) < 1e-3 * x_mm ? x_mm : null;
}
