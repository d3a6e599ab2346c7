// What was opened together, and the works that are kept in this browser.

import type { KeepStatus } from '../../persist/keeper';
import type { WorkHead } from '../../persist/work';
import { failureOf } from '../../shared/messages';
import type { App } from '../app';
import { h, setText } from '../dom';
import type { State } from '../state';
import type { Store } from '../store';
import { ask } from '../work/ask';
import { download } from './download';
import { iconButton, panel, textButton, toggle } from './parts';

export function workPanel(app: App): HTMLElement {
  const { store, keeping } = app;
  const keep = h('p', { id: 'keep-status', className: 'quiet' });
  keep.role = 'status';
  const files = toggle('keep-files', 'Keep copies of my files too', null, (on) => void keeping.setKeepFiles(on));
  files.element.title = 'Pictures, videos and DICOM files that you open are copied into this browser’s storage, so that a reload brings them back';
  const list = h('ul', { id: 'works', className: 'works' });
  const forget = textButton('Forget everything', 'clear', () => void forgetAll());
  forget.id = 'forget';
  forget.title = 'Removes all work and all copies from this browser';

  async function forgetAll(): Promise<void> {
    if (await ask(store, 'All work that is kept in this browser will be deleted, and with it copies of files and the models that were made here. What is open now stays open.', 'Forget everything')) await Promise.all([keeping.forget(), forgetLearnt(store)]);
  }

  store.watch(({ keep: status, keep_files, source }) => [status, keep_files, source.kind === 'open' && source.origin.kind === 'capture'], (_, status, on, live) => {
    setText(keep, live ? 'A live picture is not kept: save stills, clips or the project.' : keepLine(status, on));
    files.input.checked = on;
  });
  store.watch(({ works }) => [works], (_, works) => {
    list.replaceChildren(...works.map((work) => row(app, work)));
    list.hidden = works.length === 0;
    forget.hidden = works.length === 0;
  });
  return panel('work-panel', 'Recent work', worklist(app), keep, files.element, list, h('div', { className: 'row' }, forget));
}

/** What learns is fetched for it: most who forget their work never learnt. */
async function forgetLearnt(store: Store): Promise<void> {
  const { forgetLearntModels, forgetBrokenOff } = await import('../../learn/learnt-models');
  await forgetLearntModels();
  store.update({ learnt_models: [] });
  // A training that is under way goes on, as what is open stays open.
  if (store.state.learning.kind === 'running') return;
  await forgetBrokenOff();
  store.update({ learning: { kind: 'none' } });
}

/** Files that were opened together, each a source of its own. */
function worklist({ store, opening, keeping }: App): HTMLElement {
  const list = h('ol', { id: 'worklist', className: 'works' });
  list.ariaLabel = 'Opened together';
  store.watch(({ worklist, source }) => [worklist, source], (_, entries, source) => {
    list.hidden = entries.length === 0;
    const files = source.kind === 'open' && source.origin.kind === 'files' ? source.origin.files : null;
    list.replaceChildren(
      ...entries.map(({ group, failure }) => {
        const open = textButton(group.name, null, () => void keeping.mayReplace(group.name).then((may) => may && opening.openGroup(group)));
        open.ariaCurrent = String(group.files === files);
        return h('li', {}, open, ...(failure === null ? [] : [h('span', { className: 'figures' }, failure)]));
      }),
    );
  });
  return list;
}

function row({ recent, store }: App, { head, open }: State['works'][number]): HTMLElement {
  const { title } = head;
  const save = async () => {
    try {
      download(await recent.export(head));
    } catch (error) {
      store.fail('source', failureOf(error));
    }
  };
  const name = textButton(title, null, () => void recent.open(head));
  name.ariaLabel = `Open ${title}`;
  name.disabled = open !== null;
  const remove = iconButton('clear', `Delete the work on ${title}`, null, () => void recent.remove(head));
  remove.disabled = open === 'elsewhere';
  return h('li', {}, name, iconButton('save', `Save the work on ${title} as a project`, null, () => void save()), remove, h('span', { className: 'figures' }, describe(head, open)));
}

function describe({ saved, segmented, corrected, project, model }: WorkHead, open: 'here' | 'elsewhere' | null): string {
  const parts = [
    saved.toLocaleString('en', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hour12: false }),
    segmented > 0 ? `${segmented} ${segmented === 1 ? 'frame' : 'frames'} segmented` : null,
    corrected > 0 ? `${corrected} corrected` : null,
    model === null ? null : (project.model?.name ?? null),
    open === 'here' ? 'open now' : open === 'elsewhere' ? 'open in another tab' : null,
  ];
  return parts.filter((part) => part !== null).join(' · ');
}

function keepLine(status: KeepStatus, copies: boolean): string {
  switch (status.kind) {
    case 'nothing':
      return 'Your work will be kept in this browser, for each source by itself.';
    case 'saving':
      return 'Keeping your work in this browser…';
    case 'kept':
      if (status.with_files) return 'Kept in this browser: a reload brings it back.';
      return copies ? 'Kept in this browser without its files, which are too large; open them again after a reload.' : 'Kept in this browser without its files; open them again after a reload.';
    case 'not-kept':
      return `Your work is not kept: ${status.reason}.`;
  }
}
