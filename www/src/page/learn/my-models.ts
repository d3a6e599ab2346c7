// The models that were made on this device.

import type { LearntModel } from '../../shared/learning';
import { failureOf, nameOf } from '../../shared/messages';
import { fileName } from '../../learn/learnt-models';
import type { App } from '../app';
import { h } from '../dom';
import { bytes } from '../format';
import type { Store } from '../store';
import { ask } from '../work/ask';
import { download } from '../panels/download';
import { iconButton, slider, textButton } from '../panels/parts';
import type { Comparison } from './comparison';
import type { Learning } from './learning';

/** Fills the panel of them, which is there while there are some. */
export function fillMyModels(element: HTMLElement, body: HTMLElement, { store }: App, learning: Learning, comparison: Comparison): void {
  const list = h('ul', { id: 'learnt-models', className: 'works' });
  const wipe = slider('wipe', 'Base left, mine right', { min: '0', max: '1', step: '0.01' }, (share) => comparison.setShare(share));
  const compare = textButton('', null, () => {
    const base = baseOf(store, comparison);
    if (store.state.comparison !== null) comparison.end();
    else if (base !== null) void comparison.begin(base);
  });
  compare.id = 'compare';
  body.append(list, h('div', { className: 'row' }, compare), wipe.element);
  store.watch(({ learnt_models, model, comparison, shipped }) => [learnt_models, model, comparison, shipped], ({ comparison: compared }, ..._parts) => {
    const base = baseOf(store, comparison);
    compare.hidden = base === null && compared === null;
    compare.querySelector('span')!.textContent = compared !== null ? 'End the comparison' : `Compare with ${base ?? 'the base'}`;
    wipe.element.hidden = compared === null;
    if (compared !== null) wipe.input.valueAsNumber = compared.share;
  });
  store.watch(({ learnt_models, model }) => [learnt_models, model], (_, models, model) => {
    element.hidden = models.length === 0;
    const loaded = model.kind === 'ready' ? nameOf(model.origin) : null;
    list.replaceChildren(...models.map((own) => row(store, learning, own, loaded === fileName(own.title))));
  });
}

/** The name of what the model that is loaded was learnt from, where that can be had. */
function baseOf(store: Store, comparison: Comparison): string | null {
  const { learnt_models, model } = store.state;
  const loaded = model.kind === 'ready' ? nameOf(model.origin) : null;
  const own = learnt_models.find(({ title }) => fileName(title) === loaded);
  return own !== undefined && comparison.has(own.base) ? own.base : null;
}

function row(store: Store, learning: Learning, model: LearntModel, loaded: boolean): HTMLElement {
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
