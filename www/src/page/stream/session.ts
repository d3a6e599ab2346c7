// The source that is open, from its frames to what is on the stage: seeking, streaming, asking again when the question changes.

import { clampBox, sizeOf, type Box } from '../../shared/geometry';
import { failureOf } from '../../shared/messages';
import { EMPTY_HISTORY } from '../prompts/history';
import { cropOf, rememberCrop } from '../sources/crops';
import { isFinite, type FiniteSource, type Frame, type FrameSource, type FrameStream } from '../sources/types';
import { questionAt, type Answer, type Playback, type SourceOrigin } from '../state';
import type { Store } from '../store';
import type { Engine } from './engine';
import { StreamMeter } from './meter';
import { Results } from './results';

/** A crop is at least this wide and high. */
export const LEAST_CROP = 16;

export class Session {
  readonly results = new Results();
  private readonly meter = new StreamMeter();
  /** By the frame's key; the same value until it is changed, for answers compare it by identity. */
  private readonly crops = new Map<string, Box>();
  private stream: FrameStream | null = null;
  private wanted: number | null = null;
  private seeking = false;
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

  /** Takes the place of the source before only once it is open. Without `ask` its first frame is shown, but the model is not asked: what was
   *  made on it comes first. */
  async open(name: string, origin: SourceOrigin, open: () => Promise<FrameSource>, ask = true): Promise<boolean> {
    const turn = ++this.opening;
    this.store.update({ opening: name });
    this.store.fail('source', null);
    try {
      const source = await open();
      if (turn !== this.opening) {
        source.close();
        return false;
      }
      this.close();
      this.store.update({ source: { kind: 'open', source, origin }, opening: null });
      if (isFinite(source)) await this.seek(0, ask);
      else this.follow(source);
      return true;
    } catch (error) {
      if (turn !== this.opening) return false;
      this.store.update({ opening: null });
      this.store.fail('source', failureOf(error));
      return false;
    }
  }

  close(): void {
    this.stop();
    this.engine.cancelWaiting();
    this.source?.close();
    this.store.state.shown?.frame.picture.close();
    this.results.clear();
    this.crops.clear();
    this.store.update({ source: { kind: 'none' }, shown: null, history: EMPTY_HISTORY, calipers: new Map(), scales_by_hand: new Map(), scale_line: null, reviewed: new Map(), meter: null, answered: 0, work: { kind: 'idle' } });
    this.store.fail('work', null);
  }

  private follow(source: Exclude<FrameSource, FiniteSource>): void {
    source.onEnded((message) => {
      this.store.fail('source', { kind: 'capture', message: `${message}.`, advice: 'The last frame stays. Choose a source to go on.' });
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
    try {
      for (;;) {
        const frame = await stream.next();
        if (frame === null) break;
        await this.present(frame, () => this.stream === stream);
        if (this.stream !== stream) return;
      }
    } catch (error) {
      this.store.fail('work', failureOf(error));
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
    const { finite, stream } = this;
    if (finite === null || this.processing) return;
    this.wanted = Math.max(0, Math.min(finite.frames - 1, index));
    stream?.stop();
    this.stream = null;
    if (this.seeking) return;
    this.seeking = true;
    try {
      while (this.wanted !== null) {
        const index = this.wanted;
        this.wanted = null;
        const frame = await finite.frame(index);
        if (this.source !== finite) return frame.picture.close();
        this.adoptCrop(frame);
        this.show(frame, this.results.find(index, questionAt(this.store.state, index)));
        if (ask) void this.refresh();
      }
      this.store.fail('source', null);
    } catch (error) {
      this.store.fail('source', failureOf(error));
    } finally {
      this.seeking = false;
    }
    if (this.store.state.playback.playing && this.stream === null) void this.play();
  }

  async step(by: number): Promise<void> {
    const { finite } = this;
    if (finite === null || this.processing) return;
    this.pause();
    const at = this.wanted ?? this.store.state.shown?.frame.index ?? 0;
    await this.seek(at + by);
  }

  /** Asks again about the frame on the stage where its answer is not that of the present question. */
  async refresh(): Promise<void> {
    const { shown, playback } = this.store.state;
    if (shown === null || playback.playing || this.processing) return;
    const { frame } = shown;
    const question = questionAt(this.store.state, frame.index);
    const stored = this.results.find(frame.index, question);
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
    const crop = this.cropFor(frame);
    const question = questionAt({ ...this.store.state, crop }, frame.index);
    let answer = this.results.find(frame.index, question);
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
    this.adoptCrop(frame);
    this.show(frame, answer);
    const { playing } = this.store.state.playback;
    if (playing && question !== null) this.store.update({ meter: this.meter.count(frame.grabbed) });
  }

  setCrop(crop: Box): void {
    const { source } = this;
    const { shown } = this.store.state;
    if (source === null || shown === null) return;
    const { picture, key, index } = shown.frame;
    const fitted = clampBox(crop, picture, LEAST_CROP);
    this.crops.set(key, fitted);
    rememberCrop(key, picture, source.suggested_crop, fitted);
    if (source.kind === 'pictures') this.results.drop(index);
    else this.results.clear();
    this.store.update({ crop: fitted, answered: this.countAnswered() });
    void this.refresh();
  }

  /** The crops of the pictures that have been looked at, by the frame's key. */
  cropEntries(): [key: string, crop: Box][] {
    return [...this.crops];
  }

  /** Crops and answers of an earlier time, in place of those that the frames have now. */
  restore(crops: Iterable<[key: string, crop: Box]>, answers: Iterable<[index: number, answer: Answer]>): void {
    for (const [key, crop] of crops) this.crops.set(key, crop);
    for (const [index, answer] of answers) this.results.keep(index, answer);
    const { shown } = this.store.state;
    if (shown !== null) this.adoptCrop(shown.frame);
    this.store.update({ answered: this.countAnswered() });
  }

  countAnswered(): number {
    return this.results.count((index) => questionAt(this.store.state, index));
  }

  private keep(frame: Frame, answer: Answer): void {
    if (this.finite !== null) this.results.keep(frame.index, answer);
  }

  private show(frame: Frame, answer: Answer | null): void {
    const before = this.store.state.shown?.frame;
    if (before !== undefined && before !== frame) before.picture.close();
    this.store.update({ shown: { frame, answer }, answered: this.countAnswered() });
  }

  private cropFor({ key, picture }: Frame): Box {
    const known = this.crops.get(key);
    if (known !== undefined && sizeOf(known).width <= picture.width) return known;
    const crop = cropOf(key, picture, this.source?.suggested_crop ?? null);
    this.crops.set(key, crop);
    return crop;
  }

  private adoptCrop(frame: Frame): void {
    const crop = this.cropFor(frame);
    if (this.store.state.crop !== crop) this.store.update({ crop });
  }
}
