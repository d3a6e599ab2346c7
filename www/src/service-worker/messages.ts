// What crosses between the page and its service worker.

/** Asks that files of the site, or folders of it, be kept for offline use; the answer comes on the message's port. */
export interface ToServiceWorker {
  urls: string[];
}

export interface FromServiceWorker {
  /** Whether all of them are. */
  kept: boolean;
}
