// What a person takes home: each export is a file with a name.

import { zipOf } from '../../export/archive';
import { cocoDataset, frameName, stem, type SegmentationForm } from '../../export/coco';
import { measurementsCsv } from '../../export/csv';
import { disclaimer } from '../../export/disclaimer';
import { maskPng } from '../../export/mask-png';
import { cineWebm } from '../../export/video';
import { lengthText, pixelShape, type PixelSize } from '../../measure/spacing';
import { projectFileName, writeProject } from '../../project/file';
import { hashOf } from '../../share/link';
import type { ModelCard } from '../../shared/api';
import { wholeOf } from '../../shared/geometry';
import { failed, nameOf } from '../../shared/messages';
import type { App } from '../app';
import { isCine, pictureName } from '../sources/types';
import { draw } from '../stage/draw';
import type { Stage } from '../stage/stage';
import { shaped } from '../stage/view';
import { cardOf, currentPrompts, NO_CALIPERS, type Answer } from '../state';
import { answeredFrames, namesOf, rowsOf, segmentedFrame, wholeMap, type AnsweredFrame } from './answered';
import { gatherProject } from './gather';
import { shippedEntry } from './identity';
import { pixelsAt } from './pixels';

export interface SavedFile {
  name: string;
  blob: Blob;
}

/** Of the strip below an exported picture, in pixels: nothing is written over the picture itself. */
const STRIP = 20;

/** One PNG for a picture, an archive of them for several frames. */
export function masks(app: App): SavedFile {
  const { frames, card, name } = take(app);
  const files = new Map<string, Uint8Array>();
  for (const { frame, answer } of frames) {
    const own = fileOf(app, frame);
    const file = own === null || files.has(`${stem(own)}_mask.png`) ? frameName(name, frame, 'png') : `${stem(own)}_mask.png`;
    files.set(file, maskPng(wholeMap(answer), disclaimer(card.training_data)));
  }
  const [[first, png]] = [...files] as [[string, Uint8Array<ArrayBuffer>]];
  if (files.size === 1) return { name: first, blob: new Blob([png], { type: 'image/png' }) };
  return { name: `${stem(name)}_masks.zip`, blob: zipOf(files) };
}

/** The frame on the stage as it is drawn there, at the picture's own size. */
export async function overlay(app: App): Promise<SavedFile> {
  const { card, name } = take(app);
  const { shown } = app.store.state;
  if (shown === null) throw nothing();
  const { picture, index } = shown.frame;
  const { width, height } = shaped(picture, shapeOf(app));
  const canvas = new OffscreenCanvas(Math.round(width), Math.round(height) + STRIP);
  paint(app, canvas.getContext('2d', { alpha: false })!, picture, index, shown.answer, card);
  return { name: frameName(`${stem(fileOf(app, index) ?? name)}_overlay`, index, 'png'), blob: await canvas.convertToBlob({ type: 'image/png' }) };
}

/** All frames of a cine; those that were not segmented say so. */
export async function cine(app: App, onProgress: (done: number, total: number) => void, signal: AbortSignal): Promise<SavedFile> {
  const { frames, card, name } = take(app);
  const source = app.session.finite;
  if (source === null || !isCine(source)) throw nothing();
  const answers = new Map(frames.map(({ frame, answer }) => [frame, answer]));
  const { width, height } = shaped(source, pixelShape(source.pixel_aspect));
  let time_s = 0;
  const times = source.durations_ms.map((duration_ms) => {
    const frame = { time_s, duration_s: duration_ms / 1000 };
    time_s += frame.duration_s;
    return frame;
  });
  const blob = await cineWebm({
    width: Math.round(width),
    height: Math.round(height) + STRIP,
    frames: times,
    async draw(context, at) {
      const { picture } = await source.frame(at);
      paint(app, context, picture, at, answers.get(at) ?? null, card);
      picture.close();
    },
    onProgress: (done) => onProgress(done, source.frames),
    signal,
  });
  return { name: `${stem(name)}_labelled.webm`, blob };
}

export function coco(app: App, form: SegmentationForm): SavedFile {
  const { frames, card, name } = take(app);
  const fileNameOf = (frame: number) => fileOf(app, frame) ?? frameName(name, frame, 'png');
  const origin = { fileNameOf, structures: namesOf(card), training_data: card.training_data, created: new Date() };
  const json = JSON.stringify(cocoDataset(frames.map(segmentedFrame), origin, form));
  return { name: `${stem(name)}_coco_${form}.json`, blob: new Blob([json], { type: 'application/json' }) };
}

export function csv(app: App): SavedFile {
  const { frames, card, name, model } = take(app);
  const rows = frames.flatMap((frame) => rowsOf(app.store.state, frame));
  const text = measurementsCsv(rows, { source: name, model, training_data: card.training_data || 'not stated' });
  return { name: `${stem(name)}_measurements.csv`, blob: new Blob([text], { type: 'text/csv' }) };
}

/** A DICOM segmentation object that refers to the file that is open. */
export async function dicomSegmentation(app: App): Promise<SavedFile> {
  const { frames, card, name, model } = take(app);
  const { source } = app.session;
  if (source?.kind !== 'dicom') throw nothing();
  const prompted = new Set([...app.store.state.history.present.values()].flat().map(({ structure }) => structure));
  const { manual } = app.store.state.tools;
  const bytes = await source.dicom.segmentation({
    frames: frames.map(({ frame, answer }) => ({ index: frame, class_ids: wholeMap(answer).class_ids })),
    structures: card.structures.map(({ name, color }, structure) => ({
      name,
      color,
      algorithm: manual ? 'manual' : prompted.has(structure) ? 'semiautomatic' : 'automatic',
    })),
    model,
    training_data: card.training_data,
  });
  return { name: `${stem(name)}_seg.dcm`, blob: new Blob([bytes], { type: 'application/dicom' }) };
}

export async function project(app: App): Promise<SavedFile> {
  const text = writeProject(await gatherProject(app));
  return { name: projectFileName(stem(app.session.source?.name ?? 'project')), blob: new Blob([text], { type: 'application/json' }) };
}

/** Null where what is open is a person's own. */
export async function shareLink(app: App, stage: Stage): Promise<string | null> {
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
    view: stage.place,
    look: { ...look, hidden: [...look.hidden], colors: [...look.colors].map(([structure, color]) => ({ structure, color })) },
  });
  return `${location.origin}${location.pathname}${hash}`;
}

interface Taken {
  frames: AnsweredFrame[];
  card: ModelCard;
  /** Of the source and of the model. */
  name: string;
  model: string;
}

function take(app: App): Taken {
  const { state } = app.store;
  const frames = answeredFrames(app);
  const card = cardOf(state);
  if (card === null || state.model.kind !== 'ready' || frames.length === 0) throw nothing();
  return { frames, card, name: app.session.source?.name ?? 'capture', model: nameOf(state.model.origin) };
}

function nothing() {
  return failed('segment', 'There is nothing to export yet.', 'Open a source and let the model segment it first.');
}

/** The name of the file that a frame is, where each is one. */
function fileOf({ session: { source } }: App, frame: number): string | null {
  return source?.kind === 'pictures' ? pictureName(source, frame) : null;
}

function shapeOf({ session }: App): PixelSize {
  return pixelShape(session.source?.pixel_aspect ?? 1);
}

function paint(app: App, context: OffscreenCanvasRenderingContext2D, picture: ImageBitmap, index: number, answer: Answer | null, card: ModelCard): void {
  const { state } = app.store;
  const shape = shapeOf(app);
  const { width, height: exact } = shaped(picture, shape);
  const height = Math.round(exact);
  const pixels = pixelsAt(state, index, picture);
  draw(context, {
    picture,
    view: { scale: 1, shape, x: 0, y: 0 },
    moving: false,
    density: Math.max(0.6, Math.max(width, height) / 1000),
    card,
    answer,
    look: state.look,
    prompts: [],
    lengths: (state.calipers.get(index) ?? NO_CALIPERS).map((caliper) => ({ ...caliper, text: lengthText(caliper.from, caliper.to, pixels) })),
    draft: null,
    crop: wholeOf(picture),
    cropping: false,
    brush: null,
  });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalAlpha = 1;
  context.fillStyle = '#000000';
  context.fillRect(0, height, width, STRIP);
  context.fillStyle = '#ffffff';
  context.font = '11px system-ui, sans-serif';
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  const text = `${answer === null ? 'Not segmented. ' : ''}Research only, not a medical device. Trained on: ${card.training_data || 'not stated'}`;
  context.fillText(text, 4, height + STRIP / 2, width - 8);
}
