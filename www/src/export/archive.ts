// Many files as one download.

import { Zip, ZipPassThrough } from 'fflate';

/** Chunks are put together into blobs of this size, which a browser may keep on disk. */
const PART = 16 << 20;
/** Without extensions of the format a ZIP archive holds 4 GiB. */
const MOST = 4e9;

/** Writes a ZIP archive file by file, stored as they are: pictures do not get smaller. */
export class Archive {
  private readonly parts: Blob[] = [];
  private waiting: Uint8Array<ArrayBuffer>[] = [];
  private waitingBytes = 0;
  private bytes = 0;
  private failure: Error | null = null;
  private readonly zip = new Zip((error, chunk) => {
    this.failure ??= error;
    if (error === null) this.take(chunk as Uint8Array<ArrayBuffer>);
  });

  add(name: string, content: Uint8Array): void {
    this.bytes += content.byteLength;
    if (this.bytes > MOST) throw new RangeError('a ZIP archive holds 4 GB at most: export fewer frames');
    const file = new ZipPassThrough(name);
    this.zip.add(file);
    file.push(content, true);
    if (this.failure !== null) throw this.failure;
  }

  finish(): Blob {
    this.zip.end();
    this.put();
    return new Blob(this.parts, { type: 'application/zip' });
  }

  private take(chunk: Uint8Array<ArrayBuffer>): void {
    this.waiting.push(chunk);
    this.waitingBytes += chunk.byteLength;
    if (this.waitingBytes >= PART) this.put();
  }

  private put(): void {
    this.parts.push(new Blob(this.waiting));
    [this.waiting, this.waitingBytes] = [[], 0];
  }
}
