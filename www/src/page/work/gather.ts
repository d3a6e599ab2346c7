// The state of the page as a project.

import { disclaimer } from '../../export/disclaimer';
import { rleOf } from '../../export/rle';
import { EVERYWHERE } from '../../measure/spacing';
import { identityOf } from '../../project/identity';
import type { FileIdentity, Project, ProjectFrame, ProjectSource } from '../../project/schema';
import type { App } from '../app';
import { cardOf, NO_CALIPERS, type Answer, type State } from '../state';
import { answeredFrames, wholeMap } from './answered';
import { modelIdentity } from './identity';

export async function gatherProject(app: App): Promise<Project> {
  const { state } = app.store;
  const { look, tools, shown } = state;
  return {
    format: 'sam2rad-project',
    version: 1,
    note: disclaimer(cardOf(state)?.training_data ?? ''),
    saved: new Date().toISOString(),
    source: await sourceOf(state),
    crops: app.session.cropEntries().map(([picture, box]) => ({ picture, box })),
    spacing: spacingOf(state),
    scales_by_hand: [...state.scales_by_hand].map(([picture, scale]) => ({ picture, ...scale })),
    model: await modelIdentity(state),
    settings: { manual: tools.manual, carry: tools.carry, look: { ...look, hidden: [...look.hidden], colors: [...look.colors].map(([structure, color]) => ({ structure, color })) } },
    current_frame: shown?.frame.index ?? 0,
    frames: framesOf(app),
  };
}

/** The one that holds in the whole picture. */
function spacingOf({ source }: State): Project['spacing'] {
  const scale = source.kind === 'open' ? source.source.scales.find(({ box }) => box === EVERYWHERE) : undefined;
  return scale?.spacing ? { x_mm: scale.spacing.x_mm, y_mm: scale.spacing.y_mm } : null;
}

const identities = new WeakMap<File, Promise<FileIdentity>>();

async function sourceOf({ source }: State): Promise<ProjectSource | null> {
  if (source.kind === 'none') return null;
  const { origin } = source;
  if (origin.kind === 'demo') return { kind: 'demo', name: origin.name };
  const files = origin.kind === 'files' ? origin.files : [];
  for (const file of files) if (!identities.has(file)) identities.set(file, identityOf(file));
  return { kind: source.source.kind, files: await Promise.all(files.map((file) => identities.get(file)!)) };
}

function framesOf(app: App): ProjectFrame[] {
  const { history, calipers, tokens_off } = app.store.state;
  // Answers with tokens switched off are an experiment, not work.
  const answered = new Map(tokens_off.length > 0 ? [] : answeredFrames(app).map(({ frame, answer }) => [frame, answer]));
  const frames = [...new Set([...history.present.keys(), ...calipers.keys(), ...answered.keys()])].sort((a, b) => a - b);
  return frames.map((frame) => {
    const answer = answered.get(frame);
    return {
      frame,
      prompts: history.present.get(frame)?.map((prompt) => ({ ...prompt })) ?? null,
      masks: answer === undefined ? null : masksOf(answer),
      calipers: [...(calipers.get(frame) ?? NO_CALIPERS)],
    };
  });
}

const encoded = new WeakMap<Answer, NonNullable<ProjectFrame['masks']>>();

/** Encoded once: a cine's answers are kept again with every change of the work. */
function masksOf(answer: Answer): NonNullable<ProjectFrame['masks']> {
  const known = encoded.get(answer);
  if (known !== undefined) return known;
  const map = wholeMap(answer);
  const { crop, structures } = answer.segmentation;
  const masks = {
    ...answer.size,
    crop,
    structures: structures.map(({ structure, present, iou, object_score, predicted_box }) => ({
      structure,
      present,
      iou,
      object_score,
      predicted_box,
      rle: present ? rleOf(map, structure + 1) : null,
    })),
  };
  encoded.set(answer, masks);
  return masks;
}
