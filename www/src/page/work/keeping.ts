// Keeps the work on each source in this browser as it changes, and gives it back when the source is opened again.

import { removeEarlierWork } from '../../persist/earlier';
import { Keeper, type Snapshot } from '../../persist/keeper';
import { Library } from '../../persist/library';
import { memoryRecords, openRecords } from '../../persist/records';
import { isCorrected, KEPT_VERSION, type KeptFile, type WorkHead } from '../../persist/work';
import { contentOf, keyOf as fileKey } from '../../project/identity';
import type { ModelCard } from '../../shared/api';
import { messageOf } from '../../shared/messages';
import type { Core } from '../core';
import { isEmpty, type History } from '../prompts/history';
import type { FrameSource } from '../sources/types';
import { cardOf, type State } from '../state';
import { applyAnswers, applyWork, placed } from './apply';
import { ask } from './ask';
import { FrameGatherer, headOf, knownIdentityOf, sourceOf } from './gather';
import { hashOfModel, keyOf, modelIdentity } from './identity';
import { heldWorks, hold } from './locks';

/** A page that is being reloaded lets go of its locks within this time, in ms. */
const LOCK_PATIENCE = 1500;
/** Which work a tab goes on with after a reload. */
const LAST = 'sam2rad work';

/** Where the work on the open source is kept. */
interface Slot {
  id: string;
  content: string;
  /** The model that its masks are of; null while it has none. */
  model: WorkHead['project']['model'];
  /** For whose answers its masks are on the page; the same model that is loaded again has another card. */
  card: ModelCard | null;
  release(): void;
  /** Nothing is written as long as there is no more than this: the person has not gone on yet. */
  idle: { history: History; answered: number } | null;
}

export class Keeping {
  readonly library: Promise<Library>;
  private keeper: Keeper | null = null;
  private readonly frames = new FrameGatherer();
  private source: FrameSource | null = null;
  private slot: Slot | null = null;
  /** Those of the open source that this tab holds, by model. */
  private readonly slots = new Map<string, Slot>();
  /** Outlives this tab. */
  private durable = true;
  private persisted = false;
  private readonly otherTabs = new BroadcastChannel(LAST);
  /** The work that a person chose, by the content of the source that they have yet to open. */
  private readonly preferred = new Map<string, string>();

  constructor(private readonly core: Core) {
    this.library = this.open();
  }

  private async open(): Promise<Library> {
    const { store } = this.core;
    let library: Library;
    try {
      library = new Library(await openRecords());
    } catch (error) {
      this.durable = false;
      library = new Library(memoryRecords());
      store.update({ keep: { kind: 'not-kept', reason: `the browser does not let this page store anything (${messageOf(error)}). Save the project as a file instead` } });
    }
    this.keeper = new Keeper(library, (keep) => {
      if (!this.durable) return;
      store.update({ keep });
      if (keep.kind === 'kept') this.kept();
    });
    store.update({ keep_files: (await library.settings()).keep_files });
    return library;
  }

  /** Once the page knows what ships. */
  async start(): Promise<void> {
    await this.library;
    await this.list();
    this.core.store.watch(
      ({ source, history, look, tools, answered, model, reviewed }) => [source, history, look, tools.manual, tools.carry, answered, model, reviewed],
      () => this.changed(),
    );
    this.core.store.watch(({ shown, playback }) => [playback.playing ? -1 : (shown?.frame.index ?? -1)], () => this.changed());
    // What is open there is written anew once it is changed.
    this.otherTabs.addEventListener('message', () => void this.takeForNew());
    const flush = () => void this.keeper?.flush();
    addEventListener('pagehide', flush);
    document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && flush());
    addEventListener('beforeunload', (event) => {
      flush();
      if (this.unsaved) event.preventDefault();
    });
  }

  /** What is on the page would be gone with another source. */
  get unsaved(): boolean {
    const { source, history, keep, answered } = this.core.store.state;
    if (source.kind === 'none') return false;
    const lasting = this.durable && keep.kind !== 'not-kept' && source.origin.kind !== 'capture';
    return !lasting && (!isEmpty(history.present) || answered > 1);
  }

  /** Asks the person where something would be lost. */
  async mayReplace(name: string): Promise<boolean> {
    const { store, session } = this.core;
    if (!this.unsaved) return true;
    return ask(store, `What you made on ${session.source?.name ?? 'this source'} is not kept and will be gone. Save it as a project first to keep it.`, `Open ${name}`);
  }

  /** Writes what waits, and lets go of the source that is about to be closed. */
  async leave(): Promise<void> {
    await this.keeper?.flush();
    for (const slot of new Set([...this.slots.values(), ...(this.slot ? [this.slot] : [])])) slot.release();
    this.slots.clear();
    this.slot = null;
    this.source = null;
    this.frames.clear();
    if (this.durable) this.core.store.update({ keep: { kind: 'nothing' } });
  }

  /** This work comes with its source, where there are others of the same. */
  prefer({ content, id }: WorkHead): void {
    this.preferred.set(content, id);
  }

  /** Gives back what was kept for the source that has just been opened, and goes on with it. `model` loads the model of a work. */
  async adopt(loadModel: (head: WorkHead) => Promise<void>): Promise<void> {
    const { session, store } = this.core;
    const { source } = session;
    const [library, identity] = await Promise.all([this.library, sourceOf(store.state)]);
    if (identity === null || session.source !== source) return;
    const content = await contentOf(identity);
    const works = (await library.works()).filter((head) => head.content === content);
    const present = keyOf(await modelIdentity(store.state));
    const preferred = this.preferred.get(content);
    this.preferred.delete(content);
    const rank = (head: WorkHead) => (head.id === preferred ? 0 : present !== null && head.model === present ? 1 : 2);
    works.sort((a, b) => rank(a) - rank(b));
    let slot: Slot | null = null;
    let found: WorkHead | null = null;
    for (const head of works) {
      const release = await hold(head.id, found === null ? LOCK_PATIENCE : 0);
      found ??= head;
      if (release === null) continue;
      found = head;
      slot = { id: head.id, content, model: head.model === null ? null : head.project.model, card: null, release, idle: null };
      break;
    }
    // The person was quicker, or opened another source meanwhile: nothing of theirs is replaced.
    const current = session.source === source && isEmpty(store.state.history.present);
    if (found !== null && current) {
      await loadModel(found);
      if (session.source === source) await this.apply(library, found, slot);
    }
    if (session.source !== source) return slot?.release();
    if (slot === null || !current) {
      slot?.release();
      slot = await this.newSlot(content);
      if (found !== null && current) slot.idle = { history: store.state.history, answered: store.state.answered };
      if (found !== null) store.update({ notice: 'Another tab is at work on this source. What you change here is kept beside its work, as a copy.' });
    }
    this.source = source;
    this.slot = slot;
    this.remember(slot.id);
    this.changed();
  }

  /** A work of its own for the source that has just been opened, whatever was kept for it; written once the person goes on with it. */
  async begin(): Promise<void> {
    const { session, store } = this.core;
    const { source } = session;
    const identity = await sourceOf(store.state);
    if (identity === null || session.source !== source) return;
    const slot = await this.newSlot(await contentOf(identity));
    slot.idle = { history: store.state.history, answered: store.state.answered };
    if (session.source !== source) return slot.release();
    this.source = source;
    this.slot = slot;
  }

  private async apply(library: Library, head: WorkHead, slot: Slot | null): Promise<void> {
    const frames = await library.frames(head.id);
    const here = await placed(head, frames, this.core.store.state);
    await applyWork(this.core, here.head, here.frames);
    this.frames.resume(here.frames);
    if (slot === null) return;
    slot.card = cardOf(this.core.store.state);
    this.keeper!.resume(head.id, frames);
  }

  async setKeepFiles(keep_files: boolean): Promise<void> {
    const library = await this.library;
    this.core.store.update({ keep_files });
    await library.setSettings({ keep_files });
    if (!keep_files) {
      await this.keeper!.forget();
      await library.removeFiles();
    }
    this.changed();
    await this.keeper!.flush();
    await this.list();
  }

  /** False where another tab is at work on it. */
  async remove(id: string): Promise<boolean> {
    const library = await this.library;
    if (this.slot?.id === id) return this.forgetOpen(() => library.remove(id));
    const release = await hold(id, 0);
    if (release === null) return false;
    await library.remove(id);
    release();
    await this.list();
    return true;
  }

  /** Leaves nothing of any work in this browser. What is open stays open, and is kept again once it is changed. */
  async forget(): Promise<void> {
    const library = await this.library;
    await this.forgetOpen(() => library.clear());
    try {
      for (const storage of [localStorage, sessionStorage]) for (const key of Object.keys(storage)) if (key.startsWith('sam2rad')) storage.removeItem(key);
    } catch {
      // A browser that lets the page store nothing there has nothing there.
    }
    await removeEarlierWork();
    this.core.store.update({ keep_files: false });
  }

  private async forgetOpen(remove: () => Promise<void>): Promise<boolean> {
    const { store } = this.core;
    await this.takeForNew();
    await remove();
    this.otherTabs.postMessage('forgotten');
    if (this.durable) store.update({ keep: { kind: 'nothing' } });
    await this.list();
    return true;
  }

  /** Nothing of what is open counts as kept any more, and none of it is written until the person changes something. */
  private async takeForNew(): Promise<void> {
    await this.keeper!.forget();
    this.frames.clear();
    if (this.slot !== null) this.slot.idle = { history: this.core.store.state.history, answered: Infinity };
  }

  /** The works and models that are kept, for the reader to choose from. */
  async list(): Promise<void> {
    const { store } = this.core;
    const [library, held] = await Promise.all([this.library, heldWorks()]);
    const [works, models] = await Promise.all([library.works(), library.models()]);
    // What is listed already stays the same value, and a model that is open the same file.
    const { model, own_models: before } = store.state;
    const open = model.kind === 'ready' && model.origin.kind === 'file' ? model.origin.file : null;
    const openKey = models.length > 0 && open !== null ? await hashOfModel(open) : null;
    const listed = models.map((kept) => {
      const file = kept.key === openKey ? open! : kept.file;
      return before.find((known) => known.key === kept.key && (known.file === file || kept.key !== openKey)) ?? { key: kept.key, file };
    });
    const own = new Set([...this.slots.values(), ...(this.slot ? [this.slot] : [])].map(({ id }) => id));
    store.update({
      works: works.map((head) => ({ head, open: own.has(head.id) ? 'here' : held.has(head.id) ? 'elsewhere' : null })),
      own_models: listed.length === before.length && listed.every((kept, at) => kept === before[at]) ? before : listed,
    });
  }

  /** The work that this tab went on with, or the newest one. */
  async last(): Promise<WorkHead | null> {
    const works = await (await this.library).works();
    const id = this.remembered();
    const head = works.find((head) => head.id === id) ?? works[0] ?? null;
    if (head === null) return null;
    const release = await hold(head.id, LOCK_PATIENCE);
    release?.();
    return release === null ? null : head;
  }

  /** The first free id for another work on this content. */
  async claim(content: string): Promise<{ id: string; release(): void }> {
    const library = await this.library;
    for (let copy = 1; ; copy++) {
      const id = copy === 1 ? content : `${content} ${copy}`;
      const release = (await library.has(id)) ? null : await hold(id, 0);
      if (release !== null) return { id, release };
    }
  }

  private async newSlot(content: string): Promise<Slot> {
    return { ...(await this.claim(content)), content, model: null, card: null, idle: null };
  }

  private changed(): void {
    if (this.slot !== null) this.keeper?.save(() => this.snapshot());
  }

  /** The work as it is now; null where there is nothing to keep. */
  private async snapshot(): Promise<Snapshot | null> {
    const { store, session } = this.core;
    const card = cardOf(store.state);
    const [identity, model] = await Promise.all([sourceOf(store.state), modelIdentity(store.state)]);
    await this.followModel(model);
    const { slot } = this;
    const { state } = store;
    // Masks of another model than the one that was named: the next time.
    if (cardOf(state) !== card) {
      this.changed();
      return null;
    }
    if (slot === null || session.source !== this.source || state.source.kind !== 'open') return null;
    if (slot.idle !== null && slot.idle.history === state.history && state.answered <= slot.idle.answered + 1) return null;
    const frames = this.frames.gather(this.core);
    const segmented = [...frames.values()].filter(({ answer }) => answer !== null).length;
    if (frames.size === 0 && isEmpty(state.history.present)) return null;
    slot.idle = null;
    // From now on a reload brings back this work, not the view of the link.
    if (location.hash.startsWith('#share=')) history.replaceState(null, '', location.pathname + location.search);
    if (segmented > 0 && slot.model === null) Object.assign(slot, { model, card: cardOf(state) });
    if (slot.model !== null) this.slots.set(keyOf(slot.model)!, slot);
    const [files, model_file] = await Promise.all([filesOf(state), modelFileOf(state)]);
    return {
      head: {
        version: KEPT_VERSION,
        id: slot.id,
        content: slot.content,
        title: state.source.source.name,
        saved: new Date(),
        model: keyOf(slot.model),
        project: headOf(state, identity, model ?? slot.model),
        corrected: [...frames.values()].filter(isCorrected).length,
        segmented,
      },
      frames,
      files,
      model_file,
    };
  }

  /** Masks of another model go to a work of their own, and those that are kept stay; a model that comes back finds its own again. */
  private async followModel(model: WorkHead['project']['model']): Promise<void> {
    const { slot, core } = this;
    const key = keyOf(model);
    const card = cardOf(core.store.state);
    if (slot === null || slot.model === null || key === null || (keyOf(slot.model) === key && slot.card === card)) return;
    const known = keyOf(slot.model) === key ? slot : this.slots.get(key);
    const next = known ?? (await this.newSlot(slot.content));
    if (this.slot !== slot) return known === undefined ? next.release() : undefined;
    if (known === undefined) next.idle = { history: core.store.state.history, answered: core.store.state.answered };
    next.model ??= model;
    next.card = card;
    this.slots.set(key, next);
    this.slot = next;
    this.frames.clear();
    this.remember(next.id);
    if (known === undefined) return;
    const library = await this.library;
    const head = (await library.works()).find(({ id }) => id === known.id);
    if (head === undefined) return;
    const frames = await library.frames(head.id);
    const here = await placed(head, frames, core.store.state);
    if (this.slot !== next || cardOf(core.store.state) !== card) return;
    this.keeper!.resume(head.id, frames);
    applyAnswers(core, here.head, here.frames);
  }

  private kept(): void {
    void this.list();
    if (this.persisted) return;
    this.persisted = true;
    // So that the browser does not clear it when space is short. Whether it agrees is its own affair.
    void navigator.storage?.persist?.();
  }

  private remembered(): string | null {
    try {
      return sessionStorage.getItem(LAST);
    } catch {
      return null;
    }
  }

  private remember(id: string): void {
    try {
      sessionStorage.setItem(LAST, id);
    } catch {
      // The newest work is then what comes back.
    }
  }
}

/** Copies of the source's files, where the person agreed. */
async function filesOf({ source, keep_files }: State): Promise<KeptFile[]> {
  if (!keep_files || source.kind === 'none' || source.origin.kind !== 'files') return [];
  return Promise.all(source.origin.files.map(async (file) => ({ key: fileKey(await knownIdentityOf(file)), file })));
}

/** A model holds nothing of a patient; without it the masks cannot be seen again. One that ships is found by its hash. */
async function modelFileOf({ model }: State): Promise<KeptFile | null> {
  if (model.kind !== 'ready' || model.origin.kind !== 'file') return null;
  return { key: await hashOfModel(model.origin.file), file: model.origin.file };
}
