// Keeps the work in the browser as it changes, brings it back when the page starts, and follows links and project files.

import { openBlobStore } from '../../persist/blob-store';
import { Keeper } from '../../persist/keeper';
import { ProjectError, readProject } from '../../project/file';
import type { Project } from '../../project/schema';
import { LinkError, sharedOf, type Shared } from '../../share/link';
import { failed, messageOf } from '../../shared/messages';
import type { App } from '../app';
import type { Stage } from '../stage/stage';
import { gatherProject } from './gather';
import { applyProject, isSource, restoreProject, type Provided } from './restore';

/** One tab keeps its work at a time. */
const LOCK = 'sam2rad work';
/** A page that is being reloaded lets go of the lock within this time, in ms. */
const LOCK_PATIENCE = 1500;
const FIND_AGAIN = 'Open the same file again and all of it is there.';

export class Keeping {
  private keeper: Keeper | null = null;
  private paused = true;
  /** Waits for its source to be opened. */
  private pending: Project | null = null;

  constructor(
    private readonly app: App,
    private readonly stage: Stage,
  ) {}

  /** Once the page knows what ships. */
  async start(): Promise<void> {
    const { store } = this.app;
    const shared = await this.sharedView();
    const held = await this.hold(() => this.resume());
    try {
      const blobs = await openBlobStore();
      this.keeper = new Keeper(blobs, (keep) => store.update({ keep }));
    } catch (error) {
      store.update({ keep: { kind: 'not-kept', reason: `the browser does not let this page store anything (${messageOf(error)}). Save the project as a file instead` } });
    }
    if (shared !== null) {
      await this.show(shared);
      if ((await this.keeper?.load().catch(() => null)) != null) {
        store.update({ keep: { kind: 'paused', reason: 'this is a shared view, and your earlier work is kept. Open the page without the link to go on with it, or a file of your own to begin anew' } });
      } else if (held) this.resume();
    } else {
      if (held) await this.bringBack();
      if (held) this.resume();
      else store.update({ keep: { kind: 'paused', reason: 'another tab of this page keeps its work. Close it, or save the project as a file' } });
    }
    this.watch();
  }

  /** Files that a person opened: what a project waited for, or the beginning of new work. */
  async opened(files: readonly File[]): Promise<void> {
    const { pending } = this;
    this.pending = null;
    if (pending !== null && (await isSource(pending.source, files))) {
      await applyProject(this.app, pending);
      this.app.store.update({ notice: null });
    }
    if (location.hash.startsWith('#share=')) {
      history.replaceState(null, '', location.pathname + location.search);
      this.resume();
    }
  }

  async openProjectFile(file: File): Promise<void> {
    try {
      await this.restore(readProject(await file.text()), { files: [], model: null });
    } catch (error) {
      this.refuse(error);
    }
  }

  async forget(): Promise<void> {
    await this.keeper?.clear();
  }

  private async bringBack(): Promise<void> {
    try {
      const work = (await this.keeper?.load()) ?? null;
      // A person who was quicker than the disk goes on with what they opened.
      if (work === null || this.app.store.state.source.kind === 'open' || this.app.store.state.opening !== null) return;
      await this.restore(work.project, work);
    } catch (error) {
      this.refuse(error);
    }
  }

  private async restore(project: Project, provided: Provided): Promise<void> {
    if (await restoreProject(this.app, project, provided)) return;
    this.pending = project;
    const { source } = project;
    const what = source === null || source.kind === 'demo' ? 'a demo that is not here' : source.files.map(({ name }) => name).join(', ') || 'a live source, which cannot be opened again';
    this.app.store.update({ notice: `This work was made on ${what}. ${FIND_AGAIN}` });
  }

  private async sharedView(): Promise<Shared | null> {
    try {
      return await sharedOf(location.hash);
    } catch (error) {
      this.app.store.update({ notice: error instanceof LinkError ? error.message : messageOf(error) });
      return null;
    }
  }

  private async show({ model, demo, frame, manual, prompts, view, look }: Shared): Promise<void> {
    const { app, stage } = this;
    const { demos, models } = app.store.state.shipped;
    const entry = demos.find(({ name }) => name === demo);
    const shipped = models.find(({ name }) => name === model);
    if (entry === undefined || shipped === undefined) {
      return app.store.update({ notice: 'The link shows a demo or a model that this page does not have.' });
    }
    await app.loadShipped(shipped);
    if (!(await app.openDemo(entry, false, shipped))) return;
    app.store.update({
      history: { past: [], present: new Map([[frame, prompts]]), future: [] },
      tools: { ...app.store.state.tools, manual },
      look: { ...look, hidden: new Set(look.hidden), colors: new Map(look.colors.map(({ structure, color }) => [structure, color])) },
    });
    await app.session.seek(frame);
    stage.showPlace(view);
  }

  private watch(): void {
    const { app } = this;
    app.store.watch(
      ({ source, history, calipers, crop, look, tools, answered, model }) => [source, history, calipers, crop, look, tools.manual, tools.carry, answered, model],
      () => this.changed(),
    );
    app.store.watch(({ shown, playback }) => [playback.playing ? -1 : (shown?.frame.index ?? -1)], () => this.changed());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') void this.keeper?.flush();
    });
  }

  private changed(): void {
    const { app, keeper } = this;
    const { source, opening } = app.store.state;
    // An empty page keeps what was kept before; what is live cannot be opened again; work that waits for its source is not replaced.
    if (this.paused || keeper === null || opening !== null || this.pending !== null || source.kind !== 'open' || source.origin.kind === 'capture') return;
    const { origin } = source;
    keeper.save(async () => {
      const { model } = app.store.state;
      return {
        project: await gatherProject(app),
        files: origin.kind === 'files' ? origin.files : [],
        model: model.kind === 'ready' && model.origin.kind === 'file' ? model.origin.file : null,
      };
    });
  }

  private resume(): void {
    this.paused = false;
    if (this.app.store.state.keep.kind === 'paused') this.app.store.update({ keep: { kind: 'nothing' } });
    this.changed();
  }

  /** True where this tab may keep its work; where another does, `later` is called once it may. */
  private hold(later: () => void): Promise<boolean> {
    if (navigator.locks === undefined) return Promise.resolve(true);
    return new Promise((resolve) => {
      let late = false;
      setTimeout(() => {
        late = true;
        resolve(false);
      }, LOCK_PATIENCE);
      void navigator.locks.request(LOCK, () => {
        if (late) later();
        else resolve(true);
        return new Promise(() => undefined); // held as long as the page lives
      });
    });
  }

  private refuse(error: unknown): void {
    const message = error instanceof ProjectError ? error.message : `The project could not be opened: ${messageOf(error)}.`;
    this.app.store.fail('source', failed('picture', message, 'Choose another project file, or open a source.').failure);
  }
}
