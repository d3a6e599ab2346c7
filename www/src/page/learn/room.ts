// Everything of labelling and learning that the page shows, in one piece that is fetched when it is first wanted.

import type { App } from '../app';
import { Comparison } from './comparison';
import { Learning } from './learning';
import { fillMyModels } from './my-models';
import { learnPanel } from './panel';

/** Fills the two panels. */
export async function furnish(app: App, learn: HTMLDetailsElement, myModels: HTMLDetailsElement): Promise<void> {
  const [learning, comparison] = [new Learning(app), new Comparison(app)];
  const body = (element: HTMLElement) => element.querySelector<HTMLElement>('.panel-body')!;
  body(learn).append(...learnPanel(app, learning));
  fillMyModels(myModels, body(myModels), app, learning, comparison);
  await learning.start();
  if (app.store.state.learning.kind === 'broken-off') learn.open = true;
}
