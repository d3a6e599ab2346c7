// Work that comes back: by itself when the page starts, from the list, from project files, and by links.

import { earlierWork, removeEarlierWork } from '../../persist/earlier';
import { isCorrected, KEPT_VERSION, type KeptFrame, type WorkHead } from '../../persist/work';
import { ProjectError, projectFileName, readProject, writeProject } from '../../project/file';
import { contentOf } from '../../project/identity';
import type { Project } from '../../project/schema';
import { LinkError, sharedOf, type Shared } from '../../share/link';
import { failed, messageOf } from '../../shared/messages';
import { stem } from '../../export/names';
import type { Core } from '../core';
import { beginning } from '../prompts/history';
import { sortFiles } from '../sources/open';
import { ask } from './ask';
import { keptFrameOf, projectFrameOf } from './convert';
import { sourceOf } from './gather';
import { keyOf } from './identity';
import type { Keeping } from './keeping';
import type { Opening } from './opening';

export class Recent {
  constructor(
    private readonly core: Core,
    private readonly keeping: Keeping,
    private readonly opening: Opening,
  ) {}

  async start(): Promise<void> {
    await this.keeping.start();
    await this.takeEarlier();
    addEventListener('hashchange', () => void this.followLink());
    if (await this.followLink()) return;
    const head = await this.keeping.last();
    const { source, opening } = this.core.store.state;
    // A person who was quicker than the disk goes on with what they opened.
    if (head !== null && source.kind === 'none' && opening === null) await this.open(head);
  }

  /** With its source where that is at hand; else once a person opens it. */
  async open(head: WorkHead): Promise<void> {
    const { store } = this.core;
    const { source } = head.project;
    const demo = source?.kind === 'demo' ? store.state.shipped.demos.find(({ name }) => name === source.name) : undefined;
    const files = (await this.filesHere(head)) ?? (await (await this.keeping.library).filesOf(head));
    if (demo === undefined && files === null) {
      this.keeping.prefer(head);
      const what = source === null || source.kind === 'demo' ? 'a demo that is not here' : source.files.map(({ name }) => name).join(', ') || 'a live source, which cannot be opened again';
      return store.update({ notice: `This work was made on ${what}. Open ${source?.kind !== 'demo' && (source?.files.length ?? 0) > 1 ? 'the same files' : 'the same file'} again and all of it is there.` });
    }
    this.keeping.prefer(head);
    await this.opening.loadModelOf(head);
    if (demo !== undefined) return void (await this.opening.openDemo(demo, { play: false }));
    const [group] = (await sortFiles(files!)).sources;
    if (group !== undefined && (await this.keeping.mayReplace(head.title))) await this.opening.openGroup(group);
  }

  /** The work that an earlier version of the page kept becomes one of the works; it is taken away there once it is kept here. */
  private async takeEarlier(): Promise<void> {
    const project = await earlierWork();
    if (project === null) return;
    await this.import(project, 'Earlier work');
    await removeEarlierWork();
  }

  /** Each becomes a work beside those that are kept; the last one is opened, or waits for its source. */
  async take(files: readonly File[]): Promise<void> {
    const { store } = this.core;
    for (const file of files) {
      try {
        const head = await this.import(readProject(await file.text()), file.name);
        await this.open(head);
      } catch (error) {
        const message = error instanceof ProjectError ? error.message : `“${file.name}” could not be opened as a project: ${messageOf(error)}.`;
        store.fail('source', failed('picture', message, 'Choose another project file, or open a source.').failure);
      }
    }
  }

  async export(head: WorkHead): Promise<{ name: string; blob: Blob }> {
    const frames = await (await this.keeping.library).frames(head.id);
    const text = writeProject({ ...head.project, frames: frames.map(projectFrameOf) });
    return { name: projectFileName(stem(head.title)), blob: new Blob([text], { type: 'application/json' }) };
  }

  async remove({ id, title }: WorkHead): Promise<void> {
    const { store } = this.core;
    if (!(await ask(store, `The work on ${title} will be deleted from this browser: its prompts, distances and masks. That cannot be undone.`, 'Delete it'))) return;
    if (!(await this.keeping.remove(id))) store.update({ notice: 'Another tab is at work on it. Close that tab first.' });
  }

  /** Those that are open, where they are the work's own. */
  private async filesHere({ content }: WorkHead): Promise<readonly File[] | null> {
    const { state } = this.core.store;
    const source = await sourceOf(state);
    if (source === null || state.source.kind === 'none' || state.source.origin.kind !== 'files') return null;
    return (await contentOf(source)) === content ? state.source.origin.files : null;
  }

  private async import({ frames, ...project }: Project, file: string): Promise<WorkHead> {
    const library = await this.keeping.library;
    const { source } = project;
    const content = source === null ? `project ${file}` : await contentOf(source);
    const { id, release } = await this.keeping.claim(content);
    const kept: KeptFrame[] = frames.map(keptFrameOf);
    const segmented = kept.filter(({ answer }) => answer !== null).length;
    const head: WorkHead = {
      version: KEPT_VERSION,
      id,
      content,
      title: source === null ? file : source.kind === 'demo' ? source.name : source.files.length === 1 ? source.files[0]!.name : `${source.files.length} pictures`,
      saved: new Date(),
      model: segmented > 0 ? keyOf(project.model) : null,
      project,
      corrected: kept.filter(isCorrected).length,
      segmented,
      files: [],
      model_file: null,
    };
    await library.write({ head, frames: kept, emptied: [], files: [] });
    release();
    await this.keeping.list();
    return head;
  }

  /** True where the address has a link to follow. */
  private async followLink(): Promise<boolean> {
    let shared: Shared | null;
    try {
      shared = await sharedOf(location.hash);
    } catch (error) {
      this.core.store.update({ notice: error instanceof LinkError ? error.message : messageOf(error) });
      return false;
    }
    if (shared !== null) await this.show(shared);
    return shared !== null;
  }

  private async show({ model, demo, frame, manual, prompts, view, look }: Shared): Promise<void> {
    const { store, session } = this.core;
    const { demos, models } = store.state.shipped;
    const entry = demos.find(({ name }) => name === demo);
    const shipped = models.find(({ name }) => name === model);
    if (entry === undefined || shipped === undefined) return store.update({ notice: 'The link shows a demo or a model that this page does not have.' });
    await this.opening.loadShipped(shipped);
    if (!(await this.opening.openDemo(entry, { play: false, model: shipped, own: true }))) return;
    store.update({
      history: beginning({ ...store.state.history.present, prompts: new Map([[frame, prompts]]) }),
      tools: { ...store.state.tools, manual },
      look: { ...look, hidden: new Set(look.hidden), colors: new Map(look.colors.map(({ structure, color }) => [structure, color])) },
    });
    await this.keeping.begin();
    await session.seek(frame);
    store.update({ place: view });
  }
}
