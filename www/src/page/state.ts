// All that the page knows, in one value. Views read it; only actions.ts changes it.

import type { ModelCard, Segmentation } from '../shared/api';
import type { BackendChoice, Failure } from '../shared/messages';

export type BackendState = { kind: 'choosing' } | ({ kind: 'chosen' } & BackendChoice) | { kind: 'failed'; failure: Failure };

export type ModelState =
  | { kind: 'none' }
  | { kind: 'loading'; file: File; read: number }
  | { kind: 'ready'; file: File; card: ModelCard; version: string }
  | { kind: 'failed'; file: File; failure: Failure };

export type PictureState =
  | { kind: 'none' }
  | { kind: 'opening'; file: File }
  | { kind: 'ready'; file: File; bitmap: ImageBitmap }
  | { kind: 'failed'; file: File; failure: Failure };

export interface RunningStage {
  stage: string;
  started: number;
}

export type RunState =
  | { kind: 'idle' }
  | { kind: 'running'; stages: RunningStage[] }
  | { kind: 'done'; segmentation: Segmentation; card: ModelCard }
  | { kind: 'cancelled' }
  | { kind: 'failed'; failure: Failure };

export interface State {
  backend: BackendState;
  model: ModelState;
  picture: PictureState;
  run: RunState;
  /** How the overlay is drawn. `hidden` holds indices into the structures. */
  look: { opacity: number; hidden: ReadonlySet<number> };
  /** Something that happened on its own and that the reader should know. */
  notice: string | null;
}

export class Store {
  private views: ((state: State) => void)[] = [];

  state: State = {
    backend: { kind: 'choosing' },
    model: { kind: 'none' },
    picture: { kind: 'none' },
    run: { kind: 'idle' },
    look: { opacity: 0.45, hidden: new Set() },
    notice: null,
  };

  update(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    for (const view of this.views) view(this.state);
  }

  watch(view: (state: State) => void): void {
    this.views.push(view);
    view(this.state);
  }
}

export function canSegment({ model, picture, run }: State): boolean {
  return model.kind === 'ready' && picture.kind === 'ready' && run.kind !== 'running';
}
