// What every file that leaves the page says of where its content comes from.

/** One sentence for each of: what made it, what it is not. */
export function disclaimer(trainingData: string): string {
  return `Segmented by sam2rad; the model was trained on: ${trainingData || 'not stated'}. Research and teaching only. Not a medical device.`;
}
