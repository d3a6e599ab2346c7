// DICOM files, through the DICOM worker: single pictures and cines, with their times, their ultrasound regions and what a pixel is there.

import type { DicomInfo } from '../../dicom/api';
import { openDicom } from '../../dicom/client';
import { EVERYWHERE, type Scale } from '../../measure/spacing';
import { clocked } from './clocked';
import { durationsOf, keyOf, type DicomSource } from './types';

/** At which a cine plays where its file does not say. */
const FRAMES_PER_SECOND = 25;

export async function openDicomFile(file: File): Promise<DicomSource> {
  const dicom = await openDicom(file);
  const { info } = dicom;
  const { width, height, frames, frame_times } = info;
  const alone = 1000 / (info.playback_rate ?? FRAMES_PER_SECOND);
  const key = keyOf(file.name, info);
  const source: DicomSource = {
    kind: 'dicom',
    dicom,
    name: file.name,
    width,
    height,
    scales: scalesOf(info),
    pixel_aspect: info.pixel_aspect,
    suggested_crop: info.crop,
    frames,
    times_s: frame_times,
    durations_ms: frame_times === null ? Array<number>(frames).fill(alone) : durationsOf(frame_times, alone),
    frame: async (index) => ({ picture: await dicom.frame(index), index, grabbed: performance.now(), key }),
    play: (from, pace) => clocked(source, from, pace),
    close: () => dicom.close(),
  };
  return source;
}

/** Each two-dimensional region has its own; traces over time lie on top of them and have none. The picture's counts where no region's does. */
function scalesOf({ regions, picture_spacing }: DicomInfo): Scale[] {
  const pictures = regions.filter(({ spatial_format }) => spatial_format === '2d' || spatial_format === 'm-mode' || spatial_format === 'spectral' || spatial_format === 'waveform');
  const scales = pictures.flatMap(({ bounding_box, spatial_format, spacing }): Scale[] => {
    if (spatial_format === '2d' && spacing === null) return [];
    return [{ box: bounding_box, spacing: spatial_format === '2d' ? spacing : null, origin: 'ultrasound region' }];
  });
  return picture_spacing === null ? scales : [...scales, { box: EVERYWHERE, spacing: picture_spacing, origin: picture_spacing.source }];
}
