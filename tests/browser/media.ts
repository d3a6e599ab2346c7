// Moving pictures for the tests, made here: a bright disc that wanders over a grey ground. The square at the left top says which
// frame it is by its grey, so that a test can read from the screen which frame is shown.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import type { Page } from '../../www/playwright';
import { onScreen, path, pixelAt } from './support';

export const FRAMES = 24;
export const SIDE = 128;
/** Each worker has files of its own: another's page may read one while it is written. */
const folder = path(`../../target/browser/worker-${process.env.TEST_PARALLEL_INDEX ?? 'none'}`);
/** The frames of `makeCine`, as pictures. */
export const FRAME_FOLDER = `${folder}/frames`;
/** Of the square that says which frame it is. */
const MARK = 24;

export function greyOf(frame: number): number {
  return 40 + 8 * frame;
}

/** The frame that is on the stage, read from the square in its corner. */
export async function frameOnStage(page: Page, size = { width: SIDE, height: SIDE }): Promise<number> {
  const canvas = (await page.locator('#canvas').boundingBox())!;
  const at = await onScreen(page, { x: (12 * size.width) / SIDE, y: (12 * size.height) / SIDE }, size);
  const [grey] = await pixelAt(page, (at.x - canvas.x) / canvas.width, (at.y - canvas.y) / canvas.height);
  return (grey! - greyOf(0)) / 8;
}

/** One byte a pixel. */
export function greyFrame(frame: number, width = SIDE, height = SIDE): Uint8Array {
  const pixels = new Uint8Array(width * height);
  const [x0, y0] = [width / 2 + (width / 4) * Math.sin((frame / FRAMES) * 2 * Math.PI), height / 2];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const marked = x < MARK && y < MARK;
      pixels[y * width + x] = marked ? greyOf(frame % FRAMES) : Math.hypot(x - x0, y - y0) < height / 5 ? 235 : 30 + ((x * 7 + y * 13) % 17);
    }
  }
  return pixels;
}

export function greyPng(pixels: Uint8Array, width = SIDE, height = SIDE): Buffer {
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

/** A .cine file packed by the page's own script; its path. */
export function makeCine(): string {
  mkdirSync(FRAME_FOLDER, { recursive: true });
  for (let frame = 0; frame < FRAMES; frame++) writeFileSync(`${FRAME_FOLDER}/${frame}.png`, greyPng(greyFrame(frame)));
  const out = `${folder}/test.cine`;
  execFileSync('node', [path('../../www/scripts/make-cine.mjs'), FRAME_FOLDER, out, '50', '0.25']);
  return out;
}

/** What Chromium's fake camera plays: uncompressed YUV 4:2:0 with grey alone; its path. */
export function makeY4m(width = 160, height = 128): string {
  mkdirSync(folder, { recursive: true });
  const out = `${folder}/camera-${width}x${height}.y4m`;
  const parts = [Buffer.from(`YUV4MPEG2 W${width} H${height} F20:1 Ip A1:1 C420\n`)];
  for (let frame = 0; frame < FRAMES; frame++) {
    parts.push(Buffer.from('FRAME\n'), Buffer.from(greyFrame(frame, width, height)), Buffer.alloc((width * height) / 2, 128));
  }
  writeFileSync(out, Buffer.concat(parts));
  return out;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** A cine of 1080p frames, all of the same small file; one is damaged. */
export function longCine(frames: number, damaged = -1): Buffer {
  const whole = greyPng(new Uint8Array(1920 * 1080).fill(90), 1920, 1080);
  const broken = Buffer.concat([whole.subarray(0, 60), Buffer.alloc(whole.length - 60)]);
  const header = { frames, frame_time_ms: 40, width: 1920, height: 1080, lengths: Array<number>(frames).fill(whole.length) };
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...Array.from({ length: frames }, (_, at) => (at === damaged ? broken : whole))]);
}
