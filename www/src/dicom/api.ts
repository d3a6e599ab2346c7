// The DICOM bundle as TypeScript sees it; src/web_dicom.rs is the other side.

/** A box in pixels of the frame: whole pixels from left, top up to and without right, bottom. */
export type PixelBox = [left: number, top: number, right: number, bottom: number];

/** Millimetres from one pixel to the next. */
export interface PixelSpacing {
  x_mm: number;
  y_mm: number;
  /** Which attribute of the file says so. */
  source: 'ultrasound region' | 'pixel spacing' | 'imager pixel spacing';
}

/** An item of the Sequence of Ultrasound Regions (DICOM PS3.3 C.8.5.5). */
export interface UltrasoundRegion {
  bounding_box: PixelBox;
  /** What is drawn in it: a two-dimensional picture, a trace over time, ... */
  spatial_format: '2d' | 'm-mode' | 'spectral' | 'waveform' | 'graphics' | 'none';
  /** What its pixels mean; `unknown` where the code is none of the standard's. */
  data_type: 'tissue' | 'colour flow' | 'doppler' | 'ecg' | 'other' | 'unknown';
  /** Its spacing, where both axes are lengths. */
  spacing: PixelSpacing | null;
}

/** What a file says of its pictures. Nothing of the patient is in it. */
export interface DicomInfo {
  width: number;
  height: number;
  /** Frames that the file holds; the last one may be cut short. */
  frames: number;
  /** Frames that the file promises and does not hold. */
  missing_frames: number;
  /** Seconds that each frame is shown; `null` where the file is a single frame or does not say. */
  frame_seconds: number[] | null;
  /** The ultrasound regions that lie in the picture, in the file's order. */
  regions: UltrasoundRegion[];
  /** The region a crop should take: the largest two-dimensional tissue region. */
  crop: PixelBox | null;
  /** The crop region's spacing; where there is no region, the whole picture's. */
  spacing: PixelSpacing | null;
  transfer_syntax: { uid: string; name: string };
  /** Whether the pictures lost detail when they were compressed. */
  lossy: boolean;
  photometric_interpretation: string | null;
  bits_stored: number;
  modality: string | null;
  manufacturer: string | null;
  model_name: string | null;
  series_description: string | null;
}

export interface DicomFrame {
  width: number;
  height: number;
  /** Red, green, blue, alpha (255), row by row. */
  rgba: Uint8Array<ArrayBuffer>;
}

/** What goes into a DICOM segmentation object. */
export interface SegmentationRequest {
  /** The frames that were segmented: 0 for the background, structure + 1 elsewhere, row by row at the frame's own size. */
  frames: { index: number; class_ids: Uint8Array }[];
  /** In the order of the class ids. */
  structures: {
    name: string;
    color: [red: number, green: number, blue: number];
    /** `semiautomatic` where a person prompted or corrected it, `manual` where no model drew it. */
    algorithm: 'automatic' | 'semiautomatic' | 'manual';
  }[];
  /** The model card's name. */
  model: string;
  /** The model card's training data: it goes into the object, so that nobody takes it for more than it is. */
  training_data: string;
}

/** An open file; frames are decoded when they are asked for. Throws an Error that says what is wrong with the file. */
export interface DicomFile {
  info(): DicomInfo;
  frame(index: number): DicomFrame;
  /** A DICOM segmentation object (a .dcm file) that refers to this file. */
  segmentation(request: SegmentationRequest): Uint8Array<ArrayBuffer>;
  free(): void;
}

export interface DicomModule {
  default(): Promise<unknown>;
  DicomFile: new (bytes: Uint8Array) => DicomFile;
}
