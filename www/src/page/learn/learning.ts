// Labelling and learning, as a person does them: panels call this, the state says how far it is.

import { stem } from '../../export/names';
import { nextFrame, type Print } from '../../learn/advice';
import { maskFrom, withMask, withoutMask, withoutStructure, withColor, withStructure } from '../../learn/labels';
import { forgetBrokenOff, forgetLearntModel, keepLearntModel, listLearntModels, openLearntModel, renameLearntModel } from '../../learn/learnt-models';
import { baseUrl } from '../../shared/base-url';
import { ENDED_THREADS, type FromLearner, type LearnEvent, type LearningJob, type LearningLog, type LearningTask, type Learnt, type LearnRequest, type LearntModel } from '../../shared/learning';
import { failed, FailureError, failureOf, messageOf, nameOf, type ModelOrigin } from '../../shared/messages';
import { LEARNING_FOLDER, LEARNING_LOCK, TASK_FILE } from '../../shared/private-files';
import { runsOf } from '../../shared/runs';
import type { Core } from '../core';
import type { Edits } from '../prompts/edits';
import { isCine } from '../sources/types';
import { rgbOf } from '../stage/colors';
import { cardOf, cropAt, type LearningState } from '../state';
import { drawnMask } from './drawing';
import { lessonsOf, printOf } from './lessons';
import { Watchdog } from './watchdog';

/** The same frames and the same model give the same result. */
const SEED = 1;
/** Of longer sources so many frames, evenly spread, are compared. */
const MOST_PRINTS = 60;
/** A step takes seconds, and seeing what is found on the frames kept apart a minute on a slow machine: after so many of silence it hangs. */
const SILENCE_S = 180;
/** A worker that ends gives its lock back within this time. */
const RELEASE_MS = 10_000;

export class Learning {
  private worker: Worker | null = null;
  /** While steps are being done. */
  private watchdog: Watchdog | null = null;
  private comparing = Promise.resolve();

  constructor(private readonly core: Core & { readonly edits: Edits }) {
    core.store.watch(({ source, labelling, history }) => [source, labelling, history.present.labels.frames], () => {
      this.comparing = this.comparing.then(() => this.comparePictures());
    });
    new BroadcastChannel(ENDED_THREADS).addEventListener('message', ({ data }: MessageEvent<string>) => this.worker !== null && this.failed(broken(data)));
  }

  async start(): Promise<void> {
    await this.list();
    const task = await brokenOff();
    if (task !== null && this.core.store.state.learning.kind === 'none') this.set({ kind: 'broken-off', task });
  }

  // Labelling

  /** False where the name is empty or taken. */
  addStructure(name: string): boolean {
    const labels = withStructure(this.labels, name);
    if (labels === null) return false;
    this.core.edits.setLabels(labels);
    this.choose(labels.structures.at(-1)!.name);
    return true;
  }

  removeStructure(name: string): void {
    this.core.edits.setLabels(withoutStructure(this.labels, name));
    if (this.core.store.state.labelling === name) this.choose(this.labels.structures[0]?.name ?? null);
  }

  color(name: string, color: string): void {
    this.core.edits.setLabels(withColor(this.labels, name, color));
  }

  choose(name: string | null): void {
    this.core.store.update({ labelling: name });
  }

  /** Prompts of the person's alone, on this frame alone: whatever the model knows, its decoder follows them. */
  outline(): void {
    this.core.session.pause();
    this.core.edits.setTools({ manual: true, carry: false, tool: 'inside' });
  }

  /** The mask of the structure that prompts are for, as it is on the stage, becomes the label. Says why not, where it cannot. */
  accept(): string | null {
    const { store, edits } = this.core;
    const { shown, labelling, tools } = store.state;
    const answer = shown?.answer ?? null;
    if (labelling === null || shown === null) return 'Name a structure first.';
    if (answer === null || answer.question.model !== cardOf(store.state)) return 'There is no mask on this frame yet.';
    const { crop, runs } = answer.segmentation;
    const mask = maskFrom(runs, crop, answer.size, tools.structure);
    if (!mask.includes(1)) return 'The mask is empty: click on the structure, or draw it with the brush.';
    edits.setLabels(withMask(this.labels, shown.frame.index, answer.size, labelling, runsOf(mask)), true);
    return null;
  }

  /** What was drawn with the brush on the frame shown becomes the label, as it is. Says why not, where it cannot. */
  acceptDrawing(): string | null {
    const { store, edits } = this.core;
    const { shown, labelling, history } = store.state;
    if (labelling === null || shown === null) return 'Name a structure first.';
    const { width, height } = shown.frame.picture;
    const mask = drawnMask(history.present.prompts.get(shown.frame.index) ?? [], { width, height });
    if (mask === null) return 'Nothing is drawn on this frame: go around the structure with the brush, back to where you began, or tap the corners of a polygon.';
    edits.setLabels(withMask(this.labels, shown.frame.index, { width, height }, labelling, runsOf(mask)), true);
    return null;
  }

  /** Draws by hand, whatever the model makes of it. */
  draw(): void {
    this.core.session.pause();
    this.core.edits.setTools({ manual: true, carry: false, tool: 'brush' });
  }

  /** The structure is not in the frame shown: that teaches too. */
  absent(): void {
    const { shown, labelling } = this.core.store.state;
    if (shown === null || labelling === null) return;
    const { width, height } = shown.frame.picture;
    this.core.edits.setLabels(withMask(this.labels, shown.frame.index, { width, height }, labelling, runsOf(new Uint8Array(width * height))), true);
  }

  removeLabel(): void {
    const { shown, labelling } = this.core.store.state;
    if (shown !== null && labelling !== null) this.core.edits.setLabels(withoutMask(this.labels, shown.frame.index, labelling));
  }

  /** Which frame teaches most. */
  get proposed(): ReturnType<typeof nextFrame> {
    const { store, session } = this.core;
    const { prints, history } = store.state;
    const labelled = new Set(history.present.labels.frames.keys());
    const expected = new Map<number, number>();
    for (const [index, answer] of session.answers()) {
      const sure = answer.segmentation.structures.flatMap(({ expected_dice }) => expected_dice ?? []);
      if (sure.length > 0) expected.set(index, Math.min(...sure));
    }
    return nextFrame(prints, labelled, expected);
  }

  /** Makes the tiny pictures by which frames are compared, once for a source. */
  private async comparePictures(): Promise<void> {
    const { store, session } = this.core;
    const { finite } = session;
    if (finite === null || store.state.labelling === null) return;
    const count = Math.min(finite.frames, MOST_PRINTS);
    const prints = new Map<number, Print>(store.state.prints);
    const wanted = new Set([...Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * finite.frames) / count)), ...this.labels.frames.keys()]);
    for (const index of wanted) {
      if (prints.has(index)) continue;
      const frame = await finite.frame(index).catch(() => null);
      if (session.source !== finite) return frame?.picture.close();
      if (frame === null) continue;
      prints.set(index, printOf(frame.picture, cropAt(store.state, index, frame.picture)));
      frame.picture.close();
    }
    store.update({ prints });
  }

  // Learning

  async learn({ keep, steps }: { keep: boolean; steps?: number }): Promise<void> {
    const { store, session } = this.core;
    const { state } = store;
    const { finite } = session;
    const { model } = state;
    if (finite === null || model.kind !== 'ready' || state.learning.kind === 'running') return;
    session.pause();
    store.fail('learn', null);
    try {
      const structures = this.structuresOf(keep);
      const names = structures.map(({ name }) => name);
      const frames = await lessonsOf(state, finite, names, () => undefined);
      const own = new Set(frames.flatMap((frame) => frame.structures));
      const job: LearningJob = {
        base: nameOf(model.origin),
        structures,
        kept: names.flatMap((_, structure) => (own.has(structure) ? [] : [structure])),
        seed: SEED,
        ...(steps !== undefined && { steps }),
        training_data: `made on this device from ${frames.length === 1 ? 'one frame' : `${frames.length} frames`} of ${finite.name}, labelled by the person who made it; base: ${nameOf(model.origin)}, ${model.card.training_data || 'training data not stated'}`,
      };
      const task: LearningTask = {
        job,
        frames: frames.map(({ name, index, width, height, structures }) => ({ name, index, width, height, structures })),
        title: titleOf(names.filter((_, structure) => own.has(structure))),
        source: finite.name,
        one_recording: isCine(finite),
      };
      const file = await bytesOf(model.origin);
      this.send({ type: 'begin', base: baseUrl(), task, model: file, frames }, [file.buffer, ...frames.flatMap(({ rgba, class_ids }) => [rgba.buffer, class_ids.buffer])]);
      this.set({ kind: 'running', task, plan: null, log: EMPTY_LOG, paused: false, held: null, memory: 0 });
    } catch (error) {
      store.fail('learn', failureOf(error));
    }
  }

  /** With what a reload or a crash broke off. */
  goOn(): void {
    const { learning } = this.core.store.state;
    if (learning.kind !== 'broken-off') return;
    this.core.store.fail('learn', null);
    this.set({ kind: 'running', task: learning.task, plan: null, log: EMPTY_LOG, paused: false, held: null, memory: 0 });
    this.send({ type: 'go-on', base: baseUrl() });
  }

  pause(): void {
    this.worker?.postMessage({ type: 'pause' } satisfies LearnRequest);
  }

  resume(): void {
    this.worker?.postMessage({ type: 'resume' } satisfies LearnRequest);
  }

  /** Ends with the best so far. */
  stop(): void {
    this.worker?.postMessage({ type: 'stop' } satisfies LearnRequest);
  }

  /** What was broken off is not gone on with. */
  async discard(): Promise<void> {
    this.end();
    await forgetBrokenOff();
    this.set({ kind: 'none' });
  }

  // Own models

  async use(model: LearntModel): Promise<void> {
    const { store, engine, edits } = this.core;
    try {
      const file = await openLearntModel(model);
      await engine.load({ kind: 'file', file });
      // After it: what is asked before is asked of the model that goes.
      edits.setTools({ manual: false });
    } catch (error) {
      store.fail('model', failed('model', `“${model.title}” could not be opened: ${messageOf(error)}.`, 'It may have been cleared by the browser; learn it again.').failure);
    }
  }

  async file(model: LearntModel): Promise<{ name: string; blob: Blob }> {
    const file = await openLearntModel(model);
    return { name: file.name, blob: file };
  }

  async rename(model: LearntModel, title: string): Promise<void> {
    if (title.trim() === '') return;
    await renameLearntModel(model, title.trim());
    await this.list();
  }

  async forget(model: LearntModel): Promise<void> {
    await forgetLearntModel(model.id);
    await this.list();
  }

  private async list(): Promise<void> {
    this.core.store.update({ learnt_models: await listLearntModels() });
  }

  private get labels() {
    return this.core.store.state.history.present.labels;
  }

  /** Those of the base that stay, then the person's own; all in the colours that they have here. */
  private structuresOf(keep: boolean): LearningJob['structures'] {
    const { state } = this.core.store;
    const labelled = new Set([...this.labels.frames.values()].flatMap(({ masks }) => [...masks.keys()]));
    const own = this.labels.structures.filter(({ name }) => labelled.has(name));
    const known = keep ? (cardOf(state)?.structures ?? []) : [];
    const before = known.map(({ name, color }) => {
      const mine = own.find((other) => other.name === name);
      return { name, color: mine === undefined ? color : rgbOf(mine.color) };
    });
    return [...before, ...own.filter(({ name }) => !known.some((other) => other.name === name)).map(({ name, color }) => ({ name, color: rgbOf(color) }))];
  }

  private send(request: LearnRequest, transfer: Transferable[] = []): void {
    this.worker?.terminate();
    const worker = new Worker(new URL('../../worker/learner.ts', import.meta.url), { type: 'module', name: 'learner' });
    this.worker = worker;
    worker.addEventListener('message', ({ data }: MessageEvent<FromLearner>) => this.worker === worker && void this.receive(data));
    worker.addEventListener('error', (event) => this.worker === worker && this.failed(broken(event.message || 'its program could not start')));
    worker.postMessage(request, transfer);
  }

  private async receive(message: FromLearner): Promise<void> {
    switch (message.type) {
      case 'event':
        return this.follow(message.event);
      case 'failed':
        return this.failed(new FailureError(message.failure));
      case 'done':
        return this.finish(message.learnt);
    }
  }

  private follow(event: LearnEvent): void {
    const { learning } = this.core.store.state;
    if (learning.kind !== 'running') return;
    this.watchdog?.heard();
    if (event.kind === 'plan' || event.kind === 'resumed') this.watch();
    if (event.kind === 'paused') this.watchdog?.end();
    const { log } = learning;
    switch (event.kind) {
      case 'task':
        return this.set({ ...learning, task: event.task, log: event.log });
      case 'plan': {
        const until = <T extends { step: number }>(rows: readonly T[]) => rows.filter(({ step }) => step <= event.plan.step);
        return this.set({ ...learning, plan: event.plan, log: { ...log, plan: event.plan, steps: until(log.steps), validations: until(log.validations) } });
      }
      case 'step':
        return this.set({ ...learning, memory: event.memory, log: { ...log, steps: [...log.steps, event.step], seconds: log.seconds + event.seconds } });
      case 'validation':
        return this.set({ ...learning, held: event.validation, log: { ...log, validations: [...log.validations, event.validation] } });
      case 'paused':
      case 'resumed':
        return this.set({ ...learning, paused: event.kind === 'paused' });
      case 'saved':
        return;
    }
  }

  private async finish({ file, task, log, best }: Learnt): Promise<void> {
    const { store } = this.core;
    this.end();
    const bytes = file.byteLength;
    const model: LearntModel = {
      id: new Date().toISOString(),
      title: another(task.title, store.state.learnt_models),
      base: task.job.base,
      structures: task.job.structures,
      frames: task.frames.length,
      held_back: log.plan?.held_back.length ?? 0,
      source: task.source,
      one_recording: task.one_recording,
      dice: best?.mean_dice ?? null,
      steps: best?.step ?? log.steps.at(-1)?.step ?? 0,
      minutes: log.seconds / 60,
      date: new Date().toISOString().slice(0, 10),
      bytes,
    };
    try {
      await keepLearntModel(model, file);
      await forgetBrokenOff();
      await this.list();
      this.set({ kind: 'learnt', model, log });
      await this.use(model);
    } catch (error) {
      store.fail('learn', failureOf(error));
      this.set({ kind: 'none' });
    }
  }

  private failed(error: FailureError): void {
    this.end();
    this.core.store.fail('learn', error.failure);
    void brokenOff(RELEASE_MS).then((task) => this.set(task === null ? { kind: 'none' } : { kind: 'broken-off', task }));
  }

  private end(): void {
    this.watchdog?.end();
    this.worker?.terminate();
    this.worker = null;
  }

  private watch(): void {
    this.watchdog?.end();
    this.watchdog = new Watchdog(SILENCE_S, () => this.failed(broken(`nothing was heard of it for ${SILENCE_S / 60} minutes`)));
  }

  private set(learning: LearningState): void {
    this.core.store.update({ learning });
  }
}

const EMPTY_LOG: LearningLog = { plan: null, steps: [], validations: [], seconds: 0 };

function broken(why: string): FailureError {
  return failed('learn', `The learning stopped: ${why}.`, 'Go on from its last checkpoint; if it stays so, close other tabs: the machine may be short of memory.');
}

/** The base model's file: a person's own, or fetched once more from where it came. */
async function bytesOf(origin: ModelOrigin): Promise<Uint8Array<ArrayBuffer>> {
  if (origin.kind === 'file') return new Uint8Array(await origin.file.arrayBuffer());
  const response = await fetch(origin.url);
  if (!response.ok) throw failed('learn', `The model “${origin.name}” could not be fetched again: the server answered ${response.status}.`, 'Check the connection and try again.');
  return new Uint8Array(await response.arrayBuffer());
}

/** The title, with a number where a model has it already: its file is what others are compared with. */
function another(title: string, models: readonly LearntModel[]): string {
  const isTaken = (name: string) => models.some((model) => model.title === name);
  let name = title;
  for (let count = 2; isTaken(name); count++) name = `${title} ${count}`;
  return name;
}

function titleOf(names: readonly string[]): string {
  const all = names.join(', ');
  return stem(all.charAt(0).toUpperCase() + all.slice(1));
}

/** What was begun and not ended, unless another tab is at it. A worker that was ended a moment ago may hold the lock for some ms yet. */
async function brokenOff(patience_ms = 0): Promise<LearningTask | null> {
  try {
    if (patience_ms > 0) await navigator.locks?.request(LEARNING_LOCK, { signal: AbortSignal.timeout(patience_ms) }, () => undefined).catch(() => undefined);
    const { held = [] } = (await navigator.locks?.query()) ?? {};
    if (held.some(({ name }) => name === LEARNING_LOCK)) return null;
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(LEARNING_FOLDER);
    return JSON.parse(await (await (await folder.getFileHandle(TASK_FILE)).getFile()).text()) as LearningTask;
  } catch {
    return null;
  }
}
