// Which grey values of a grey DICOM picture are black and white.

import type { GreyRange } from '../../dicom/api';
import type { App } from '../app';
import { h } from '../dom';
import type { DicomSource } from '../sources/types';
import { slider, textButton } from './parts';

/** Frames are decoded anew at most this often while a slider moves, in ms. */
const PATIENCE = 150;

export function greyWindow({ store, session }: App): HTMLElement {
  const presets = h('select', { id: 'window-preset' });
  presets.ariaLabel = 'Windows of the file';
  const center = slider('window-center', 'Brightness (window centre)', { min: '0', max: '1', step: '1' }, () => changed());
  const width = slider('window-width', 'Contrast (window width)', { min: '1', max: '1', step: '1' }, () => changed());
  const own = textButton('As the file says', 'undo', () => source !== null && choose(source, null));
  own.id = 'window-own';
  const every = textButton('Same for every file', null, () => {
    const { for_worklist } = store.state;
    if (source !== null) store.update({ for_worklist: { ...for_worklist, window: source.chosen_window } });
  });
  every.id = 'window-every';
  const element = h('div', { id: 'window', hidden: true }, presets, center.element, width.element, h('div', { className: 'buttons small' }, own, every));
  let source: DicomSource | null = null;
  let timer = 0;

  presets.addEventListener('change', () => {
    const window = source?.dicom.info.windows[Number(presets.value)];
    if (source !== null && window !== undefined) choose(source, window);
  });
  function changed(): void {
    clearTimeout(timer);
    const of = source;
    timer = window.setTimeout(() => of !== null && of === session.source && apply(of, { center: center.input.valueAsNumber, width: width.input.valueAsNumber }), PATIENCE);
  }
  function choose(of: DicomSource, range: GreyRange | null): void {
    show(of, range ?? of.dicom.window!);
    apply(of, range);
  }
  function apply(of: DicomSource, range: GreyRange | null): void {
    of.setWindow(range);
    void session.reload();
  }
  function show({ dicom: { info } }: DicomSource, range: GreyRange): void {
    // Values lie within the bits that are stored; modality units may reach as far below 0.
    const most = 2 ** info.bits_stored;
    const least = Math.min(0, range.center - range.width);
    const limits = [least, Math.max(range.center + range.width, Math.min(most, 4 * range.width))] as const;
    Object.assign(center.input, { min: String(limits[0]), max: String(limits[1]), valueAsNumber: range.center });
    Object.assign(width.input, { max: String(limits[1] - limits[0]), valueAsNumber: range.width });
  }

  store.watch(({ source }) => [source], (_, opened) => {
    const found = opened.kind === 'open' ? opened.source : null;
    source = found?.kind === 'dicom' && found.dicom.info.grey && found.dicom.window !== null ? found : null;
    element.hidden = source === null;
    if (source === null) return;
    const { windows } = source.dicom.info;
    presets.hidden = windows.length < 2;
    presets.replaceChildren(...windows.map(({ name, center, width }, at) => h('option', { value: String(at) }, `${name ?? `Window ${at + 1}`} (${center} / ${width})`)));
    show(source, source.chosen_window ?? source.dicom.window!);
  });
  store.watch(({ worklist }) => [worklist.length], (_, files) => (every.hidden = files < 2));
  return element;
}
