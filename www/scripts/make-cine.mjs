// Packs a folder of frames into a .cine file, which the page plays:
//
//   node scripts/make-cine.mjs DIR OUT.cine [frame time in ms, 50] [mm a pixel]
//
// Frames are the JPEG and PNG files of the folder, all of one size, in the order of their names as people count; they are packed
// as they are. src/page/sources/README.md describes the format.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [dir, out, frameTime = '50', spacing] = process.argv.slice(2);
if (dir === undefined || out === undefined) {
  console.error('usage: node make-cine.mjs DIR OUT.cine [frame time in ms] [mm a pixel]');
  process.exit(2);
}

/** Width and height that a PNG or a JPEG says it has. */
function sizeOf(bytes, name) {
  if (bytes.readUInt32BE(0) === 0x89504e47) return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  for (let at = 2; at + 9 < bytes.length; at += 2 + bytes.readUInt16BE(at + 2)) {
    const marker = bytes[at + 1];
    // Start of frame, whatever its coding; the others of that range are tables.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) return [bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5)];
  }
  throw new Error(`${name} is neither a PNG nor a JPEG`);
}

const names = readdirSync(dir)
  .filter((name) => /\.(png|jpe?g)$/i.test(name))
  .sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
if (names.length === 0) throw new Error(`${dir} has no PNG or JPEG files`);
const frames = names.map((name) => readFileSync(join(dir, name)));
const [width, height] = sizeOf(frames[0], names[0]);
frames.forEach((bytes, i) => {
  const [w, h] = sizeOf(bytes, names[i]);
  if (w !== width || h !== height) throw new Error(`${names[i]} is ${w} x ${h}, ${names[0]} is ${width} x ${height}`);
});
const header = {
  frames: frames.length,
  frame_time_ms: Number(frameTime),
  width,
  height,
  ...(spacing === undefined ? {} : { spacing_mm: Number(spacing) }),
  lengths: frames.map(({ length }) => length),
};
writeFileSync(out, Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...frames]));
console.log(`${out}: ${frames.length} frames of ${width} x ${height}, ${(frames.reduce((sum, { length }) => sum + length, 0) / 1e6).toFixed(2)} MB`);
