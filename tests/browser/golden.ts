// The golden file as the tests of the bundles read it, and the comparison with what a bundle computed.

import { readFileSync } from 'node:fs';

interface TensorSpec {
  shape: number[];
  stride: number;
  std: number;
  f32_noise_max: number;
  f32_noise_rms: number;
}

/** The bar of shared/golden/README.md where PyTorch's own noise is next to nothing. */
const MAX_FLOOR = 1e-4;
const RMS_FLOOR = 2e-5;

/** A step of a video: the picture's place, what is given, and in which direction the video is followed. */
export interface PlannedStep {
  frame: number;
  kind: 'points' | 'mask' | 'track' | 'correct';
  /** Shares of the side; `labels` are 1 inside, 0 outside, 2 and 3 a box's corners. */
  points: [x: number, y: number][] | null;
  labels: number[] | null;
  reverse: boolean;
}

export interface Golden {
  tensors: Record<string, TensorSpec>;
  /** Of a video; else empty. */
  plan: readonly PlannedStep[];
  values(name: string): Float32Array;
}

export function readGolden(path: string): Golden {
  const file = readFileSync(path);
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + length).toString()) as Record<string, { data_offsets: [number, number] }>;
  const { tensors, plan = [] } = JSON.parse((header['__metadata__'] as unknown as { spec: string }).spec) as { tensors: Golden['tensors']; plan?: PlannedStep[] };
  const values = (name: string) => {
    const [from, to] = header[name]!.data_offsets;
    return new Float32Array(file.buffer.slice(file.byteOffset + 8 + length + from, file.byteOffset + 8 + length + to));
  };
  return { tensors, plan, values };
}

/** Maps that the reference has channels first and we have channels last. */
const CHANNELS_FIRST = ['image_embedding', 'high_res.0', 'high_res.1', 'ppn.dense'];

/** Where the values that the file keeps of a tensor lie in ours. */
export function placesOf(golden: Golden, name: string): number[] {
  const { shape, stride } = golden.tensors[name]!;
  const [, channels = 1, height = 1, width = 1] = shape;
  const count = Math.ceil(shape.reduce((product, side) => product * side, 1) / stride);
  const place = (i: number) => (CHANNELS_FIRST.includes(name) ? (i % (height * width)) * channels + Math.floor(i / (height * width)) : i);
  return Array.from({ length: count }, (_, i) => place(i * stride));
}

/** The larger of the maximal and the rms error, in units of its bar. */
export function ofBar(golden: Golden, name: string, found: number[]): number {
  const { std, f32_noise_max, f32_noise_rms } = golden.tensors[name]!;
  const errors = [...golden.values(name)].map((expected, i) => Math.abs(expected - (found[i] ?? NaN)) / std);
  if (errors.some(Number.isNaN)) return Infinity;
  const max = Math.max(...errors);
  const rms = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
  return Math.max(max / Math.max(MAX_FLOOR, 10 * f32_noise_max), rms / Math.max(RMS_FLOOR, 5 * f32_noise_rms));
}
