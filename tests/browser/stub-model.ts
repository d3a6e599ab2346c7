// A model that answers at once, for tests of what the page does with answers: the worker's end of the messages, inside the page. A model file
// is JSON: `{"structures": ["ilium"], "manual_only": false, "measurement": null, "can_follow": false}`. Every structure that it names is a disc of a
// tenth of the crop's width.

import type { Page } from '../../www/playwright';

export function modelFile(name: string, structures: string[], { manual_only = false, measurement = null as unknown, can_follow = false } = {}): { name: string; mimeType: string; buffer: Buffer } {
  return { name, mimeType: 'application/octet-stream', buffer: Buffer.from(JSON.stringify({ structures, manual_only, measurement, can_follow })) };
}

/** A graphics adapter: how long a frame takes on it and on the CPU, whether it loads a model only once `window.gpuMayLoad` is true, and what is
 *  wrong with it. */
export interface StubAdapter {
  name: string;
  gpu_ms: number;
  cpu_ms: number;
  held?: boolean;
  wrong?: 'masks' | 'lost' | 'lost later';
}

/** Call before the page is opened. Every request is written down in `window.asked`, with where it was computed. */
export async function stubModel(page: Page, adapter: StubAdapter | null = null): Promise<void> {
  await page.addInitScript((adapter) => {
    const asked: { type: string; on: string; prompts?: unknown[]; crop?: number[]; at?: number | undefined; begins?: number | null | undefined; step?: string }[] = [];
    Object.assign(window, { asked });
    const Real = Worker;
    const LOST = { type: 'crashed', failure: { kind: 'gpu', message: 'The graphics device was lost: a test.', advice: '' } };
    /** Frames on the GPU while it is tried: one that is not timed, and five. */
    const TRIED = 6;
    let card = { structures: [] as { name: string }[], manual_only: false, measurement: null as unknown };
    let crop: [number, number, number, number] = [0, 0, 0, 0];

    function segment(prompts: { structure: number }[], manual: boolean) {
      const [left, top, right, bottom] = crop;
      const [width, height] = [right - left, bottom - top];
      const runs: number[] = [];
      const radius = width / 10;
      // Each structure's disc lies beside the one before.
      for (let y = 0; y < height; y++) {
        let at = 0;
        card.structures.forEach((_, structure) => {
          const half = Math.sqrt(Math.max(0, radius ** 2 - (y - height / 2) ** 2));
          const middle = (width * (structure + 1)) / (card.structures.length + 1);
          const [from, to] = [Math.round(middle - half), Math.round(middle + half)];
          if (to <= from) return;
          if (from > at) runs.push((from - at) * 256);
          runs.push((to - from) * 256 + structure + 1);
          at = to;
        });
        if (at < width) runs.push((width - at) * 256);
      }
      const structures = card.structures.flatMap((_, structure) => {
        if (manual && !prompts.some((prompt) => prompt.structure === structure)) return [];
        const [x, y] = [left + (width * (structure + 1)) / (card.structures.length + 1), top + height / 2];
        const contour = Float32Array.from({ length: 64 }, (_, i) => (i % 2 === 0 ? x + radius * Math.cos((i * Math.PI) / 32) : y + radius * Math.sin(((i - 1) * Math.PI) / 32)));
        const box = [x - radius, y - radius, x + radius, y + radius];
        return [{ structure, present: true, iou: 0.9, object_score: 3, area_px: Math.round(Math.PI * radius ** 2), bounding_box: box, predicted_box: box, contours: [contour] }];
      });
      return { width, height, crop, runs: Uint32Array.from(runs), structures, measurement: card.measurement, timings: [] };
    }

    class Stub extends EventTarget {
      private over = false;
      private backend = 'cpu';
      private frames = 0;

      postMessage({ id, request }: { id: number; request: { type: string; origin?: { file?: File }; image_size?: number | null; crop?: typeof crop; request?: { mode: string; prompts: { structure: number }[] }; at?: number; begins?: number | null; step?: { kind: string } } }): void {
        asked.push({ type: request.type, on: this.backend, ...(request.request && { prompts: structuredClone(request.request.prompts) }), ...(request.crop && { crop: [...request.crop] }), ...(request.step && { at: request.at, begins: request.begins, step: request.step.kind }) });
        void this.answer(request).then((value) => this.over || this.dispatchEvent(new MessageEvent('message', { data: value === 'lost' ? LOST : { type: 'reply', id, value } })));
      }

      terminate(): void {
        asked.push({ type: 'terminate', on: this.backend });
        this.over = true;
      }

      private async answer(request: Parameters<Stub['postMessage']>[0]['request']): Promise<unknown> {
        switch (request.type) {
          case 'choose-backend': {
            const { settled } = request as unknown as { settled: { backend: string; reason: string } | null };
            const choice = settled ?? { backend: 'cpu', reason: 'stub' };
            this.backend = choice.backend;
            return { ...choice, threads: 1, adapter: settled === null ? (adapter?.name ?? null) : null };
          }
          case 'load-model': {
            const isHeld = () => this.backend === 'webgpu' && adapter?.held === true && !(window as { gpuMayLoad?: boolean }).gpuMayLoad;
            while (isHeld()) await new Promise((done) => setTimeout(done, 50));
            // One that ships is of other weights, and has one structure here.
            const text = (await request.origin!.file?.text()) ?? '{"structures":["shipped"],"manual_only":false}';
            const { structures, manual_only, measurement, can_follow } = JSON.parse(text) as { structures: string[]; manual_only: boolean; measurement?: unknown; can_follow?: boolean };
            card = { structures: structures.map((name, i) => ({ name, color: [80 * i, 180, 230 - 80 * i] })), manual_only, measurement: measurement ?? null };
            const architecture = { image_encoder: 'stub', mask_decoder: 'stub', prompt_predictor: 'stub' };
            const facts = { dtype: 'f32', provenance: '', licence: '', training_data: 'nothing', date: '', tokens: 1 };
            return { card: { architecture, image_size: request.image_size ?? 256, structures: card.structures, ...facts }, version: '0', manual_only, can_follow: can_follow ?? false, made: null };
          }
          case 'encode':
            ({ crop } = request as { crop: typeof crop });
            (request as unknown as { picture: ImageBitmap }).picture.close();
            return { milliseconds: 0 };
          case 'segment': {
            const onGpu = this.backend === 'webgpu';
            if (adapter !== null) await new Promise((done) => setTimeout(done, onGpu ? adapter.gpu_ms : adapter.cpu_ms));
            const answer = segment(request.request!.prompts, request.request!.mode === 'manual');
            if (!onGpu) return answer;
            if (adapter?.wrong === 'lost' || (adapter?.wrong === 'lost later' && ++this.frames > TRIED)) return 'lost';
            return adapter?.wrong === 'masks' ? { ...answer, runs: Uint32Array.of(answer.width * answer.height * 256) } : answer;
          }
          case 'follow': {
            ({ crop } = request as { crop: typeof crop });
            (request as unknown as { picture: ImageBitmap }).picture.close();
            return segment([], false);
          }
          default:
            return null;
        }
      }
    }
    window.Worker = function (url: string | URL, options?: WorkerOptions) {
      return options?.name === 'sam2rad' ? new Stub() : new Real(url, options);
    } as unknown as typeof Worker;
  }, adapter);
}
