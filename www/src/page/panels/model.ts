// Which model looks at the pictures, and what its file says of it.

import type { App } from '../app';
import { h, setText } from '../dom';
import { bytes } from '../format';
import { IMAGE_SIZES } from '../../shared/api';
import { nameOf } from '../../shared/messages';
import { facts, fileButton, iconButton, panel, textButton, toggle } from './parts';

export function modelPanel(app: App): HTMLElement {
  const { store } = app;
  const shipped = h('span', { className: 'buttons' });
  shipped.role = 'group';
  shipped.ariaLabel = 'Models that ship';
  const status = h('p', { id: 'model-status', className: 'quiet' });
  status.role = 'status';
  const progress = h('progress', { max: 1 });
  progress.ariaLabel = 'Reading the model';
  const rows = h('dl', { className: 'facts' });
  const card = h('details', { id: 'model-card' }, h('summary', {}, 'Model card'), rows);
  const size = h('select', { id: 'image-size' }, ...IMAGE_SIZES.map((size) => h('option', { value: String(size) }, `${size} px`)));
  const sizeRow = h('label', { className: 'toggle' }, h('span', {}, 'Image size'), size);
  size.addEventListener('change', () => {
    const { model } = store.state;
    if (model.kind === 'ready') void app.engine.load(model.origin, Number(size.value));
  });
  const cancel = textButton('Cancel', 'close', () => app.engine.cancelLoad());
  cancel.id = 'cancel-model';
  const own = h('ul', { id: 'own-models', className: 'works' });
  own.ariaLabel = 'Models kept in this browser';
  const keep = toggle('keep-model', 'Keep this model in this browser, for use offline too', null, (on) => void app.ownModels.keep(on));
  const choose = fileButton('model', 'Choose file', 'file', { accept: '.safetensors,.pt,.pth,.ckpt,.bin' }, (files) => void app.take(files));

  store.watch(({ shipped, model }) => [shipped.models, model], (_, models, model) => {
    shipped.hidden = models.length === 0;
    shipped.replaceChildren(
      ...models.map((entry) => {
        const button = textButton(entry.title, 'model', () => void app.loadShipped(entry));
        button.ariaPressed = String(model.kind === 'ready' && nameOf(model.origin) === entry.title);
        return button;
      }),
    );
  });
  store.watch(({ own_models, model }) => [own_models, model], (_, models, model) => {
    own.hidden = models.length === 0;
    const isOpen = (file: File) => model.kind === 'ready' && model.origin.kind === 'file' && model.origin.file === file;
    own.replaceChildren(
      ...models.map(({ file }) => {
        const button = textButton(file.name, 'model', () => void app.engine.load({ kind: 'file', file }));
        button.ariaPressed = String(isOpen(file));
        return h('li', {}, button, iconButton('clear', `Remove ${file.name} from this browser`, null, () => void app.ownModels.remove(file)));
      }),
    );
    keep.element.hidden = model.kind !== 'ready' || model.origin.kind !== 'file';
    keep.input.checked = models.some(({ file }) => isOpen(file));
  });
  store.watch(({ model }) => [model], (_, model) => {
    progress.hidden = cancel.hidden = model.kind !== 'loading';
    card.hidden = model.kind !== 'ready';
    sizeRow.hidden = model.kind !== 'ready';
    if (model.kind === 'loading') {
      const isRead = model.read >= model.total;
      if (isRead) progress.removeAttribute('value');
      else progress.value = model.read / Math.max(1, model.total);
      return setText(status, `${isRead ? 'Making ready' : 'Reading'} ${nameOf(model.origin)}, ${bytes(model.total)}…`);
    }
    if (model.kind === 'none') return setText(status, 'No model yet. Choose a model file, or a checkpoint of SAM, SAM 2, MobileSAM or Sam2Rad.');
    size.value = String(model.card.image_size);
    const { architecture, image_size, dtype, structures, provenance, training_data, licence, date } = model.card;
    setText(status, `${nameOf(model.origin)} is ready: ${structures.map(({ name }) => name).join(', ')}; ${architecture.image_encoder} at ${image_size} px.`);
    rows.replaceChildren(
      ...facts(
        ['Network', `${architecture.image_encoder}, ${architecture.mask_decoder} decoder, at ${image_size} px`],
        ['Weights', dtype],
        ['From', provenance || null],
        ['Training data', training_data || 'not stated'],
        ['Licence', licence || null],
        ['Made', date || null],
      ),
    );
  });
  return panel('model-panel', 'Model', h('div', { className: 'buttons small' }, shipped, choose), own, status, h('div', { className: 'row' }, progress, cancel), sizeRow, keep.element, card);
}
