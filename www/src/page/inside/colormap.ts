// Numbers as colours: viridis, whose steps look equally large and which stays readable without colour and to colour-blind eyes.

/** Its colours at even steps, from 0 to 1. */
const VIRIDIS = [
  [68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137], [53, 183, 121], [109, 205, 89], [180, 222, 44], [253, 231, 37],
] as const;

/** Red, green, blue of a number from 0 to 1. */
export function viridis(value: number): [number, number, number] {
  const at = Math.max(0, Math.min(1, value)) * (VIRIDIS.length - 1);
  const step = Math.min(VIRIDIS.length - 2, Math.floor(at));
  const channel = (i: 0 | 1 | 2) => Math.round(VIRIDIS[step]![i] + (at - step) * (VIRIDIS[step + 1]![i] - VIRIDIS[step]![i]));
  return [channel(0), channel(1), channel(2)];
}

export function viridisGradient(): string {
  return `linear-gradient(to right, ${VIRIDIS.map((color) => `rgb(${color.join(' ')})`).join(', ')})`;
}
