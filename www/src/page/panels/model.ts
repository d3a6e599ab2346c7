// Which model looks at the pictures, and what its file says of it.

import type { App } from '../app';
import { h, setText } from '../dom';
import { bytes } from '../format';
import type { ModelOrigin } from '../../shared/messages';
import { facts, fileButton, panel, textButton } from './parts';

export function modelPanel(app: App): HTMLElement {
  const { store } = app;
  const shipped = h('div', { className: 'buttons' });
  const status = h('p', { id: 'model-status', className: 'quiet' });
  status.role = 'status';
  const progress = h('progress', { max: 1 });
  progress.ariaLabel = 'Reading the model';
  const card = h('dl', { className: 'facts' });
  const backend = h('p', { id: 'backend', className: 'quiet' });
  backend.role = 'status';

  store.watch(({ shipped, model }) => [shipped.models, model], (_, models, model) => {
    shipped.hidden = models.length === 0;
    shipped.replaceChildren(
      ...models.map((entry) => {
        const button = textButton(entry.title, 'model', () => app.loadShipped(entry));
        button.ariaPressed = String(model.kind === 'ready' && nameOf(model.origin) === entry.title);
        return button;
      }),
    );
  });
  store.watch(({ model }) => [model], (_, model) => {
    progress.hidden = model.kind !== 'loading';
    card.hidden = model.kind !== 'ready';
    if (model.kind === 'loading') {
      progress.value = model.read / Math.max(1, model.total);
      return setText(status, `Reading ${nameOf(model.origin)}, ${bytes(model.total)}…`);
    }
    if (model.kind === 'none') return setText(status, 'No model yet. Choose a .safetensors file made by the sam2rad command line.');
    const { architecture, image_size, structures, training_data, licence, date } = model.card;
    setText(status, `${nameOf(model.origin)} is ready.`);
    card.replaceChildren(
      ...facts(
        ['Structures', structures.map(({ name }) => name).join(', ')],
        ['Network', `${architecture.image_encoder} at ${image_size} px`],
        ['Training data', training_data || 'not stated'],
        ['Licence', licence || null],
        ['Made', date || null],
      ),
    );
  });
  store.watch(({ backend: chosen }) => [chosen], (_, chosen) => {
    if (chosen.kind === 'choosing') setText(backend, 'Looking for the fastest way to compute…');
    else if (chosen.kind === 'failed') setText(backend, chosen.failure.message);
    else setText(backend, `Computes on ${chosen.backend === 'webgpu' ? 'WebGPU' : 'the CPU'}: ${chosen.reason}.`);
  });

  const choose = fileButton('model', 'Choose model file', 'model', { accept: '.safetensors' }, (files) => void app.take(files));
  return panel('model-panel', 'Model', shipped, h('div', { className: 'buttons' }, choose), status, progress, card, backend);
}

export function nameOf(origin: ModelOrigin): string {
  return origin.kind === 'file' ? origin.file.name : origin.name;
}
