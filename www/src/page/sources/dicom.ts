// DICOM files, through the DICOM worker: single pictures and cines, with their times, their ultrasound regions and what a pixel is there.

import type { DicomInfo } from '../../dicom/api';
import { openDicom } from '../../dicom/client';
import { EVERYWHERE, type Scale } from '../../measure/spacing';
import { clocked } from './clocked';
import { durationsOf, keyOf, type DicomSource } from './types';

/** How long a frame stays where a cine does not say. */
const FRAME_TIME_MS = 1000 / 25;

export async function openDicomFile(file: File): Promise<DicomSource> {
  const dicom = await openDicom(file);
  const { info } = dicom;
  const { width, height, frames } = info;
  let at = 0;
  const times_s = info.frame_seconds?.map((seconds) => (at += seconds) - seconds) ?? null;
  const key = keyOf(file.name, info);
  const source: DicomSource = {
    kind: 'dicom',
    dicom,
    name: file.name,
    width,
    height,
    scales: scalesOf(info),
    pixel_aspect: 1,
    suggested_crop: info.crop,
    notes: [],
    frames,
    times_s,
    durations_ms: times_s === null ? Array<number>(frames).fill(FRAME_TIME_MS) : durationsOf(times_s, FRAME_TIME_MS),
    frame: async (index) => ({ picture: await dicom.frame(index), index, grabbed: performance.now(), key }),
    play: (from, pace) => clocked(source, from, pace),
    close: () => dicom.close(),
  };
  return source;
}

/** Each two-dimensional region has its own; traces over time have none. The whole picture's counts where no region is calibrated. */
function scalesOf({ regions, spacing }: DicomInfo): Scale[] {
  const scales = regions.flatMap(({ bounding_box: box, spatial_format, spacing }): Scale[] => {
    if (spatial_format !== '2d') return [{ box, spacing: null, origin: 'ultrasound region' }];
    return spacing === null ? [] : [{ box, spacing, origin: 'ultrasound region' }];
  });
  if (spacing === null || spacing.source === 'ultrasound region') return scales;
  return [...scales, { box: EVERYWHERE, spacing, origin: spacing.source }];
}
