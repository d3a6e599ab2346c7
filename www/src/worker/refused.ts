// Why a file is no model, as the reader is told.

import { IMAGE_SIZES, type CheckpointErrorKind } from '../shared/api';
import { atSize, failed, FailureError, messageOf, nameOf, type ModelOrigin, type WayOn } from '../shared/messages';

export function kindOf(error: unknown): CheckpointErrorKind | undefined {
  return (error as { kind?: CheckpointErrorKind }).kind;
}

/** `imageSize`: what was asked for, to go on with. */
export function refused(origin: ModelOrigin, error: unknown, imageSize: number | null = null): FailureError {
  const name = nameOf(origin);
  if (kindOf(error) === 'not-on-gpu') return failed('not-on-gpu', `“${name}” is a network that has no WebGPU kernels.`, 'Use the CPU.');
  if (kindOf(error) === 'gpu') return failed('gpu', messageOf(error), 'Use the CPU.');
  if (kindOf(error) === 'image-size') {
    const { failure } = failed('model', `“${name}” does not say at which image size its network was trained.`, 'Choose the size; at another one its masks are poor.');
    return new FailureError({ ...failure, ways: IMAGE_SIZES.map((size) => atSize(origin, size)) });
  }
  const { datasets } = error as { datasets?: string[] };
  if (kindOf(error) === 'dataset' && origin.kind === 'file' && datasets !== undefined) {
    const { failure } = failed('model', `“${name}” has learnt prompts for several datasets.`, 'Choose which ones are used.');
    const ways = datasets.map((dataset): WayOn => ({ text: `Prompts for ${dataset}`, origin: { ...origin, dataset }, image_size: imageSize }));
    return new FailureError({ ...failure, ways });
  }
  return failed('model', `“${name}” cannot be used as a model: ${messageOf(error)}`, adviceFor(name));
}

function adviceFor(name: string): string {
  if (!/\.(safetensors|pt|pth|ckpt|bin)$/i.test(name)) return 'Choose a .safetensors, .pt, .pth, .ckpt or .bin file of SAM, SAM 2, MobileSAM or Sam2Rad.';
  return 'Copy or download the file again; if it stays refused, the sam2rad command line may say more of it.';
}
