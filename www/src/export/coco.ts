// A COCO data set of what was segmented (format: cocodataset.org, "Data format", object detection).

import type { SegmentedFrame } from '../measure/frames';
import { maskOf, type ClassMap } from '../measure/mask';
import { disclaimer } from './disclaimer';
import { contoursOf, type Polygon } from './polygons';
import { rleOf, type Rle } from './rle';

/** How masks are written: run lengths are exact, polygons, which in COCO cannot say holes, fill them; they can be edited in annotation tools. */
export type SegmentationForm = 'rle' | 'polygons';

export interface CocoImage {
  id: number;
  width: number;
  height: number;
  file_name: string;
  license: number;
  /** Counted from 0; our own addition. */
  frame: number;
  /** Seconds since the first frame, null for a picture; our own addition. */
  time_s: number | null;
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
  /** The model's own estimate of its mask's overlap with the truth, 0 to 1; our own addition. */
  predicted_iou: number;
}

export interface CocoDataset {
  info: { description: string; version: string; year: number; date_created: string; contributor: string; url: string };
  licenses: { id: number; name: string; url: string }[];
  images: CocoImage[];
  annotations: CocoAnnotation[];
  categories: { id: number; name: string; supercategory: string }[];
}

export interface CocoOrigin {
  /** What the picture of a frame is called. */
  fileNameOf(frame: number): string;
  structures: readonly string[];
  training_data: string;
  created: Date;
}

/** The data set of frames of one source. Absent structures have no annotation. */
export function cocoDataset(frames: readonly SegmentedFrame[], origin: CocoOrigin, form: SegmentationForm): CocoDataset {
  const images = frames.map(({ frame, time_s, map: { width, height } }, at): CocoImage => {
    return { id: at + 1, width, height, file_name: origin.fileNameOf(frame), license: 1, frame, time_s };
  });
  const annotations = frames.flatMap(({ map, structures }, at) =>
    structures.flatMap(({ structure, present, iou }) => {
      const annotation = present ? annotate(map, structure + 1, form) : null;
      return annotation === null ? [] : [{ image_id: at + 1, predicted_iou: iou, ...annotation }];
    }),
  );
  return {
    info: {
      description: disclaimer(origin.training_data),
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

function annotate(map: ClassMap, classId: number, form: SegmentationForm): Omit<CocoAnnotation, 'id' | 'image_id' | 'predicted_iou'> | null {
  const mask = maskOf(map, classId);
  if (mask === null) return null;
  return {
    category_id: classId,
    segmentation: form === 'rle' ? rleOf(map, classId) : contoursOf(mask).outlines,
    area: mask.area,
    bbox: [mask.left, mask.top, mask.width, mask.height],
    iscrowd: 0,
  };
}

/** The file name of one frame of a source: `wrist.dcm`, 7 -> `wrist_0007.png`. */
export function frameName(source: string, frame: number, extension: string): string {
  return `${stem(source)}_${String(frame).padStart(4, '0')}.${extension}`;
}

/** A file name without its extension. */
export function stem(source: string): string {
  return source.replace(/(?<=.)\.[^.]*$/, '');
}
