// Files to take home, the project, and the link.

import { FOR_SCRIPTS, forSpreadsheet } from '../../export/csv';
import { failureOf } from '../../shared/messages';
import type { App } from '../app';
import { h, setText } from '../dom';
import type { Stage } from '../stage/stage';
import { isCine, isFinite } from '../sources/types';
import { answeredFrames } from '../work/answered';
import { recordClip } from '../work/clip';
import * as exports from '../work/exports';
import { download } from './download';
import { fileButton, panel, textButton } from './parts';

export function exportPanel(app: App, stage: Stage): HTMLElement {
  const { store } = app;
  const status = h('p', { id: 'export-status', className: 'quiet' });
  status.role = 'status';
  let running: AbortController | null = null;

  /** One export at a time; what fails is said where the person looks. */
  const run = (what: (course: exports.Course) => Promise<exports.SavedFile>) => async () => {
    if (running !== null) return;
    running = new AbortController();
    setText(status, 'Writing…');
    const onProgress = (done: number, total: number) => {
      stop.hidden = total === 1;
      setText(status, `Frame ${done} of ${total}…`);
    };
    try {
      const file = await what({ signal: running.signal, onProgress });
      download(file);
      setText(status, `Saved ${file.name}.${file.note ? ` ${file.note}` : ''}`);
    } catch (error) {
      const { message, advice } = failureOf(error);
      setText(status, running.signal.aborted ? 'Cancelled.' : `${message} ${advice}`);
    }
    running = null;
    stop.hidden = true;
  };
  const button = (id: string, label: string, what: Parameters<typeof run>[0]) => {
    const made = textButton(label, 'save', () => void run(what)());
    made.id = id;
    return made;
  };
  const stop = textButton('Cancel', 'close', () => running?.abort());
  stop.hidden = true;

  const masks = button('export-masks', 'Masks (PNG)', () => exports.masks(app));
  const overlay = button('export-overlay', 'Overlay (PNG)', () => exports.overlay(app));
  const cine = button('export-cine', 'Labelled cine (WebM)', (course) => exports.cine(app, course));
  const dataset = button('export-dataset', 'Training data (ZIP)', (course) => exports.dataset(app, course));
  dataset.title = 'Pictures and labels in the folders that a trainer reads: Train/imgs, Train/gts, dataset.json, and COCO';
  const clip = button('export-clip', 'Record a clip', async ({ signal }) => {
    stop.hidden = false;
    setText(stop.querySelector('span')!, 'Stop and save');
    try {
      return await recordClip(app, (seconds) => setText(status, `Recording, ${seconds.toFixed(0)} s…`), signal);
    } finally {
      setText(stop.querySelector('span')!, 'Cancel');
    }
  });
  clip.title = 'What is on the stage from now on, with its masks';
  const rle = button('export-coco-rle', 'COCO, run lengths', () => exports.coco(app, 'rle'));
  const polygons = button('export-coco-polygons', 'COCO, polygons', () => exports.coco(app, 'polygons'));
  const csv = button('export-csv', 'Measurements (CSV)', (course) => exports.csv(app, FOR_SCRIPTS, course));
  const sheet = button('export-csv-sheet', 'Measurements for a spreadsheet', (course) => exports.csv(app, forSpreadsheet(navigator.language), course));
  sheet.title = 'CSV as Excel opens it here: with a byte order mark, and the separators of this browser’s language';
  const seg = button('export-dicom', 'DICOM SEG', () => exports.dicomSegmentation(app));
  const project = button('export-project', 'Save project', () => exports.project(app));
  const share = textButton('Copy link to this view', 'link', () => void copyLink());
  share.id = 'share';
  const link = h('input', { id: 'share-link', type: 'text', readOnly: true, hidden: true });
  link.ariaLabel = 'Link to this view';
  async function copyLink(): Promise<void> {
    try {
      const address = await exports.shareLink(app, stage.place);
      if (address === null) return;
      link.hidden = false;
      link.value = address;
      link.select();
      await navigator.clipboard?.writeText(address).then(() => setText(status, 'Link copied.'), () => setText(status, 'Copy the link below.'));
    } catch (error) {
      setText(status, error instanceof Error ? error.message : String(error));
    }
  }

  store.watch((state) => [state.answered, state.shown?.answer ?? null, state.source, state.model], (state, ..._parts) => {
    const { source, model, shown } = state;
    const some = shown?.answer != null || (state.answered > 0 && answeredFrames(app).length > 0);
    for (const one of [masks, overlay, clip, cine, dataset, rle, polygons, csv, sheet, seg]) one.disabled = !some;
    overlay.disabled = shown?.answer == null;
    dataset.hidden = source.kind !== 'open' || !isFinite(source.source);
    clip.hidden = source.kind !== 'open' || isFinite(source.source);
    cine.hidden = source.kind !== 'open' || !isCine(source.source);
    seg.hidden = source.kind !== 'open' || source.source.kind !== 'dicom';
    project.disabled = source.kind === 'none';
    const sharable = source.kind === 'open' && source.origin.kind === 'demo' && model.kind === 'ready' && model.origin.kind === 'shipped';
    share.disabled = !sharable;
    share.title = sharable ? '' : 'Only demos can be shared: what you open stays on this machine';
    if (!sharable) link.hidden = true;
  });
  return panel(
    'export-panel',
    'Export and project',
    h('div', { className: 'buttons small' }, masks, overlay, clip, cine, dataset, rle, polygons, csv, sheet, seg),
    h('div', { className: 'buttons small' }, project, fileButton('project-file', 'Open project', 'file', { accept: '.json' }, (files) => void app.take(files)), share),
    link,
    h('div', { className: 'row' }, status, stop),
  );
}
