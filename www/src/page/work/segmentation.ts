// The masks of a DICOM segmentation object, put onto the frames of the file that it was made for.

import type { ModelCard } from '../../shared/api';
import { wholeOf, type Size } from '../../shared/geometry';
import { failed } from '../../shared/messages';
import type { Core } from '../core';
import { changed } from '../prompts/history';
import { keyAt } from '../sources/types';
import { cardOf, cropAt, questionAt, type Answer } from '../state';
import { answerOfMap } from './convert';

/** Answers with what the reader is told. Structures are found in the model by their names. */
export async function takeSegmentation({ store, session }: Core, file: File): Promise<string> {
  const { source } = session;
  if (source?.kind !== 'dicom') throw failed('picture', `“${file.name}” holds masks of a DICOM file.`, 'Open the file that it was made for first, or both together.');
  const masks = await source.dicom.masks(file);
  const card = await loadedCard({ store });
  if (session.source !== source) throw failed('picture', `The masks of “${file.name}” are of another file than the one that is open now.`, 'Open that file again, then the masks.');
  const names = masks.structures.map(({ name }) => name);
  const places = names.map((name) => card?.structures.findIndex((structure) => structure.name.toLowerCase() === name.toLowerCase()) ?? -1);
  if (card === null || places.every((place) => place < 0)) {
    const has = card === null ? 'no model is loaded' : `the model has ${card.structures.map(({ name }) => name).join(', ')}`;
    throw failed('picture', `“${file.name}” has masks of ${names.join(', ')}, and ${has}.`, 'Choose a model with these structures, then open the masks again.');
  }
  const size: Size = { width: source.width, height: source.height };
  const ids = Uint8Array.from({ length: 256 }, (_, id) => (id === 0 ? 0 : (places[id - 1] ?? -1) + 1));
  const maps = masks.frames.map(({ index, class_ids }) => ({ index, map: { ...size, class_ids: class_ids.map((id) => ids[id]!) } }));
  // What lies beyond the crop would be cut off.
  const [left, top, right, bottom] = cropAt(store.state, 0, size);
  const beyond = maps.some(({ map }) => map.class_ids.some((id, at) => id > 0 && (at % size.width < left || at % size.width >= right || at < top * size.width || at >= bottom * size.width)));
  if (beyond) {
    const { history, shown } = store.state;
    const crops = new Map(history.present.crops).set(keyAt(source, 0, size), wholeOf(size));
    store.update({ history: changed(history, shown?.frame.index ?? 0, { crops }), crop: wholeOf(size) });
  }
  const found = [...new Set(places)].filter((place) => place >= 0);
  session.restore(maps.flatMap(({ index, map }) => answered(index, answerOfMap(map, cropAt(store.state, index, size), found.map(unscored)))));
  await session.seek(maps[0]?.index ?? 0);
  const unknown = names.filter((_, at) => places[at]! < 0);
  const left_out = unknown.length === 0 ? '' : ` Not of this model, and left out: ${unknown.join(', ')}.`;
  return [`${maps.length} ${maps.length === 1 ? 'frame has' : 'frames have'} the masks of “${file.name}”.${left_out}`, ...masks.notes.map(({ message }) => message)].join(' ');

  function answered(index: number, kept: ReturnType<typeof answerOfMap>): [number, Answer][] {
    const question = questionAt(store.state, index, size);
    return question === null ? [] : [[index, { ...kept, question, imported: true }]];
  }
}

/** Nothing of how sure a model was: the file does not say it. */
function unscored(structure: number) {
  return { structure, iou: null, object_score: null, expected_dice: null, predicted_box: null };
}

/** Waits for a model that is on its way. */
function loadedCard({ store }: Pick<Core, 'store'>): Promise<ModelCard | null> {
  return new Promise((resolve) => {
    const stop = store.watch(({ model }) => [model.kind], (state, kind) => {
      if (kind === 'loading') return;
      resolve(cardOf(state));
      queueMicrotask(() => stop());
    });
  });
}
