// Opens sources: what was kept for one comes back with it, and nothing that is not kept goes without a word.

import type { WorkHead } from '../../persist/work';
import { failureOf } from '../../shared/messages';
import type { Core } from '../core';
import { beginning } from '../prompts/history';
import { openCamera, openScreen, type WantedCamera } from '../sources/capture';
import { openCine } from '../sources/cine';
import { noneOpens, sortFiles, type FileGroup } from '../sources/open';
import { pathOf } from '../sources/paths';
import { fetchDemo, originOf, type DemoEntry, type ModelEntry } from '../sources/shipped';
import { keyAt, type CaptureSource, type FrameSource } from '../sources/types';
import type { SourceOrigin } from '../state';
import { isSameModel, modelIdentity } from './identity';
import type { Keeping } from './keeping';
import { takeSegmentation } from './segmentation';

/** So many files are named; of more their number. */
const NAMED = 3;

export class Opening {
  constructor(
    private readonly core: Core,
    private readonly keeping: Keeping,
  ) {}

  /** What can be opened of these is; the rest is named. */
  async openFiles(files: readonly File[]): Promise<{ projects: File[] }> {
    const { store, engine } = this.core;
    const { models, projects, sources, segmentations, others } = await sortFiles(files);
    const [model, ...surplus] = models;
    if (model !== undefined) void engine.load({ kind: 'file', file: model });
    const left = [...others, ...surplus];
    if (sources.length === 0) {
      if (models.length + projects.length + segmentations.length === 0 && files.length > 0) store.fail('source', (await noneOpens(others)).failure);
      await this.openSegmentations(segmentations);
      return { projects };
    }
    if (!(await this.keeping.mayReplace(sources.length === 1 ? sources[0]!.name : `${files.length} files`))) return { projects };
    store.update({ worklist: sources.length < 2 ? [] : sources.map((group) => ({ group, failure: null })), for_worklist: { crop: null, window: null } });
    for (const group of sources) if (await this.openGroup(group)) break;
    await this.openSegmentations(segmentations);
    if (left.length > 0) store.update({ notice: `Not opened: ${named(left)}.` });
    return { projects };
  }

  /** Masks of the DICOM file that is open. */
  private async openSegmentations(files: readonly File[]): Promise<void> {
    const { store } = this.core;
    try {
      for (const file of files) store.update({ notice: await takeSegmentation(this.core, file) });
    } catch (error) {
      store.fail('source', failureOf(error));
    }
  }

  async openGroup(group: FileGroup): Promise<boolean> {
    const { store } = this.core;
    const note = (failure: string | null) =>
      store.update({ worklist: store.state.worklist.map((entry) => (entry.group === group ? { ...entry, failure } : entry)) });
    const origin: SourceOrigin = { kind: 'files', files: group.files };
    const make = async () => {
      const source = await group.open();
      const { window } = store.state.for_worklist;
      if (source.kind === 'dicom' && source.dicom.info.grey && window !== null) source.setWindow(window);
      return { source, origin };
    };
    const opened = await this.open(group.name, make, note);
    if (!opened) return false;
    note(null);
    await this.keeping.adopt((head) => this.modelFor(head));
    this.cropAsOthers();
    this.ensureModel();
    void this.core.session.refresh();
    return true;
  }

  /** The crop of the picture shown for the other files of the worklist, where their pictures are of its size. */
  cropEveryFile(): void {
    const { shown, crop, for_worklist } = this.core.store.state;
    if (shown === null) return;
    const { width, height } = shown.frame.picture;
    this.core.store.update({ for_worklist: { ...for_worklist, crop: { box: crop, size: { width, height } } } });
  }

  /** A file that has no crop of its own gets the one that a person wants for all. */
  private cropAsOthers(): void {
    const { store, session } = this.core;
    const { shown, history, for_worklist: { crop } } = store.state;
    const { source } = session;
    if (source === null || shown === null || crop === null) return;
    const { width, height } = shown.frame.picture;
    if (width !== crop.size.width || height !== crop.size.height) return;
    const key = keyAt(source, shown.frame.index, crop.size);
    if (history.present.crops.has(key)) return;
    const crops = new Map(history.present.crops).set(key, crop.box);
    store.update({ history: beginning({ ...history.present, crops }), crop: crop.box });
    session.questionChanged();
  }

  /** Where a person pressed a demo's button it plays; where a work or a link brings it back it stands. A view that is shared is `own`: no earlier
   *  work comes with it. */
  async openDemo(demo: DemoEntry, how: { play: boolean; model?: ModelEntry; own?: boolean }): Promise<boolean> {
    const { store, session } = this.core;
    const fitting = how.model ?? store.state.shipped.models.find(({ name }) => name === demo.model);
    if (!(await this.keeping.mayReplace(demo.title))) return false;
    if (fitting !== undefined) void this.loadShipped(fitting);
    const opened = await this.open(demo.title, async () => ({ source: await openCine(await fetchDemo(demo), demo.title), origin: { kind: 'demo', name: demo.name } }));
    if (!opened) return false;
    if (!how.own) await this.keeping.adopt(() => Promise.resolve());
    store.update({ worklist: [] });
    if (how.play) void session.play();
    else if (!how.own) void session.refresh();
    return true;
  }

  async openCamera(wanted: WantedCamera): Promise<void> {
    await this.openCapture('Camera', () => openCamera(wanted));
  }

  async openScreen(): Promise<void> {
    await this.openCapture('Screen', openScreen);
  }

  async loadShipped(entry: ModelEntry): Promise<void> {
    const { store, engine } = this.core;
    const origin = originOf(entry);
    const { model } = store.state;
    const there = model.kind !== 'none' && model.origin.kind === 'shipped' && model.origin.url === origin.url;
    if (!there) await engine.load(origin);
  }

  /** Loads the model of a work, or says which one it is. */
  async loadModelOf({ project: { model }, model_file }: WorkHead): Promise<void> {
    const { store, engine } = this.core;
    if (model === null || isSameModel(model, await modelIdentity(store.state))) return;
    const size = model.image_size ?? null;
    const file = model_file === null ? null : await (await this.keeping.library).file(model_file);
    if (file !== null) return engine.load({ kind: 'file', file }, size);
    const shipped = store.state.shipped.models.find(({ title, sha256 }) => isSameModel(model, { name: title, sha256: sha256 || null, structures: [] }));
    if (shipped !== undefined) return engine.load(originOf(shipped), size);
    store.update({ notice: `The masks of this work were made with the model ${model.name}. They stay kept; choose that file to see them again.` });
  }

  /** A person's own choice of a model stays; the masks of another are said to be there. */
  private async modelFor(head: WorkHead): Promise<void> {
    const { model } = this.core.store.state;
    if (model.kind === 'none') return this.loadModelOf(head);
    if (model.kind === 'ready' && head.segmented > 0 && head.project.model !== null && !isSameModel(head.project.model, await modelIdentity(this.core.store.state))) {
      this.core.store.update({ notice: `The masks kept for this source were made with the model ${head.project.model.name}. They stay kept; choose that model to see them.` });
    }
  }

  private async openCapture(name: string, make: () => Promise<CaptureSource>): Promise<void> {
    const { session, store } = this.core;
    if (!(await this.keeping.mayReplace(name))) return;
    this.ensureModel();
    // Many drivers give a device to one at a time, and two of the same kind not at all.
    if (session.source?.kind === 'camera') session.close();
    const opened = await this.open(name, async () => ({ source: await make(), origin: { kind: 'capture' } }));
    if (!opened) return;
    store.update({ worklist: [] });
    const { source } = session;
    if (source !== null && !('frames' in source)) session.follow(source);
  }

  private async open(name: string, make: () => Promise<{ source: FrameSource; origin: SourceOrigin }>, onFailure: (message: string) => void = () => undefined): Promise<boolean> {
    const { session, store } = this.core;
    try {
      return (await session.open(name, make, () => this.keeping.leave())) !== null;
    } catch (error) {
      const failure = failureOf(error);
      store.fail('source', failure);
      onFailure(failure.message);
      return false;
    }
  }

  /** A source with no model chosen yet gets the first that ships. */
  private ensureModel(): void {
    const [first] = this.core.store.state.shipped.models;
    if (this.core.store.state.model.kind === 'none' && first !== undefined) void this.loadShipped(first);
  }
}

function named(files: readonly File[]): string {
  const names = files.slice(0, NAMED).map(pathOf).join(', ');
  return files.length > NAMED ? `${names} and ${files.length - NAMED} more` : names;
}
