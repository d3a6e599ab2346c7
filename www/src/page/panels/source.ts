// Where pictures come from, what is open, and its crop.

import { sameSpacing } from '../../measure/spacing';
import { sizeOf, wholeOf, type Box, type Size } from '../../shared/geometry';
import type { App } from '../app';
import { h, setText } from '../dom';
import { isCine, isFinite, type FrameSource } from '../sources/types';
import { fileButton, panel, textButton } from './parts';
import { greyWindow } from './window';

const KINDS: Record<FrameSource['kind'], string> = {
  pictures: 'Pictures',
  video: 'Video',
  dicom: 'DICOM',
  cine: 'Cine',
  camera: 'Camera',
  screen: 'Shared screen',
};

export function sourcePanel(app: App): HTMLElement {
  const { store } = app;
  const demos = h('div', { className: 'buttons small' });
  demos.role = 'group';
  demos.ariaLabel = 'Demo cines';
  const cameras = h('select', { id: 'cameras' });
  cameras.ariaLabel = 'Which camera';
  cameras.addEventListener('change', () => {
    if (app.session.source?.kind === 'camera') void app.openCamera(cameras.value);
  });
  const turn = textButton('Turn camera', 'loop', () => void app.turnCamera());
  turn.id = 'turn-camera';
  const line = h('p', { id: 'source-facts', className: 'quiet' });
  const notes = h('ul', { id: 'source-notes', className: 'notes' });
  notes.role = 'status';
  const buttons = h('div', { className: 'buttons small' });
  const cropButton = textButton('Crop', 'crop', () => {
    const { tool } = store.state.tools;
    app.edits.setTools({ tool: tool === 'crop' ? 'select' : 'crop' });
  });
  cropButton.id = 'crop';
  const whole = textButton('Whole picture', 'fit', () => {
    const { shown } = store.state;
    if (shown !== null) app.edits.setCrop(wholeOf(shown.frame.picture));
  });
  const automatic = textButton('Ultrasound region', null, () => {
    const suggested = app.session.source?.suggested_crop;
    if (suggested) app.edits.setCrop(suggested);
  });
  const every = textButton('Same crop for all', null, () => (app.session.source?.kind === 'pictures' ? app.edits.cropEveryPicture() : app.opening.cropEveryFile()));
  every.id = 'crop-every';
  buttons.append(cropButton, whole, automatic, every);

  store.watch(({ shipped }) => [shipped.demos], (_, entries) => {
    demos.hidden = entries.length === 0;
    demos.replaceChildren(...entries.map((entry) => textButton(entry.title, 'play', () => void app.openDemo(entry))));
  });
  store.watch(({ cameras: found, source }) => [found, source], (_, found, source) => {
    cameras.hidden = found.length < 2;
    const inUse = source.kind === 'open' && source.source.kind === 'camera' ? source.source.device : null;
    const chosen = inUse ?? cameras.value;
    cameras.replaceChildren(...found.map(({ id, label }) => h('option', { value: id }, label)));
    if (found.some(({ id }) => id === chosen)) cameras.value = chosen;
    turn.hidden = inUse === null || found.length < 2;
  });
  store.watch(({ source, crop, worklist }) => [source, crop, worklist.length], ({ shown }, source, box, files) => {
    const open = source.kind === 'open' ? source.source : null;
    setText(line, open === null ? '' : describe(open, shown?.frame.picture ?? open, box));
    notes.replaceChildren(...(open?.notes ?? []).map((note) => h('li', {}, note)));
    buttons.hidden = open === null;
    if (open === null) return;
    automatic.hidden = open.suggested_crop === null;
    every.hidden = (open.kind !== 'pictures' || open.frames < 2) && files < 2;
  });
  store.watch(({ tools }) => [tools.tool], (_, tool) => {
    cropButton.ariaPressed = String(tool === 'crop');
  });
  const status = h('p', { id: 'source-status', className: 'quiet' });
  status.role = 'status';
  store.watch(({ opening }) => [opening], (_, opening) => setText(status, opening === null ? '' : `Opening ${opening}…`));

  return panel(
    'source-panel',
    'Source',
    demos,
    h(
      'div',
      { className: 'buttons' },
      fileButton('files', 'Open files', 'file', { multiple: true }, (files) => void app.take(files)),
      fileButton('folder', 'Folder', 'folder', { webkitdirectory: true }, (files) => void app.take(files)),
      textButton('Camera', 'camera', () => void app.openCamera(cameras.value || null)),
      textButton('Screen', 'screen', () => void app.openScreen()),
    ),
    h('div', { className: 'row' }, cameras, turn),
    status,
    line,
    notes,
    greyWindow(app),
    buttons,
  );
}

function describe(source: FrameSource, size: Size, crop: Box): string {
  const { width, height } = sizeOf(crop);
  const whole = width === size.width && height === size.height;
  return [
    `${KINDS[source.kind]}: ${source.name}`,
    `${size.width} × ${size.height} px`,
    whole ? null : `crop ${width} × ${height}`,
    framesOf(source),
    scaleOf(source),
    source.pixel_aspect === 1 ? null : `pixels ${source.pixel_aspect.toPrecision(3)} times as wide as high, drawn so`,
  ]
    .filter((part) => part !== null)
    .join(' · ');
}

function framesOf(source: FrameSource): string | null {
  if (!isFinite(source)) return 'live';
  const { frames, times_s, durations_ms } = source;
  if (frames === 1) return null;
  if (!isCine(source)) return `${frames} pictures`;
  if (times_s === null) return `${frames} frames, times not stated: played at ${(1000 / durations_ms[0]!).toFixed(1)} a second`;
  // Containers round times to a millisecond.
  const steady = Math.max(...durations_ms) - Math.min(...durations_ms) < 2.5;
  const mean = times_s.at(-1)! / (frames - 1);
  return steady && mean > 0 ? `${frames} frames, ${(1 / mean).toFixed(1)} a second` : `${frames} frames in ${times_s.at(-1)!.toFixed(2)} s, each at its own time`;
}

/** In words: what a pixel is, and who says so. */
function scaleOf({ scales }: FrameSource): string {
  const known = scales.flatMap(({ spacing, origin }) => (spacing === null ? [] : [{ spacing, origin }]));
  const [first] = known;
  if (first === undefined) return 'spacing not known';
  const { spacing, origin } = first;
  const same = known.every((other) => sameSpacing(other.spacing, spacing));
  if (!same) return `${known.length} regions, each with its own mm a pixel`;
  const where = origin === 'ultrasound region' ? ' in the ultrasound region' : /imager|nominal/.test(origin) ? ` at the detector (${origin})` : '';
  return `${spacing.x_mm.toPrecision(3)} × ${spacing.y_mm.toPrecision(3)} mm a pixel${where}`;
}
