// What a file is called among the others that were opened with it.

import { unique } from '../../export/names';

const dropped = new WeakMap<File, string>();

/** A dropped file does not say which folder it came from; its entry does. */
export function rememberPath(file: File, path: string): void {
  dropped.set(file, path.replace(/^\/+/, ''));
}

/** With its folders where they are known, else the name alone. */
export function pathOf(file: File): string {
  return file.webkitRelativePath || (dropped.get(file) ?? file.name);
}

/** As people count: picture 2 before picture 10. */
export function inOrder(files: readonly File[]): File[] {
  return files.toSorted((a, b) => pathOf(a).localeCompare(pathOf(b), undefined, { numeric: true }));
}

/** A name for each file that no other has: its path below the folder that all of them lie in; files alike even there are numbered. */
export function uniqueNames(files: readonly File[]): string[] {
  const paths = files.map((file) => pathOf(file).split('/'));
  let common = 0;
  while (paths.every((path) => path.length > common + 1 && path[common] === paths[0]![common])) common++;
  return unique(paths.map((path) => path.slice(common).join('/')));
}
