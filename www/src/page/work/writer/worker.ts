// The worker that measures masks and writes files. Requests are answered one after the other.

import { Archive } from '../../../export/archive';
import { cocoDataset, holesIn } from '../../../export/coco';
import { measurementsCsv } from '../../../export/csv';
import { DatasetFolder } from '../../../export/dataset';
import { maskPng } from '../../../export/mask-png';
import { uniqueStems } from '../../../export/names';
import { CineWriter } from '../../../export/video';
import { measureFrame, type SegmentedFrame } from '../../../measure/frames';
import { failed, FailureError, messageOf } from '../../../shared/messages';
import { classIdsOf } from '../../../shared/runs';
import { labelledSize, paintLabelled } from './labelled';
import type { FromWorker, Replies, Request, RunsFrame, ToWorker } from './messages';

interface Scope {
  postMessage(message: FromWorker): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
}
const scope = self as unknown as Scope;

let last: Promise<void> = Promise.resolve();
/** What was begun and is not ended. */
let dataset: { folder: DatasetFolder; frames: RunsFrame[] } | null = null;
let video: CineWriter | null = null;

scope.addEventListener('message', ({ data: { id, request } }) => {
  last = last.then(async () => {
    try {
      scope.postMessage({ type: 'reply', id, value: await answer(request) });
    } catch (error) {
      const failure = error instanceof FailureError ? error.failure : failed('page', `The file could not be written: ${messageOf(error)}.`, 'Try again, or export another kind of file.').failure;
      scope.postMessage({ type: 'failed', id, failure });
    }
  });
});

async function answer(request: Request): Promise<Replies[Request['type']]> {
  switch (request.type) {
    case 'measure':
      return measureFrame({ ...request.frame, map: mapOf(request.frame) }, request.names, request.pixels);
    case 'masks':
      return masks(request.frames, request.comment);
    case 'coco': {
      const coco = cocoDataset(wholes(request.frames), request.origin, request.form);
      return { blob: jsonBlob(coco), note: holesIn(coco.annotations) };
    }
    case 'csv':
      return new Blob([measurementsCsv(request.frames, request.origin, request.style)], { type: 'text/csv' });
    case 'overlay': {
      const { width, height } = labelledSize(request.labelled.picture, request.labelled.aspect);
      const canvas = new OffscreenCanvas(width, height);
      paintLabelled(canvas, request.labelled);
      return canvas.convertToBlob({ type: 'image/png' });
    }
    case 'begin-dataset':
      dataset = { folder: new DatasetFolder(), frames: [] };
      return null;
    case 'add-to-dataset': {
      const { folder, frames } = begun(dataset);
      const { picture, frame, spacing_mm, comment } = request;
      frames.push({ ...frame, name: await folder.add(picture, frame.name, mapOf(frame), spacing_mm, comment) });
      return null;
    }
    case 'end-dataset': {
      const { folder, frames } = begun(dataset);
      dataset = null;
      return folder.finish(request.description, cocoDataset(wholes(frames), request.origin, 'rle'));
    }
    case 'begin-video':
      video = await CineWriter.begin(request.shape);
      return null;
    case 'add-to-video': {
      const writer = begun(video);
      paintLabelled(writer.canvas, request.labelled);
      await writer.add(request.time_s, request.duration_s);
      return null;
    }
    case 'end-video': {
      const blob = await begun(video).finish();
      video = null;
      return blob;
    }
    case 'cancel':
      dataset = null;
      await video?.cancel();
      video = null;
      return null;
  }
}

function masks(frames: readonly RunsFrame[], comment: string): Blob {
  const [first] = frames;
  if (frames.length === 1 && first !== undefined) return new Blob([maskPng(mapOf(first), comment)], { type: 'image/png' });
  const archive = new Archive();
  const stems = uniqueStems(frames.map(({ name }) => name));
  frames.forEach((frame, at) => archive.add(`${stems[at]}_mask.png`, maskPng(mapOf(frame), comment)));
  return archive.finish();
}

function mapOf({ size, crop, runs }: Pick<RunsFrame, 'size' | 'crop' | 'runs'>): SegmentedFrame['map'] {
  return { ...size, class_ids: classIdsOf(runs, crop, size) };
}

/** One after the other: the masks of a long cine do not fit into memory all at once. */
function* wholes(frames: readonly RunsFrame[]): Generator<SegmentedFrame> {
  for (const { size, crop, runs, ...frame } of frames) yield { ...frame, map: mapOf({ size, crop, runs }) };
}

function jsonBlob(value: unknown): Blob {
  return new Blob([JSON.stringify(value)], { type: 'application/json' });
}

function begun<T>(writer: T | null): T {
  if (writer === null) throw failed('page', 'The export was cancelled.', 'Start it again.');
  return writer;
}
