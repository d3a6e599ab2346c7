// The DICOM bundle as TypeScript sees it; src/web_dicom.rs is the other side.

/** A box in pixels of the frame: whole pixels from left, top up to and without right, bottom. */
export type PixelBox = [left: number, top: number, right: number, bottom: number];

/** Millimetres from one pixel to the next. */
export interface PixelSpacing {
  x_mm: number;
  y_mm: number;
  /** Which attribute of the file says so. */
  source: 'ultrasound region' | 'pixel spacing' | SpacingElsewhere;
}

/** Attributes that give the spacing at a detector or on a film, not in the patient. */
export type SpacingElsewhere = 'imager pixel spacing' | 'nominal scanned pixel spacing';

/** What the pixels along a region's side stand for. */
export interface RegionAxis {
  unit: 'none' | 'percent' | 'dB' | 'cm' | 'seconds' | 'hertz' | 'dB/s' | 'cm/s' | 'cm2' | 'cm2/s' | 'cm3' | 'cm3/s' | 'degrees' | 'unknown';
  /** More than 0; `null` where the file does not say. */
  per_pixel: number | null;
}

/** An item of the Sequence of Ultrasound Regions (DICOM PS3.3 C.8.5.5). */
export interface UltrasoundRegion {
  bounding_box: PixelBox;
  /** What is drawn in it: a two-dimensional picture, a trace over time, ... */
  spatial_format: '2d' | 'm-mode' | 'spectral' | 'waveform' | 'graphics' | 'none';
  /** What its pixels mean; `unknown` where the code is none of the standard's. */
  data_type: 'tissue' | 'colour flow' | 'doppler' | 'ecg' | 'other' | 'unknown';
  /** From a column to the next. */
  x: RegionAxis;
  /** From a row to the next. */
  y: RegionAxis;
  /** Its spacing, where both axes are lengths: never along the seconds of an M-mode or a spectrum. */
  spacing: PixelSpacing | null;
}

/** Something that is not as the file says: a sentence for the reader, and a kind that stays the same whatever the words. */
export interface DicomNote {
  kind: string;
  message: string;
}

/** Which grey values are black and white: `center` is shown half grey, `width` is from black to white. */
export interface GreyRange {
  center: number;
  width: number;
}

export interface GreyWindow extends GreyRange {
  /** What the file calls it. */
  name: string | null;
}

/** What a file says of its pictures. Nothing of the patient is in it. */
export interface DicomInfo {
  width: number;
  height: number;
  /** Frames that the file holds, even where it says that it has fewer; the last one may be cut short. */
  frames: number;
  /** Frames that the file promises and does not hold. */
  missing_frames: number;
  /** When each frame was taken, in seconds since the first; `null` where the file is a single frame or does not say. */
  frame_times: number[] | null;
  /** Frames a second that the file recommends to play; it is no measured time. */
  playback_rate: number | null;
  /** The ultrasound regions that lie in the picture, in the file's order. */
  regions: UltrasoundRegion[];
  /** The region a crop should take: the largest two-dimensional tissue region. */
  crop: PixelBox | null;
  /** The spacing that counts in the whole picture; `null` where nothing says it, and where regions are calibrated, each for itself. */
  picture_spacing: PixelSpacing | null;
  /** The width of a pixel over its height; 1 where it is square. */
  pixel_aspect: number;
  /** Whether the pictures are grey, so that a window can be chosen. */
  grey: boolean;
  /** The windows that the file has for them; the first is taken where none is chosen. */
  windows: GreyWindow[];
  notes: DicomNote[];
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

/** What a DICOM segmentation object holds for a file. */
export interface SegmentationMasks {
  /** In the order of the class ids. */
  structures: {
    name: string;
    color: [red: number, green: number, blue: number] | null;
    algorithm: 'automatic' | 'semiautomatic' | 'manual';
  }[];
  frames: { index: number; class_ids: Uint8Array }[];
  notes: DicomNote[];
}

/** An open file; frames are decoded when they are asked for. Throws an Error that says what is wrong with the file. */
export interface DicomFile {
  info(): DicomInfo;
  /** The window that is used where none is chosen; `null` where the pictures are in colour. */
  window(): GreyWindow | null;
  frame(index: number, window?: GreyRange): DicomFrame;
  /** A DICOM segmentation object (a .dcm file) that refers to this file. */
  segmentation(request: SegmentationRequest): Uint8Array<ArrayBuffer>;
  /** The masks of a DICOM segmentation object that was made for this file. Throws where it is of another, or cannot be read. */
  masks(segmentation: Uint8Array): SegmentationMasks;
  free(): void;
}

/** An image that the directory of a disc (DICOMDIR) lists. */
export interface DirectoryEntry {
  /** From the directory's folder on, with `/` between the parts; the file system may spell it in other letters, capital or small. */
  path: string;
  modality: string | null;
  series: string | null;
  frames: number | null;
}

export type DicomKind = 'picture' | 'segmentation' | 'directory';

export interface DicomModule {
  default(): Promise<unknown>;
  /** What a file is, from its first bytes (64 kB are enough); `null` where they are not those of a DICOM file. */
  identify(bytes: Uint8Array): DicomKind | null;
  /** The images of a DICOMDIR, in its order. Throws where it is none. */
  directory(bytes: Uint8Array): DirectoryEntry[];
  DicomFile: new (bytes: Uint8Array) => DicomFile;
}
