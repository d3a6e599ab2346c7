// What a video element that shows a capture presents next.

/** Resolves when another frame than the one before is on the element, with its time on the element's own clock in seconds. */
export function nextPresented(video: HTMLVideoElement, signal: AbortSignal): Promise<number | null> {
  return new Promise((resolve) => {
    if (signal.aborted || video.ended) return resolve(null);
    const give = (value: number | null) => {
      signal.removeEventListener('abort', stop);
      video.removeEventListener('ended', stop);
      resolve(value);
    };
    const stop = () => give(null);
    signal.addEventListener('abort', stop, { once: true });
    video.addEventListener('ended', stop, { once: true });
    if ('requestVideoFrameCallback' in video) {
      video.requestVideoFrameCallback((_, { mediaTime }) => give(mediaTime));
    } else {
      // No callback for frames: the display's own rate is close enough.
      requestAnimationFrame(() => give((video as HTMLVideoElement).currentTime));
    }
  });
}

export function once(target: EventTarget, event: string): Promise<void> {
  return new Promise((resolve) => target.addEventListener(event, () => resolve(), { once: true }));
}
