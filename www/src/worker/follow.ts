// One frame of a video that is followed.

import type { Followed, Model, Segmentation } from '../shared/api';
import type { Box } from '../shared/geometry';
import type { FollowStep } from '../shared/messages';
import { intoCrop } from './crop';

/** What is found on the frame that was encoded last, which shows `crop`. */
export async function follow(model: Model, at: number, step: FollowStep, crop: Box): Promise<Segmentation> {
  switch (step.kind) {
    case 'prompted': {
      // What a person corrects is the mask as it was followed; the decoder gets its logits beside the prompts.
      const before = step.followed ? await model.follow(at, step.backward) : null;
      const request = intoCrop(step.request, crop);
      const prompts = request.prompts?.map((prompt) => corrected(prompt, before));
      return model.prompt_video(at, { ...request, ...(prompts && { prompts }) });
    }
    case 'accepted':
      return model.accept_masks(at, step.class_ids, Uint32Array.from(step.structures));
    case 'followed':
      return model.follow(at, step.backward);
  }
}

type StructurePrompts = NonNullable<Parameters<Model['prompt_video']>[1]['prompts']>[number];

function corrected(prompt: StructurePrompts, before: Followed | null): StructurePrompts {
  const row = before?.structures.findIndex(({ structure }) => structure === prompt.structure) ?? -1;
  const mask = before?.logits[row];
  return mask === undefined ? prompt : { ...prompt, mask };
}
