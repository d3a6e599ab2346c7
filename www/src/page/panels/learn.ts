// The two panels of learning, empty until somebody wants to learn or has learnt. What fills them is fetched then.

import { failed, messageOf } from '../../shared/messages';
import { LEARNING_FOLDER, MODELS_FOLDER } from '../../shared/private-files';
import type { App } from '../app';
import { h } from '../dom';
import { panel } from './parts';

export function learnPanels(app: App): { learn: HTMLDetailsElement; myModels: HTMLDetailsElement } {
  const { store } = app;
  const myModels = panel('learnt-models-panel', 'My models');
  myModels.hidden = true;
  const learn = panel('learn-panel', 'Learn', h('p', { className: 'quiet' }, 'A model of your own: outline a structure on a few frames, and the model that is loaded learns to find it on the others. All of it happens on this device.'));
  learn.open = false;

  let filled = false;
  const fill = () => {
    if (filled) return;
    filled = true;
    import('../learn/room').then(
      ({ furnish }) => furnish(app, learn, myModels),
      (error: unknown) => {
        filled = false;
        learn.open = false;
        store.fail('learn', failed('learn', `What learns could not be loaded: ${messageOf(error)}.`, 'Check the connection, and open the panel again.').failure);
      },
    );
  };
  learn.addEventListener('toggle', () => learn.open && fill());
  // Work that is opened may have labels.
  store.watch(({ history }) => [history.present.labels.structures.length > 0], (_, labelled) => {
    if (labelled) learn.open = true;
  });
  void learntBefore().then((before) => before && fill());
  return { learn, myModels };
}

/** Whether this browser keeps models that were made here, or a training that was broken off. */
async function learntBefore(): Promise<boolean> {
  const root = await navigator.storage?.getDirectory().catch(() => null);
  for (const name of [MODELS_FOLDER, LEARNING_FOLDER]) {
    const folder = await root?.getDirectoryHandle(name).catch(() => null);
    if (folder != null && !(await folder.keys().next()).done) return true;
  }
  return false;
}
