// The models that were made on this device.

import type { LearntModel } from '../../shared/learning';
import { failureOf, nameOf, type ModelOrigin } from '../../shared/messages';
import { fileName } from '../../learn/learnt-models';
import type { App } from '../app';
import { h } from '../dom';
import { bytes } from '../format';
import { ask } from '../work/ask';
import { download } from './download';
import { iconButton, panel, slider, textButton } from './parts';

export function learntModelsPanel(app: App): HTMLElement {
  const { store } = app;
  const list = h('ul', { id: 'learnt-models', className: 'works' });
  const wipe = slider('wipe', 'Base left, mine right', { min: '0', max: '1', step: '0.01' }, (share) => app.comparison.setShare(share));
  const compare = textButton('', null, () => {
    const base = baseOf(app);
    if (store.state.comparison !== null) app.comparison.end();
    else if (base !== null) void app.comparison.begin(base);
  });
  compare.id = 'compare';
  const element = panel('learnt-models-panel', 'My models', list, h('div', { className: 'row' }, compare), wipe.element);
  store.watch(({ learnt_models, model, comparison, shipped }) => [learnt_models, model, comparison, shipped], ({ comparison }, ..._parts) => {
    const base = baseOf(app);
    compare.hidden = base === null && comparison === null;
    compare.querySelector('span')!.textContent = comparison !== null ? 'End the comparison' : `Compare with ${base === null ? 'the base' : nameOf(base)}`;
    wipe.element.hidden = comparison === null;
    if (comparison !== null) wipe.input.valueAsNumber = comparison.share;
  });
  store.watch(({ learnt_models, model }) => [learnt_models, model], (_, models, model) => {
    element.hidden = models.length === 0;
    const loaded = model.kind === 'ready' ? nameOf(model.origin) : null;
    list.replaceChildren(...models.map((own) => row(app, own, loaded === fileName(own.title))));
  });
  return element;
}

/** What the model that is loaded was learnt from, where that ships. */
function baseOf({ store, comparison }: App): ModelOrigin | null {
  const { learnt_models, model } = store.state;
  const loaded = model.kind === 'ready' ? nameOf(model.origin) : null;
  const own = learnt_models.find(({ title }) => fileName(title) === loaded);
  return own === undefined ? null : comparison.originOf(own.base);
}

function row({ learning, store }: App, model: LearntModel, loaded: boolean): HTMLElement {
  const { title } = model;
  const use = textButton(title, 'model', () => void learning.use(model));
  use.ariaLabel = `Load ${title}`;
  use.ariaPressed = String(loaded);
  const save = iconButton('save', `Download ${title}`, null, () => void learning.file(model).then(download, (error: unknown) => store.fail('model', failureOf(error))));
  const rename = iconButton('brush', `Rename ${title}`, null, () => {
    const name = h('input', { type: 'text', value: title, maxLength: 60 });
    name.ariaLabel = `New name of ${title}`;
    const form = h('form', { className: 'row' }, name, h('button', { type: 'submit' }, 'Rename'));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void learning.rename(model, name.value);
    });
    use.replaceWith(form);
    name.select();
  });
  const forget = iconButton('clear', `Forget ${title}`, null, () => void forgetModel());
  async function forgetModel(): Promise<void> {
    if (await ask(store, `The model ${title} will be deleted from this browser. Download it first to keep it.`, 'Forget it')) await learning.forget(model);
  }
  return h('li', {}, use, save, rename, forget, h('span', { className: 'figures' }, describe(model)));
}

function describe({ structures, frames, held_back, source, dice, base, steps, minutes, date, bytes: size }: LearntModel): string {
  const judged = dice === null ? 'not judged' : `Dice ${dice.toFixed(2)} on ${held_back === 1 ? 'one frame' : `${held_back} frames`} kept apart`;
  const names = structures.map(({ name }) => name).join(', ');
  const made = `made on this device from ${frames === 1 ? 'one frame' : `${frames} frames`} of ${source}`;
  return `${names} · ${made} · ${judged} · from ${base}, ${steps} steps in ${minutes < 1 ? 'under a minute' : `${Math.round(minutes)} min`} · ${date} · ${bytes(size)}`;
}
