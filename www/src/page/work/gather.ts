// The state of the page as a work: its head, and its frames.

import { disclaimer } from '../../export/disclaimer';
import type { FrameLabel } from '../../learn/labels';
import type { GrafLines } from '../../measure/graf';
import { EVERYWHERE } from '../../measure/spacing';
import type { KeptAnswer, KeptFrame } from '../../persist/work';
import { identityOf } from '../../project/identity';
import type { FileIdentity, Project, ProjectFrame, ProjectSource } from '../../project/schema';
import type { Core } from '../core';
import type { PromptSet } from '../prompts/prompts';
import { cardOf, NO_CALIPERS, sameQuestion, type Answer, type Caliper, type State } from '../state';
import { projectFrameOf } from './convert';
import { modelIdentity } from './identity';

export async function gatherProject(core: Core): Promise<Project> {
  const { state } = core.store;
  const [source, model] = await Promise.all([sourceOf(state), modelIdentity(state)]);
  const frames = new FrameGatherer().gather(core).values();
  return { ...headOf(state, source, model), frames: [...frames].sort((a, b) => a.frame - b.frame).map(projectFrameOf) };
}

/** Everything but the frames. */
export function headOf(state: State, source: ProjectSource | null, model: Project['model']): Omit<Project, 'frames'> {
  const { look, tools, shown, history, structures } = state;
  const colors = new Map(model?.structures.map(({ name, color }) => [name, color]));
  return {
    format: 'sam2rad-project',
    version: 1,
    note: disclaimer(cardOf(state)?.training_data ?? ''),
    saved: new Date().toISOString(),
    source,
    crops: [...history.present.crops].map(([picture, box]) => ({ picture, box })),
    spacing: spacingOf(state),
    scales_by_hand: [...history.present.scales].map(([picture, scale]) => ({ picture, ...scale })),
    // The names that prompts' numbers mean, of earlier models too.
    model: model && { ...model, structures: structures.map((name) => ({ name, color: colors.get(name) ?? [128, 128, 128] })) },
    settings: { manual: tools.manual, carry: tools.carry, look: { ...look, hidden: [...look.hidden], colors: [...look.colors].map(([structure, color]) => ({ structure, color })) } },
    own_structures: history.present.labels.structures.map(({ name, color }) => ({ name, color })),
    current_frame: shown?.frame.index ?? 0,
  };
}

/** The one that holds in the whole picture. */
function spacingOf({ source }: State): Project['spacing'] {
  const scale = source.kind === 'open' ? source.source.scales.find(({ box }) => box === EVERYWHERE) : undefined;
  return scale?.spacing ? { x_mm: scale.spacing.x_mm, y_mm: scale.spacing.y_mm } : null;
}

const identities = new WeakMap<File, Promise<FileIdentity>>();

/** A file's content is read once. */
export function knownIdentityOf(file: File): Promise<FileIdentity> {
  const identity = identities.get(file) ?? identityOf(file);
  identities.set(file, identity);
  return identity;
}

export async function sourceOf({ source }: State): Promise<ProjectSource | null> {
  if (source.kind === 'none') return null;
  const { origin } = source;
  if (origin.kind === 'demo') return { kind: 'demo', name: origin.name };
  const files: FileIdentity[] = [];
  // One after the other: each takes a MiB of memory on its way.
  if (origin.kind === 'files') for (const file of origin.files) files.push(await knownIdentityOf(file));
  return { kind: source.source.kind, files };
}

interface Parts {
  prompts: PromptSet | undefined;
  calipers: readonly Caliper[] | undefined;
  graf: GrafLines | undefined;
  answer: KeptAnswer | null;
  reviewed: boolean;
  label: FrameLabel | undefined;
}

function keptAnswer({ size, segmentation, imported, following }: Answer): KeptAnswer {
  return { size, segmentation, ...(imported && { imported }), ...(following && { followed_from: following.from }) };
}

/** A frame whose parts are those of the last time is the same value as then. */
export class FrameGatherer {
  private known = new Map<number, { parts: Parts; kept: KeptFrame }>();

  clear(): void {
    this.known.clear();
  }

  /** These frames were given back to the page. */
  resume(frames: readonly KeptFrame[]): void {
    const partsOf = ({ prompts, calipers, graf, answer, reviewed, label }: KeptFrame): Parts => ({
      prompts: prompts ?? undefined,
      calipers: calipers.length === 0 ? undefined : calipers,
      graf: graf ?? undefined,
      answer,
      reviewed,
      label: label ?? undefined,
    });
    this.known = new Map(frames.map((kept) => [kept.frame, { parts: partsOf(kept), kept }]));
  }

  gather({ store, session }: Core): Map<number, KeptFrame> {
    const { history, reviewed, tokens_off, model } = store.state;
    const { prompts, calipers, graf, labels } = history.present;
    // Without a model, or with tokens switched off as an experiment, the masks are those of before.
    const asBefore = model.kind !== 'ready' || tokens_off.length > 0;
    const answers = new Map<number, Answer>(asBefore ? [] : session.answers());
    const masked = asBefore ? [...this.known].flatMap(([frame, { parts }]) => (parts.answer === null ? [] : [frame])) : answers.keys();
    const known = new Map<number, { parts: Parts; kept: KeptFrame }>();
    for (const frame of new Set([...prompts.keys(), ...calipers.keys(), ...graf.keys(), ...labels.frames.keys(), ...masked])) {
      const before = this.known.get(frame);
      const answer = answers.get(frame);
      const accepted = reviewed.get(frame);
      const parts: Parts = {
        prompts: prompts.get(frame),
        calipers: calipers.get(frame),
        graf: graf.get(frame),
        answer: asBefore ? (before?.parts.answer ?? null) : (answer === undefined ? null : keptAnswer(answer)),
        reviewed: asBefore ? (before?.parts.reviewed ?? false) : answer !== undefined && accepted !== undefined && sameQuestion(accepted, answer.question),
        label: labels.frames.get(frame),
      };
      known.set(frame, before !== undefined && same(before.parts, parts) ? before : { parts, kept: keptOf(frame, parts) });
    }
    this.known = known;
    return new Map([...known].map(([frame, { kept }]) => [frame, kept]));
  }
}

function same(a: Parts, b: Parts): boolean {
  return a.prompts === b.prompts && a.calipers === b.calipers && a.graf === b.graf && a.answer?.segmentation === b.answer?.segmentation && a.reviewed === b.reviewed && a.label === b.label;
}

function keptOf(frame: number, { prompts, calipers, graf, answer, reviewed, label }: Parts): KeptFrame {
  return {
    frame,
    prompts: (prompts as ProjectFrame['prompts'] | undefined) ?? null,
    calipers: [...(calipers ?? NO_CALIPERS)],
    graf: graf ?? null,
    answer,
    reviewed,
    label: label ?? null,
  };
}
