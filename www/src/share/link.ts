// A view of a demo as a link. All of it stands after the '#', which browsers keep to themselves: no server sees it. What a person opened is never in it.

import * as v from 'valibot';
import { lookSchema, promptSchema } from '../project/schema';

const finite = v.pipe(v.number(), v.finite());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const sharedSchema = v.object({
  /** A model and a demo that ship with the page, by their names there. */
  model: v.pipe(v.string(), v.maxLength(200)),
  demo: v.pipe(v.string(), v.maxLength(200)),
  frame: count,
  /** A person's prompts alone. */
  manual: v.boolean(),
  /** Those that count on that frame. */
  prompts: v.array(promptSchema),
  /** Magnification (1 shows the whole picture) and the place of the picture in the middle, 0 to 1 of its width and height. */
  view: v.object({ zoom: v.pipe(finite, v.gtValue(0)), x: finite, y: finite }),
  look: lookSchema,
});

export type Shared = v.InferOutput<typeof sharedSchema>;

/** Of the part after the '#': the version of what follows it. */
const PREFIX = 'share=1.';

/** Longer addresses are cut off on their way through mail and chats. */
const MAX_PACKED = 6000;

/** More than any honest link unpacks to; a link is a stranger's input. */
const MAX_UNPACKED = 1 << 20;

/** Why a link was not made or not followed, in a sentence for its user. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
}

/** The part of an address from the '#' on: base64url of deflated JSON. */
export async function hashOf(shared: Shared): Promise<string> {
  const json = new Blob([JSON.stringify(shared)]).stream();
  const packed = new Uint8Array(await new Response(json.pipeThrough(new CompressionStream('deflate-raw'))).arrayBuffer());
  if (packed.length > MAX_PACKED) throw new LinkError('These prompts are too many for a link. Save the project as a file and send that.');
  const base64 = btoa(String.fromCharCode(...packed));
  return `#${PREFIX}${base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')}`;
}

/** What a link shares; null where the address shares nothing. Throws a {@link LinkError}. */
export async function sharedOf(hash: string): Promise<Shared | null> {
  const text = hash.replace(/^#/, '');
  const version = /^share=(\d+)\./.exec(text)?.[1];
  if (version === undefined) return null;
  if (!text.startsWith(PREFIX)) throw new LinkError('This link was made by a newer sam2rad and cannot be followed here.');
  const read = v.safeParse(sharedSchema, await unpack(text.slice(PREFIX.length)));
  if (!read.success) throw new LinkError('This link is damaged: it may have been cut off. The page starts without it.');
  return read.output;
}

/** The JSON value; null where there is none. */
async function unpack(base64: string): Promise<unknown> {
  try {
    const packed = Uint8Array.from(atob(base64.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0));
    const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let json = '';
    for (let size = 0; ; ) {
      const { done, value } = await reader.read();
      if (done) return JSON.parse(json + decoder.decode());
      size += value.length;
      if (size > MAX_UNPACKED) {
        await reader.cancel();
        return null;
      }
      json += decoder.decode(value, { stream: true });
    }
  } catch {
    return null;
  }
}
