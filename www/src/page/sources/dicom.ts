// DICOM files, through the DICOM worker: single pictures and cines, with their spacing and their ultrasound region.

import { openDicom } from '../../dicom/client';
import { clocked } from './clocked';
import { keyOf, type DicomSource } from './types';

/** Where a cine does not say how long a frame stays. */
const FRAME_TIME_MS = 1000 / 25;

export async function openDicomFile(file: File): Promise<DicomSource> {
  const dicom = await openDicom(file);
  const { info } = dicom;
  const seconds = info.frame_seconds;
  const mean = seconds === null || seconds.length === 0 ? null : (1000 * seconds.reduce((sum, one) => sum + one, 0)) / seconds.length;
  const frameTime = mean !== null && mean > 0 ? mean : FRAME_TIME_MS;
  const key = keyOf(file.name, info);
  const source: DicomSource = {
    kind: 'dicom',
    dicom,
    name: file.name,
    width: info.width,
    height: info.height,
    spacing: info.spacing,
    suggested_crop: info.crop,
    frames: info.frames,
    frame_time_ms: info.frames > 1 ? frameTime : null,
    frame: async (index) => ({ picture: await dicom.frame(index), index, grabbed: performance.now(), key }),
    play: (from, pace) => clocked(source, frameTime, from, pace),
    close: () => dicom.close(),
  };
  return source;
}
