// What a video element that shows a capture presents next.

/** Resolves with true when another frame than the one before is on the element, with false when there are no more. */
export function nextPresented(video: HTMLVideoElement, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted || video.ended) return resolve(false);
    const give = (presented: boolean) => {
      signal.removeEventListener('abort', stop);
      video.removeEventListener('ended', stop);
      resolve(presented);
    };
    const stop = () => give(false);
    signal.addEventListener('abort', stop, { once: true });
    video.addEventListener('ended', stop, { once: true });
    if ('requestVideoFrameCallback' in video) {
      video.requestVideoFrameCallback(() => give(true));
    } else {
      // No callback for frames: the display's own rate is close enough.
      requestAnimationFrame(() => give(true));
    }
  });
}

export function once(target: EventTarget, event: string): Promise<void> {
  return new Promise((resolve) => target.addEventListener(event, () => resolve(), { once: true }));
}
