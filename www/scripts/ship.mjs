// Lays what is in weights/ beside the page: models and demo cines, each folder with the index that src/page/sources/shipped.ts
// reads. A cine goes with the model of its name.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';

const weights = new URL('../../weights/', import.meta.url);
const site = new URL('../public/', import.meta.url);
const titled = (name) => (name[0].toUpperCase() + name.slice(1)).replace('_', ' and ');
/** The demos that a person was in front of: all others are simulated. The simulated hip is the first that is offered. */
const REAL = { heart: 'A real heart' };
const FIRST = 'hip';
const inOrder = (a, b) => (a === b ? 0 : a.startsWith(FIRST) ? -1 : b.startsWith(FIRST) ? 1 : a < b ? -1 : 1);

function ship(folder, extension, describe) {
  const target = new URL(`${folder}/`, site);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const files = readdirSync(weights).filter((file) => file.endsWith(extension)).sort(inOrder);
  const rows = files.map((file) => {
    copyFileSync(new URL(file, weights), new URL(file, target));
    const name = file.slice(0, -extension.length);
    return { name, file, ...describe(name, readFileSync(new URL(file, weights))) };
  });
  writeFileSync(new URL('index.json', target), JSON.stringify(rows));
}

ship('models', '.safetensors', (name, bytes) => ({
  title: titled(name),
  bytes: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
}));
ship('demo', '.cine', (name, bytes) => ({
  title: REAL[name] ?? `Simulated ${name}`,
  model: name,
  spacing_mm: JSON.parse(bytes.subarray(0, bytes.indexOf('\n')).toString()).spacing_mm,
}));
