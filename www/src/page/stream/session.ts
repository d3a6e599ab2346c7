// The source that is open, from its frames to what is on the stage: seeking, streaming, asking again when the question changes.

import { failureOf, type Failure } from '../../shared/messages';
import { EMPTY_HISTORY } from '../prompts/history';
import { isFinite, type CaptureSource, type FiniteSource, type Frame, type FrameSource, type FrameStream } from '../sources/types';
import { cropAt, questionAt, sameQuestion, stillFollows, type Answer, type Playback, type SourceOrigin } from '../state';
import type { Store } from '../store';
import type { Engine } from './engine';
import { StreamMeter } from './meter';
import { Results } from './results';

/** So many frames in a row that cannot be shown end the playback: they will not be the last. */
const DAMAGED_IN_A_ROW = 5;

export class Session {
  private readonly results = new Results();
  /** Frames that their source shows otherwise by now: an answer about one that is still on its way is not kept. */
  private readonly outdated = new WeakSet<Frame>();
  private readonly meter = new StreamMeter();
  private stream: FrameStream | null = null;
  private wanted: number | null = null;
  /** The seeks of the source that is open, while there are any. */
  private seeking: Promise<void> | null = null;
  private opening = 0;
  /** Questions about the frame on the stage that have no answer yet. */
  private asked = 0;

  constructor(
    private readonly store: Store,
    private readonly engine: Engine,
  ) {}

  get source(): FrameSource | null {
    const { source } = this.store.state;
    return source.kind === 'open' ? source.source : null;
  }

  get finite(): FiniteSource | null {
    const { source } = this;
    return source !== null && isFinite(source) ? source : null;
  }

  /** Every frame is being segmented: time is not a person's to move then. */
  private get processing(): boolean {
    return this.store.state.work.kind === 'processing';
  }

  /** Takes the place of the source before only once it is open; `null` where it was not opened. The model is not asked about its first frame yet:
   *  what was made on it comes first. `leave` is called before the source of now is closed. A failure is for whoever asked. */
  async open(name: string, open: () => Promise<{ source: FrameSource; origin: SourceOrigin }>, leave: () => Promise<void>): Promise<FrameSource | null> {
    const turn = ++this.opening;
    this.store.update({ opening: name });
    this.store.fail('source', null);
    try {
      const { source, origin } = await open();
      if (turn !== this.opening) {
        source.close();
        return null;
      }
      await leave();
      if (turn !== this.opening) {
        source.close();
        return null;
      }
      this.close();
      const { tools } = this.store.state;
      // Stills are not moments of one thing: what is said of one is not said of the next.
      const carry = source.kind !== 'pictures';
      this.store.update({ source: { kind: 'open', source, origin }, tools: { ...tools, carry }, opening: null });
      if (isFinite(source)) await this.seek(source.kind === 'pictures' ? source.start : 0, false);
      return this.source === source ? source : null;
    } catch (error) {
      if (turn !== this.opening) return null;
      this.store.update({ opening: null });
      throw error;
    }
  }

  close(): void {
    this.stop();
    this.engine.cancelWaiting();
    this.source?.close();
    this.store.state.shown?.frame.picture.close();
    this.results.clear();
    this.wanted = null;
    this.seeking = null;
    this.store.update({ source: { kind: 'none' }, shown: null, history: EMPTY_HISTORY, scale_line: null, graf_draft: null, reviewed: new Map(), meter: null, answered: 0, work: { kind: 'idle' }, prints: new Map(), labelling: null });
    this.store.fail('work', null);
  }

  /** Shows a camera or a screen as it comes, and says what becomes of it. */
  follow(source: CaptureSource): void {
    const tell = (failure: Failure | null) => this.source === source && this.store.fail('source', failure);
    source.onSignal((signal) => {
      if (signal.kind === 'ended') tell({ kind: 'capture', message: `${signal.message}.`, advice: 'The last frame stays. Choose a source to go on.' });
      else if (signal.kind === 'lost') tell({ kind: 'capture', message: `${signal.message}.`, advice: 'The picture is not of now. It goes on by itself once the signal is back.' });
      else tell(null);
    });
    void this.play();
  }

  async play(): Promise<void> {
    const { source, stream: before } = this;
    if (source === null || before !== null || this.processing) return;
    const { playback, shown } = this.store.state;
    const at = shown?.frame.index ?? 0;
    const stream = isFinite(source) ? source.play(at === source.frames - 1 ? -1 : at, playback) : source.play();
    this.stream = stream;
    this.meter.restart();
    this.store.update({ playback: { ...playback, playing: true } });
    for (let damaged = 0; damaged < DAMAGED_IN_A_ROW; ) {
      try {
        const frame = await stream.next();
        if (frame === null) break;
        await this.present(frame, () => this.stream === stream);
        if (this.stream !== stream) return;
        damaged = 0;
      } catch (error) {
        if (this.stream !== stream) return;
        const failure = failureOf(error);
        this.store.fail('work', failure);
        if (failure.kind !== 'picture') break;
        damaged++;
      }
    }
    if (this.stream === stream) this.pause();
  }

  pause(): void {
    this.stop();
    void this.refresh();
  }

  setPlayback(change: Partial<Omit<Playback, 'playing'>>): void {
    const { playing } = this.store.state.playback;
    this.stop();
    this.store.update({ playback: { ...this.store.state.playback, ...change } });
    if (playing) void this.play();
  }

  private stop(): void {
    this.stream?.stop();
    this.stream = null;
    const { playback } = this.store.state;
    if (playback.playing) this.store.update({ playback: { ...playback, playing: false } });
  }

  /** Shows this frame of a finite source. Of several seeks in a row the last one counts. */
  async seek(index: number, ask = true): Promise<void> {
    const { finite } = this;
    if (finite === null || this.processing) return;
    this.wanted = Math.max(0, Math.min(finite.frames - 1, index));
    this.stream?.stop();
    this.stream = null;
    this.seeking ??= this.reach(finite, ask).finally(() => {
      if (this.source === finite) this.seeking = null;
    });
    await this.seeking;
    if (this.source === finite && this.store.state.playback.playing && this.stream === null) void this.play();
  }

  private async reach(finite: FiniteSource, ask: boolean): Promise<void> {
    try {
      while (this.wanted !== null) {
        const index = this.wanted;
        this.wanted = null;
        const frame = await finite.frame(index);
        if (this.source !== finite) return frame.picture.close();
        this.show(frame, this.answerOn(index));
        if (ask) void this.refresh();
      }
      this.store.fail('source', null);
    } catch (error) {
      if (this.source === finite) this.store.fail('source', failureOf(error));
    }
  }

  async step(by: number): Promise<void> {
    const { finite } = this;
    if (finite === null || this.processing) return;
    this.pause();
    const at = this.wanted ?? this.store.state.shown?.frame.index ?? 0;
    await this.seek(at + by);
  }

  /** After a change of what an answer depends on. */
  questionChanged(): void {
    this.store.update({ answered: this.countAnswered() });
    void this.refresh();
  }

  /** Asks again about the frame on the stage where its answer is not that of the present question. */
  async refresh(): Promise<void> {
    const { shown, playback } = this.store.state;
    if (shown === null || playback.playing || this.processing) return;
    const { frame } = shown;
    const question = questionAt(this.store.state, frame.index, frame.picture);
    const stored = this.answerOn(frame.index);
    if (question === null || stored !== null) {
      if (shown.answer !== stored) this.show(frame, stored);
      return;
    }
    this.asked++;
    this.store.update({ work: { kind: 'segmenting' } });
    try {
      const answer = await this.engine.segment(frame, question);
      if (answer === null) return;
      this.keep(frame, answer);
      if (this.store.state.shown?.frame === frame) this.show(frame, answer);
      this.store.fail('work', null);
    } catch (error) {
      this.store.fail('work', failureOf(error));
    } finally {
      if (--this.asked === 0 && this.store.state.work.kind === 'segmenting') this.store.update({ work: { kind: 'idle' } });
    }
  }

  /** Segments a frame and, where it is still wanted then, puts it on the stage together with its masks. */
  async present(frame: Frame, wanted: () => boolean): Promise<void> {
    const question = questionAt(this.store.state, frame.index, frame.picture);
    let answer = this.answerOn(frame.index);
    if (answer === null && question !== null) {
      try {
        answer = await this.engine.segment(frame, question);
      } catch (error) {
        frame.picture.close();
        throw error;
      }
    }
    if (!wanted()) return frame.picture.close();
    if (answer !== null) this.keep(frame, answer);
    this.show(frame, answer);
    const { playing } = this.store.state.playback;
    if (playing && question !== null) this.store.update({ meter: this.meter.count(frame.grabbed) });
  }

  /** Puts a frame on the stage with an answer that was found elsewhere. */
  presentAnswered(frame: Frame, answer: Answer): void {
    this.keep(frame, answer);
    this.show(frame, answer);
  }

  /** Where the source shows its frames otherwise than before: what was answered was about other pictures. */
  async reload(): Promise<void> {
    const { shown } = this.store.state;
    this.stop();
    if (shown !== null) this.outdated.add(shown.frame);
    this.results.clear();
    this.store.update({ reviewed: new Map(), answered: 0 });
    await this.seek(this.wanted ?? shown?.frame.index ?? 0);
  }

  /** Answers of an earlier time, beside those that there are. */
  restore(answers: Iterable<[index: number, answer: Answer]>): void {
    for (const [index, answer] of answers) this.results.keep(index, answer);
    this.questionChanged();
  }

  /** The answer of a frame, where it is that of the present question. */
  answerOn(index: number): Answer | null {
    const answer = this.results.find(index);
    if (answer === null || this.finite === null) return null;
    const question = questionAt(this.store.state, index, answer.size);
    if (question === null || !sameQuestion(question, answer.question)) return null;
    const { following } = answer;
    return following === undefined || stillFollows(following, index, this.store.state.history.present.prompts) ? answer : null;
  }

  /** All frames that have one, in their order. */
  answers(): [index: number, answer: Answer][] {
    return this.results.indices().flatMap((index): [number, Answer][] => {
      const answer = this.answerOn(index);
      return answer === null ? [] : [[index, answer]];
    });
  }

  private countAnswered(): number {
    return this.answers().length;
  }

  private keep(frame: Frame, answer: Answer): void {
    if (this.finite !== null && !this.outdated.has(frame)) this.results.keep(frame.index, answer);
  }

  private show(frame: Frame, answer: Answer | null): void {
    const before = this.store.state.shown?.frame;
    if (before !== undefined && before !== frame) before.picture.close();
    this.store.update({ shown: { frame, answer }, crop: cropAt(this.store.state, frame.index, frame.picture), answered: this.countAnswered() });
  }
}
