// A project as a file, and back.

import * as v from 'valibot';
import { projectSchema, PROJECT_VERSION, type Project } from './schema';

export type ProjectErrorKind =
  | 'not-a-project' // no JSON, or another program's
  | 'newer' // of a later version than this page reads
  | 'invalid'; // a field is missing or wrong

/** Why a project file was refused, in a sentence for its user. */
export class ProjectError extends Error {
  override readonly name = 'ProjectError';

  constructor(
    readonly kind: ProjectErrorKind,
    message: string,
    /** The way to the field that is wrong, such as `frames[3].masks[0].rle`. */
    readonly field: string | null = null,
  ) {
    super(message);
  }
}

/** What the file is called for a source of this name. */
export function projectFileName(stem: string): string {
  return `${stem}.sam2rad.json`;
}

export function writeProject(project: Project): string {
  return JSON.stringify(project);
}

/** Reads a project file whole or not at all. Throws a {@link ProjectError}. */
export function readProject(text: string): Project {
  const value = parse(text);
  if (typeof value !== 'object' || value === null || (value as Partial<Project>).format !== 'sam2rad-project') {
    throw new ProjectError('not-a-project', 'This is not a sam2rad project file.');
  }
  const { version } = value as { version?: unknown };
  if (typeof version === 'number' && version > PROJECT_VERSION) {
    throw new ProjectError(
      'newer',
      `This project was saved by a newer sam2rad (project version ${version}; this page reads up to ${PROJECT_VERSION}). Open it in the newer page.`,
      'version',
    );
  }
  const read = v.safeParse(projectSchema, value);
  if (read.success) return read.output;
  const field = fieldOf(read.issues[0]);
  throw new ProjectError('invalid', `This project file is damaged: ${field} ${read.issues[0].message}.`, field);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** `frames[3].masks[0].rle`. */
function fieldOf(issue: v.BaseIssue<unknown>): string {
  const steps = (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`));
  return steps.join('').replace(/^\./, '');
}
