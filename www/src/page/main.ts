// Puts the page together: one store, the actions on it, and the views that follow it.

import { Actions } from './actions';
import { byId } from './dom';
import { takeFiles } from './files';
import { Store } from './state';
import { watchViews } from './views';

const store = new Store();
const actions = new Actions(store);
takeFiles(actions, byId<HTMLInputElement>('model'), byId<HTMLInputElement>('picture'));
byId('segment').addEventListener('click', () => void actions.segment());
byId('cancel').addEventListener('click', () => void actions.cancel());
byId<HTMLInputElement>('opacity').addEventListener('input', (event) => {
  actions.setOpacity((event.target as HTMLInputElement).valueAsNumber);
});
watchViews(store, actions);
void actions.start();
