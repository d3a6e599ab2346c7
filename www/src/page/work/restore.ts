// A project put back onto the page: its model, its source, then all that was made on them.

import { contoursOf } from '../../export/polygons';
import { paintRle } from '../../export/rle';
import { maskOf, type ClassMap } from '../../measure/mask';
import { isFile } from '../../project/identity';
import type { Project, ProjectFrame } from '../../project/schema';
import { clampBox } from '../../shared/geometry';
import { runsOf } from '../../shared/runs';
import type { App } from '../app';
import { openFiles } from '../sources/open';
import { questionAt, type Answer, type Question } from '../state';
import { isSameModel, modelIdentity } from './identity';

/** What of a project is at hand beside it. */
export interface Provided {
  files: readonly File[];
  model: File | null;
}

/** False where its source is not at hand: whoever opens it then calls {@link applyProject}. */
export async function restoreProject(app: App, project: Project, provided: Provided): Promise<boolean> {
  await restoreModel(app, project, provided.model);
  if (!(await restoreSource(app, project, provided.files))) return false;
  await applyProject(app, project);
  return true;
}

async function restoreModel(app: App, { model }: Project, file: File | null): Promise<void> {
  if (model === null || isSameModel(model, await modelIdentity(app.store.state))) return;
  if (file !== null) return app.engine.load({ kind: 'file', file });
  const shipped = app.store.state.shipped.models.find(({ title, sha256 }) => isSameModel(model, { name: title, sha256: sha256 || null, structures: [] }));
  if (shipped !== undefined) return app.loadShipped(shipped);
  app.store.update({ notice: `This work was made with the model ${model.name}. Choose that file to see its masks again.` });
}

async function restoreSource(app: App, { source }: Project, files: readonly File[]): Promise<boolean> {
  if (source === null) return false;
  if (source.kind === 'demo') {
    const demo = app.store.state.shipped.demos.find(({ name }) => name === source.name);
    return demo !== undefined && app.openDemo(demo, false);
  }
  if (files.length > 0) return app.session.open(source.files[0]?.name ?? 'kept work', { kind: 'files', files }, () => openFiles(files), false);
  const { source: open } = app.store.state;
  return open.kind === 'open' && open.origin.kind === 'files' && (await isSource(source, open.origin.files));
}

/** Whether these are the files that a project was made on. */
export async function isSource(source: Project['source'], files: readonly File[]): Promise<boolean> {
  if (source === null || source.kind === 'demo' || source.files.length !== files.length || files.length === 0) return false;
  const same = await Promise.all(source.files.map((identity, at) => isFile(identity, files[at]!)));
  return same.every(Boolean);
}

/** What was made on the source that is open. */
export async function applyProject(app: App, project: Project): Promise<void> {
  const { store, session } = app;
  const { tools } = store.state;
  const { manual, carry, look } = project.settings;
  store.update({
    history: { past: [], present: new Map(project.frames.flatMap(({ frame, prompts }) => (prompts === null ? [] : [[frame, prompts]]))), future: [] },
    calipers: new Map(project.frames.map(({ frame, calipers }) => [frame, calipers])),
    scales_by_hand: new Map(project.scales_by_hand.map(({ picture, ...scale }) => [picture, scale])),
    tools: { ...tools, manual, carry },
    look: { ...look, hidden: new Set(look.hidden), colors: new Map(look.colors.map(({ structure, color }) => [structure, color])) },
  });
  const sameModel = isSameModel(project.model, await modelIdentity(store.state));
  const answers = sameModel ? project.frames.flatMap((frame) => answerOf(questionAt(store.state, frame.frame), frame)) : [];
  session.restore(project.crops.map(({ picture, box }) => [picture, box]), answers);
  await session.seek(project.current_frame);
}

/** None where the frame was not segmented, or its masks do not fit it. */
function answerOf(question: Question | null, { frame, masks }: ProjectFrame): [index: number, answer: Answer][] {
  if (question === null || masks === null) return [];
  const { width, height, structures } = masks;
  const crop = clampBox(masks.crop, { width, height });
  let whole: ClassMap;
  try {
    whole = { width, height, class_ids: new Uint8Array(width * height) };
    for (const { structure, rle } of structures) if (rle !== null) paintRle(rle, whole, structure + 1);
  } catch {
    return [];
  }
  const [left, top, right, bottom] = crop;
  const class_ids = new Uint8Array((right - left) * (bottom - top));
  for (let y = top; y < bottom; y++) class_ids.set(whole.class_ids.subarray(y * width + left, y * width + right), (y - top) * (right - left));
  const found = structures.map(({ structure, present, iou, object_score, predicted_box }) => {
    const mask = maskOf(whole, structure + 1);
    const { outlines, holes } = mask === null ? { outlines: [], holes: [] } : contoursOf(mask);
    return {
      structure,
      present,
      iou,
      object_score,
      area_px: mask?.area ?? 0,
      bounding_box: mask === null ? null : ([mask.left, mask.top, mask.left + mask.width, mask.top + mask.height] as [number, number, number, number]),
      predicted_box,
      contours: [...outlines, ...holes].map((polygon) => new Float32Array(polygon)),
    };
  });
  const segmentation = { width: right - left, height: bottom - top, runs: runsOf(class_ids), structures: found, timings: [], crop };
  return [[frame, { question: { ...question, crop }, size: { width, height }, segmentation }]];
}
