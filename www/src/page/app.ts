// What a person can do, put together from its parts. Panels, the keyboard and dropped files call this.

import { Edits } from './prompts/edits';
import { listCameras, openCamera, openScreen } from './sources/capture';
import { openCine } from './sources/cine';
import { looksLikeModel, looksLikeProject, openFiles } from './sources/open';
import { fetchDemo, listShipped, originOf, type DemoEntry, type ModelEntry } from './sources/shipped';
import type { Look } from './state';
import { Store } from './store';
import { Engine } from './stream/engine';
import { Processor } from './stream/process';
import { Session } from './stream/session';
import type { Keeping } from './work/keeping';

export class App {
  readonly store = new Store();
  readonly engine = new Engine(this.store);
  readonly session = new Session(this.store, this.engine);
  readonly processor = new Processor(this.store, this.session);
  readonly edits = new Edits(this.store, this.session);

  /** Set once the page is put together. */
  keeping: Keeping | null = null;

  async start(): Promise<void> {
    this.engine.start();
    this.store.watch(({ model }) => [model.kind === 'ready' ? model.card : null], () => this.modelChanged());
    navigator.mediaDevices?.addEventListener('devicechange', () => void this.findCameras());
    void this.findCameras();
    this.store.update({ shipped: await listShipped() });
    await this.keeping?.start();
  }

  /** Files by button, drop or paste: a model is loaded, anything else is a source. */
  async take(files: File[]): Promise<void> {
    const project = files.find(looksLikeProject);
    if (project !== undefined) return this.keeping?.openProjectFile(project);
    const model = files.find(looksLikeModel);
    if (model !== undefined) void this.engine.load({ kind: 'file', file: model });
    const pictures = files.filter((file) => file !== model);
    if (pictures.length === 0) return;
    const name = pictures.length === 1 ? pictures[0]!.name : `${pictures.length} files`;
    if (await this.open(name, { kind: 'files', files: pictures }, () => openFiles(pictures))) await this.keeping?.opened(pictures);
  }

  /** Where a person pressed a demo's button it plays; where a project or a link brings it back it stands. */
  async openDemo(demo: DemoEntry, play = true, model?: ModelEntry): Promise<boolean> {
    const fitting = model ?? this.store.state.shipped.models.find(({ name }) => name === demo.model);
    if (fitting !== undefined) void this.loadShipped(fitting);
    const opened = await this.session.open(demo.title, { kind: 'demo', name: demo.name }, async () => openCine(await fetchDemo(demo), demo.title), play);
    if (opened && play) void this.session.play();
    return opened;
  }

  async openCamera(id: string | null): Promise<void> {
    await this.open('Camera', { kind: 'capture' }, () => openCamera(id));
    void this.findCameras();
  }

  async openScreen(): Promise<void> {
    await this.open('Screen', { kind: 'capture' }, openScreen);
  }

  async loadShipped(entry: ModelEntry): Promise<void> {
    const origin = originOf(entry);
    const { model } = this.store.state;
    const there = model.kind !== 'none' && model.origin.kind === 'shipped' && model.origin.url === origin.url;
    if (!there) await this.engine.load(origin);
  }

  togglePlay(): void {
    if (this.store.state.playback.playing) this.session.pause();
    else void this.session.play();
  }

  setLook(change: Partial<Look>): void {
    this.store.update({ look: { ...this.store.state.look, ...change } });
  }

  setVisible(structure: number, visible: boolean): void {
    const hidden = new Set(this.store.state.look.hidden);
    if (visible) hidden.delete(structure);
    else hidden.add(structure);
    this.setLook({ hidden });
  }

  setTokensOff(tokens: readonly number[]): void {
    this.store.update({ tokens_off: tokens, answered: this.session.countAnswered() });
    void this.session.refresh();
  }

  /** All masks away, or all back. */
  toggleOverlay(): void {
    const { model, look } = this.store.state;
    if (model.kind !== 'ready') return;
    this.setLook({ hidden: look.hidden.size > 0 ? new Set() : new Set(model.card.structures.keys()) });
  }

  /** A source of one's own with no model chosen yet gets the first that ships. */
  private async open(...source: Parameters<Session['open']>): Promise<boolean> {
    const opened = this.session.open(...source);
    const [first] = this.store.state.shipped.models;
    if (this.store.state.model.kind === 'none' && first !== undefined) void this.loadShipped(first);
    return opened;
  }

  private async findCameras(): Promise<void> {
    this.store.update({ cameras: await listCameras().catch(() => []) });
  }

  private modelChanged(): void {
    const { model, tools, look } = this.store.state;
    if (model.kind !== 'ready') return;
    const structure = Math.min(tools.structure, model.card.structures.length - 1);
    this.store.update({ tools: { ...tools, structure }, tokens_off: [], inside: { kind: 'none' }, look: { ...look, hidden: new Set(), colors: new Map() } });
    void this.session.refresh();
  }
}
