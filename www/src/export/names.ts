// What files are called.

/** The picture of one frame of a source, counted from 0, as the page counts it: `wrist.dcm`, 7 -> `wrist_0008.png`. */
export function frameName(source: string, frame: number, extension: string): string {
  return `${stem(source)}_${String(frame + 1).padStart(4, '0')}.${extension}`;
}

/** A file name without its extension. */
export function stem(source: string): string {
  return source.replace(/(?<=[^/])\.[^./]*$/, '');
}

/** The names without their extensions, numbered where two are alike: `a.png`, `a.jpg` -> `a`, `a_2`. */
export function uniqueStems(names: readonly string[]): string[] {
  return unique(names.map(stem));
}

/** Each text once, whatever its case; later ones that are alike are numbered before their extension. */
export function unique(texts: readonly string[]): string[] {
  const taken = new Set<string>();
  return texts.map((text) => free(text, taken));
}

/** The text, numbered where it is taken, and takes it. */
export function free(text: string, taken: Set<string>): string {
  let name = text;
  for (let copy = 2; taken.has(name.toLowerCase()); copy++) name = text.replace(/(\.[^./]*)?$/, `_${copy}$1`);
  taken.add(name.toLowerCase());
  return name;
}
