// What crosses between the page and its service worker, and how the build tells it what the site consists of.

export interface ListedFile {
  /** Within the site. */
  url: string;
  /** Another one for another content. */
  revision: string;
  /** The content's hash as browsers check it. */
  integrity: string;
  bytes: number;
}

export type ToServiceWorker =
  /** Keep every bundle, model and demo for use without a network; answers come on the message's port. */
  | { type: 'keep-all' }
  /** Take the place of the version at work. */
  | { type: 'SKIP_WAITING' };

export type FromServiceWorker =
  | { type: 'keeping'; kept: number; total: number }
  | { type: 'kept' }
  /** A file could not be fetched, is not the build's, or does not fit on the disk. */
  | { type: 'failed' };
