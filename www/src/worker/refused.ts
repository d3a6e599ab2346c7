// Why a file is no model, as the reader is told.

import { IMAGE_SIZES, type CheckpointErrorKind } from '../shared/api';
import { failed, FailureError, messageOf, nameOf, type ModelOrigin } from '../shared/messages';

export function kindOf(error: unknown): CheckpointErrorKind | undefined {
  return (error as { kind?: CheckpointErrorKind }).kind;
}

export function refused(origin: ModelOrigin, error: unknown): FailureError {
  const name = nameOf(origin);
  if (kindOf(error) === 'image-size') {
    const { failure } = failed('model', `“${name}” does not say at which image size its network was trained.`, 'Choose the size; at another one its masks are poor.');
    return new FailureError({ ...failure, at: { origin, image_sizes: IMAGE_SIZES } });
  }
  return failed('model', `“${name}” cannot be used as a model: ${messageOf(error)}`, adviceFor(name));
}

function adviceFor(name: string): string {
  if (!/\.(safetensors|pt|pth|ckpt|bin)$/i.test(name)) return 'Choose a .safetensors, .pt, .pth, .ckpt or .bin file of SAM, SAM 2, MobileSAM or Sam2Rad.';
  return 'Copy or download the file again; if it stays refused, the sam2rad command line may say more of it.';
}
