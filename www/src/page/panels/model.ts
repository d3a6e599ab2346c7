// Which model looks at the pictures, and what its file says of it.

import type { App } from '../app';
import { h, setText } from '../dom';
import { bytes } from '../format';
import { IMAGE_SIZES } from '../../shared/api';
import { nameOf } from '../../shared/messages';
import { facts, fileButton, panel, textButton } from './parts';

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
  store.watch(({ model }) => [model], (_, model) => {
    progress.hidden = model.kind !== 'loading';
    card.hidden = model.kind !== 'ready';
    sizeRow.hidden = model.kind !== 'ready';
    if (model.kind === 'loading') {
      progress.value = model.read / Math.max(1, model.total);
      return setText(status, `Reading ${nameOf(model.origin)}, ${bytes(model.total)}…`);
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
  return panel('model-panel', 'Model', h('div', { className: 'buttons small' }, shipped, choose), status, progress, sizeRow, card);
}
