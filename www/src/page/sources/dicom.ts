// DICOM files, through the DICOM worker: single pictures and cines, with their times, their ultrasound regions and what a pixel is there.

import type { DicomInfo, GreyRange } from '../../dicom/api';
import { openDicom } from '../../dicom/client';
import { EVERYWHERE, type Scale } from '../../measure/spacing';
import { clocked } from './clocked';
import { durationsOf, keyOf, type DicomSource } from './types';

/** How long a frame stays where a cine does not say. */
const FRAME_TIME_MS = 1000 / 25;

export async function openDicomFile(file: File): Promise<DicomSource> {
  const dicom = await openDicom(file);
  const { info } = dicom;
  const { width, height, frames, frame_times: times_s } = info;
  const untold = info.playback_rate === null ? FRAME_TIME_MS : 1000 / info.playback_rate;
  const key = keyOf(file.name, info);
  let window: GreyRange | null = null;
  const source: DicomSource = {
    kind: 'dicom',
    dicom,
    name: file.name,
    width,
    height,
    scales: scalesOf(info),
    pixel_aspect: info.pixel_aspect,
    suggested_crop: info.crop,
    notes: info.notes.map(({ message }) => message),
    frames,
    times_s,
    durations_ms: times_s === null ? Array<number>(frames).fill(untold) : durationsOf(times_s, untold),
    frame: async (index) => ({ picture: await dicom.frame(index, window), index, grabbed: performance.now(), key }),
    get chosen_window() {
      return window;
    },
    setWindow: (chosen) => (window = chosen),
    play: (from, pace) => clocked(source, from, pace),
    close: () => dicom.close(),
  };
  return source;
}

/** Each two-dimensional region has its own; traces over time have none. The whole picture's counts where no region is calibrated. */
function scalesOf({ regions, picture_spacing }: DicomInfo): Scale[] {
  const scales = regions.flatMap(({ bounding_box: box, spatial_format, spacing }): Scale[] => {
    if (spatial_format !== '2d') return [{ box, spacing: null, origin: 'ultrasound region' }];
    return spacing === null ? [] : [{ box, spacing, origin: 'ultrasound region' }];
  });
  if (picture_spacing === null) return scales;
  return [...scales, { box: EVERYWHERE, spacing: picture_spacing, origin: picture_spacing.source }];
}
