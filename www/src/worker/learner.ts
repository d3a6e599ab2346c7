// The worker that learns: a training in the learning bundle, step by step, with a checkpoint in the browser's private files now and then.
// Between two steps it looks whether somebody wants it to pause or to stop. It lives as long as one training.

import { failed, FailureError, messageOf } from '../shared/messages';
import { ENDED_THREADS, type FromLearner, type LearnEvent, type Learning, type LearningLog, type LearningModule, type LearningTask, type LearnRequest, type Learnt, type LessonFrame } from '../shared/learning';
import { LEARNING_LOCK } from '../shared/private-files';
import { threads } from './backend';
import { startBundle } from './bundle';
import { LearningFolder } from './learning-folder';

interface Scope {
  postMessage(message: FromLearner, transfer?: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<LearnRequest>) => void): void;
}
const scope = self as unknown as Scope;

/** A checkpoint is written after this time at the latest, in ms: what a crash costs. */
const CHECKPOINT_MS = 20_000;

let paused = false;
let stopping = false;
/** Wakes a training that is paused. */
let wake: () => void = () => undefined;

scope.addEventListener('message', ({ data: request }) => {
  switch (request.type) {
    case 'begin':
      return void run(request.base, (folder) => folder.begin(request.task, request.model, request.frames));
    case 'go-on':
      return void run(request.base, (folder) => folder.open());
    case 'pause':
      paused = true;
      return;
    case 'resume':
      paused = false;
      return wake();
    case 'stop':
      stopping = true;
      return wake();
  }
});

const tell = (event: LearnEvent, transfer: Transferable[] = []) => scope.postMessage({ type: 'event', event }, transfer);

interface Begun {
  task: LearningTask;
  model: Uint8Array<ArrayBuffer>;
  frames: LessonFrame[];
  log: LearningLog;
}

async function run(base: string, open: (folder: LearningFolder) => Promise<Begun>): Promise<void> {
  try {
    await navigator.locks.request(LEARNING_LOCK, { ifAvailable: true }, async (lock) => {
      if (lock === null) throw failed('learn', 'Another tab is learning.', 'Wait for it, or stop it there.');
      const folder = await LearningFolder.at();
      const begun = await open(folder);
      const learnt = await learn(base, folder, begun);
      scope.postMessage({ type: 'done', learnt }, [learnt.file.buffer]);
    });
  } catch (error) {
    const failure = error instanceof FailureError ? error.failure : failed('learn', `The learning stopped: ${messageOf(error)}.`, 'It can go on from its last checkpoint. The machine may be short of memory: close other tabs.').failure;
    scope.postMessage({ type: 'failed', failure });
  }
}

async function learn(base: string, folder: LearningFolder, { task, model, frames, log }: Begun): Promise<Learnt> {
  tell({ kind: 'task', task, log });
  const { module, memory } = await startBundle('learn', base, threads(), ENDED_THREADS);
  const learning = await start(module as LearningModule, folder, task, model, frames, log);
  const plan = learning.plan();
  log.plan = plan;
  log.steps = log.steps.filter(({ step }) => step <= plan.step);
  log.validations = log.validations.filter(({ step }) => step <= plan.step);
  tell({ kind: 'plan', plan });
  let saved = performance.now();
  const save = async () => {
    await folder.save(learning.save(), log);
    saved = performance.now();
    tell({ kind: 'saved', step: log.steps.at(-1)?.step ?? 0 });
  };
  while (!learning.is_finished() && !stopping) {
    const started = performance.now();
    const step = learning.step();
    const seconds = (performance.now() - started) / 1000;
    log.seconds += seconds;
    log.steps.push(step);
    tell({ kind: 'step', step, seconds, memory: memory.buffer.byteLength });
    if (learning.is_validation_due()) await validate(learning, folder, task, log);
    if (performance.now() - saved > CHECKPOINT_MS) await save();
    await looksUp();
    if (paused && !stopping) {
      // Whoever pauses may close the page.
      await save();
      tell({ kind: 'paused' });
      await new Promise<void>((resolve) => (wake = resolve));
      if (!stopping) tell({ kind: 'resumed' });
    }
  }
  // With frames kept apart the best network is the one that judged best on them; without, the last one.
  const best = log.validations.findLast(({ is_best }) => is_best) ?? null;
  const file = (best && (await folder.best())) ?? learning.model_file();
  learning.free();
  return { file, task, log, best: best && { step: best.step, mean_dice: best.mean_dice, dice: best.dice } };
}

/** From the newest checkpoint that is whole, or from the beginning. */
async function start(module: LearningModule, folder: LearningFolder, task: LearningTask, model: Uint8Array, frames: readonly LessonFrame[], log: LearningLog): Promise<Learning> {
  const labelled = () => {
    const all = new module.LabelledFrames();
    for (const { name, rgba, width, height, class_ids, structures } of frames) all.add(name, rgba, width, height, class_ids, Uint32Array.from(structures));
    return all;
  };
  for (const checkpoint of log.steps.length === 0 ? [] : await folder.checkpoints()) {
    try {
      return new module.Learning(model, labelled(), task.job, checkpoint);
    } catch (error) {
      // It was cut off while it was written: the one before is whole.
      if (error instanceof WebAssembly.RuntimeError) throw error;
    }
  }
  try {
    return new module.Learning(model, labelled(), task.job);
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) throw error;
    throw failed('learn', `This cannot be learnt: ${messageOf(error)}.`, 'Choose another model to start from, or label other frames.');
  }
}

async function validate(learning: Learning, folder: LearningFolder, task: LearningTask, log: LearningLog): Promise<void> {
  const validation = learning.validate();
  if (validation === null) return;
  const { answers, ...figures } = validation;
  // Before it is in the log: a log that speaks of a best network has its file.
  if (figures.is_best) await folder.keepBest(learning.model_file());
  log.validations.push(figures);
  tell({ kind: 'validation', validation, structures: task.job.structures }, answers.map(({ class_ids }) => class_ids.buffer));
}

/** Lets messages in. */
function looksUp(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
