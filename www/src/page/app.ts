// What a person can do, put together from its parts. Panels, the keyboard and dropped files call this.

import { Edits } from './prompts/edits';
import { followModel } from './prompts/model-change';
import { listCameras } from './sources/capture';
import { listShipped, type DemoEntry, type ModelEntry } from './sources/shipped';
import type { Look } from './state';
import { Store } from './store';
import { Engine } from './stream/engine';
import { Follower } from './stream/follow';
import { Processor } from './stream/process';
import { Session } from './stream/session';
import { stayAwake } from './stream/wake';
import { Keeping } from './work/keeping';
import { Opening } from './work/opening';
import { OwnModels } from './work/own-models';
import { Recent } from './work/recent';

export class App {
  readonly store = new Store();
  readonly engine = new Engine(this.store);
  readonly session = new Session(this.store, this.engine);
  readonly processor = new Processor(this.store, this.session);
  readonly follower = new Follower(this.store, this.session, this.engine);
  readonly edits = new Edits(this.store, this.session);
  readonly keeping = new Keeping(this);
  readonly opening = new Opening(this, this.keeping);
  readonly ownModels = new OwnModels(this, this.keeping);
  readonly recent = new Recent(this, this.keeping, this.opening);

  async start(): Promise<void> {
    this.engine.start();
    followModel(this);
    stayAwake(this.store);
    navigator.mediaDevices?.addEventListener('devicechange', () => void this.findCameras());
    void this.findCameras();
    this.store.update({ shipped: await listShipped() });
    await this.recent.start();
  }

  /** Files by button, drop or paste: models, projects, and anything that has pictures. */
  async take(files: readonly File[]): Promise<void> {
    const { projects } = await this.opening.openFiles(files);
    await this.recent.take(projects);
  }

  async openDemo(demo: DemoEntry): Promise<void> {
    await this.opening.openDemo(demo, { play: true });
  }

  /** Of two cameras of a phone, the one that looks away. */
  async openCamera(id: string | null): Promise<void> {
    await this.opening.openCamera(id === null ? { facing: 'environment' } : { id });
    void this.findCameras();
  }

  /** The one that looks the other way, else the next in the list. */
  async turnCamera(): Promise<void> {
    const { source } = this.session;
    if (source?.kind !== 'camera') return;
    const { cameras } = this.store.state;
    const next = cameras[(cameras.findIndex(({ id }) => id === source.device) + 1) % cameras.length];
    if (source.facing !== null) await this.opening.openCamera({ facing: source.facing === 'user' ? 'environment' : 'user' });
    else if (next !== undefined) await this.opening.openCamera({ id: next.id });
  }

  async openScreen(): Promise<void> {
    await this.opening.openScreen();
  }

  async loadShipped(entry: ModelEntry): Promise<void> {
    await this.opening.loadShipped(entry);
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
    this.store.update({ tokens_off: tokens });
    this.session.questionChanged();
  }

  /** All masks away, or all back. */
  toggleOverlay(): void {
    const { model, look } = this.store.state;
    if (model.kind !== 'ready') return;
    this.setLook({ hidden: look.hidden.size > 0 ? new Set() : new Set(model.card.structures.keys()) });
  }

  private async findCameras(): Promise<void> {
    this.store.update({ cameras: await listCameras().catch(() => []) });
  }
}
