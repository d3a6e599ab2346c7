// A COCO data set of what was segmented (format: cocodataset.org, "Data format", object detection).

import type { MadeBy, SegmentedFrame } from '../measure/frames';
import { maskOf, type ClassMap } from '../measure/mask';
import { disclaimer } from './disclaimer';
import { areaOf, contoursOf, type Polygon } from './polygons';
import { rleOf, type Rle } from './rle';

/** How masks are written: run lengths are exact; polygons, which in COCO cannot say holes, fill them, and can be edited in annotation tools. */
export type SegmentationForm = 'rle' | 'polygons';

export interface CocoImage {
  id: number;
  width: number;
  height: number;
  file_name: string;
  license: number;
  /** Counted from 1, as the page counts; our own addition. */
  frame: number;
  /** Seconds since the first frame, null where the source does not say; our own addition. */
  time_s: number | null;
  /** Our own addition. */
  made_by: MadeBy;
}

export interface CocoAnnotation {
  id: number;
  image_id: number;
  /** The class id: structure + 1. */
  category_id: number;
  segmentation: Rle | Polygon[];
  /** Pixels of the mask, holes left out. */
  area: number;
  /** Left, top, width, height. */
  bbox: [number, number, number, number];
  iscrowd: 0;
  /** Pixels of holes that the polygons fill, beyond the area; 0 in run lengths. Our own addition. */
  filled_px: number;
  /** The model's own estimate of its mask's overlap with the truth, 0 to 1; our own addition. */
  predicted_iou: number | null;
}

export interface CocoDataset {
  info: { description: string; version: string; year: number; date_created: string; contributor: string; url: string };
  licenses: { id: number; name: string; url: string }[];
  images: CocoImage[];
  annotations: CocoAnnotation[];
  categories: { id: number; name: string; supercategory: string }[];
}

export interface CocoOrigin {
  structures: readonly string[];
  training_data: string;
  created: Date;
}

/** The data set of frames of one source. Absent structures have no annotation. */
export function cocoDataset(frames: Iterable<SegmentedFrame>, origin: CocoOrigin, form: SegmentationForm): CocoDataset {
  const images: CocoImage[] = [];
  const annotations: Omit<CocoAnnotation, 'id'>[] = [];
  for (const { frame, time_s, name, made_by, map, structures } of frames) {
    const id = images.length + 1;
    images.push({ id, width: map.width, height: map.height, file_name: name, license: 1, frame: frame + 1, time_s, made_by });
    for (const { structure, present, iou } of structures) {
      const annotation = present ? annotate(map, structure + 1, form) : null;
      if (annotation !== null) annotations.push({ image_id: id, predicted_iou: iou, ...annotation });
    }
  }
  return {
    info: {
      description: [disclaimer(origin.training_data), holesIn(annotations)].filter(Boolean).join(' '),
      version: '1',
      year: origin.created.getUTCFullYear(),
      date_created: origin.created.toISOString(),
      contributor: 'predicted masks, not checked unless their user did',
      url: '',
    },
    licenses: [{ id: 1, name: 'Not stated: the pictures are their holder\'s', url: '' }],
    images,
    annotations: annotations.map((annotation, at) => ({ id: at + 1, ...annotation })),
    categories: origin.structures.map((name, structure) => ({ id: structure + 1, name, supercategory: 'anatomy' })),
  };
}

/** In words, where polygons fill holes. */
export function holesIn(annotations: readonly { filled_px: number }[]): string {
  const filled = annotations.filter(({ filled_px }) => filled_px > 0);
  const pixels = filled.reduce((sum, { filled_px }) => sum + filled_px, 0);
  return filled.length === 0 ? '' : `Polygons fill the holes of ${filled.length} masks (${pixels} pixels); run lengths keep them.`;
}

function annotate(map: ClassMap, classId: number, form: SegmentationForm): Omit<CocoAnnotation, 'id' | 'image_id' | 'predicted_iou'> | null {
  const mask = maskOf(map, classId);
  if (mask === null) return null;
  const { outlines, holes } = form === 'rle' ? { outlines: [], holes: [] } : contoursOf(mask);
  return {
    category_id: classId,
    segmentation: form === 'rle' ? rleOf(map, classId) : outlines,
    area: mask.area,
    bbox: [mask.left, mask.top, mask.width, mask.height],
    iscrowd: 0,
    filled_px: holes.reduce((sum, hole) => sum + areaOf(hole), 0),
  };
}
