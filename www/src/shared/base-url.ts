/** The folder that the page lies in: bundles, models and demos are found from there. */
export function baseUrl(): string {
  return new URL('./', document.baseURI).href;
}
