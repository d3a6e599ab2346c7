// Pictures and labels in the layout that the reference's trainer and `sam2rad train` read, in one archive:
// dataset.json, Train/imgs/NAME.png, Train/gts/NAME.png (class ids as grey values), and the same masks as COCO run lengths.

import type { ClassMap } from '../measure/mask';
import { Archive } from './archive';
import type { CocoDataset } from './coco';
import { maskPng } from './mask-png';
import { free, stem } from './names';

export interface DatasetDescription {
  structures: readonly { name: string; color: readonly number[] }[];
  provenance: string;
}

export class DatasetFolder {
  private readonly archive = new Archive();
  private readonly spacing_mm: Record<string, number> = {};
  private readonly taken = new Set<string>();

  /** Closes the picture. `spacing_mm` is of its pixels where they are square and known. Gives the picture's path in the archive. */
  async add(picture: ImageBitmap, name: string, map: ClassMap, spacing_mm: number | null, comment: string): Promise<string> {
    // A trainer looks for pictures in one folder, and for a picture's label by its name.
    const file = free(`${stem(name).replaceAll('/', '_')}.png`, this.taken);
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    canvas.getContext('2d', { alpha: false })!.drawImage(picture, 0, 0);
    picture.close();
    const png = await canvas.convertToBlob({ type: 'image/png' });
    this.archive.add(`Train/imgs/${file}`, new Uint8Array(await png.arrayBuffer()));
    this.archive.add(`Train/gts/${file}`, maskPng(map, comment));
    if (spacing_mm !== null) this.spacing_mm[file] = spacing_mm;
    return `Train/imgs/${file}`;
  }

  finish({ structures, provenance }: DatasetDescription, coco: CocoDataset): Blob {
    const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
    this.archive.add('dataset.json', text({ structures, spacing_mm: this.spacing_mm, provenance }));
    this.archive.add('coco.json', text(coco));
    return this.archive.finish();
  }
}
