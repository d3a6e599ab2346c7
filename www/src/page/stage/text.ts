// Writing on the stage: bold, in a dark rim, as large on the screen at any zoom.

export type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Seen around a bright line or letter on any picture. */
export const DARK = 'rgb(0 0 0 / 65%)';

/** Before text is measured or written; `pixel` is one of the screen's in the picture. */
export function setText(context: Context, pixel: number, align: CanvasTextAlign, baseline: CanvasTextBaseline): void {
  context.font = `600 ${13 * pixel}px system-ui, sans-serif`;
  context.textAlign = align;
  context.textBaseline = baseline;
  context.lineJoin = 'round';
  context.strokeStyle = DARK;
  context.lineWidth = 4 * pixel;
}

/** Text at `x`, `y`, aligned as `setText` was told. */
export function write(context: Context, text: string, x: number, y: number, color: string): void {
  context.strokeText(text, x, y);
  context.fillStyle = color;
  context.fillText(text, x, y);
}
