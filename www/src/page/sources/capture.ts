// Cameras, HDMI grabbers, and shared screens or windows.

import { failed, type FailureError } from '../../shared/messages';
import { keyOf, type CaptureSource, type Facing } from './types';
import { nextPresented, once } from './video-element';

export interface CameraChoice {
  id: string;
  label: string;
}

/** The video inputs. Browsers name them only once one has been allowed. */
export async function listCameras(): Promise<CameraChoice[]> {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices
    .filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId !== '')
    .map(({ deviceId, label }, i) => ({ id: deviceId, label: label || `Camera ${i + 1}` }));
}

/** A certain device, or one that looks this way where there is a choice. */
export type WantedCamera = { id: string } | { facing: Facing };

export async function openCamera(wanted: WantedCamera): Promise<CaptureSource> {
  if (navigator.mediaDevices === undefined) throw insecure();
  const video: MediaTrackConstraints = { width: { ideal: 1920 }, height: { ideal: 1080 }, ...('id' in wanted ? { deviceId: { exact: wanted.id } } : { facingMode: { ideal: wanted.facing } }) };
  const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false }).catch((error: unknown) => {
    throw explain(error, 'camera');
  });
  return openStream('camera', stream);
}

export async function openScreen(): Promise<CaptureSource> {
  if (navigator.mediaDevices?.getDisplayMedia === undefined) throw insecure();
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: true, audio: false }).catch((error: unknown) => {
    throw explain(error, 'screen');
  });
  return openStream('screen', stream);
}

async function openStream(kind: 'camera' | 'screen', stream: MediaStream): Promise<CaptureSource> {
  const track = stream.getVideoTracks()[0]!;
  const video = document.createElement('video');
  Object.assign(video, { muted: true, playsInline: true, srcObject: stream });
  await video.play();
  if (video.videoWidth === 0) await once(video, 'resize');
  const name = track.label || (kind === 'camera' ? 'Camera' : 'Screen');
  const { videoWidth: width, videoHeight: height } = video;
  const { deviceId, facingMode } = track.getSettings();
  let index = 0;
  return {
    kind,
    name,
    width,
    height,
    scales: [],
    pixel_aspect: 1,
    suggested_crop: null,
    notes: [],
    device: deviceId ?? null,
    facing: facingMode === 'user' || facingMode === 'environment' ? facingMode : null,
    play() {
      const abort = new AbortController();
      track.addEventListener('ended', () => abort.abort(), { once: true });
      // What is on the element already comes first: a screen on which nothing moves sends no second frame. One that comes while the
      // model is at work need not be waited for.
      let another = Promise.resolve(true);
      return {
        async next() {
          if (!(await another)) return null;
          const grabbed = performance.now();
          const grab = createImageBitmap(video);
          another = nextPresented(video, abort.signal);
          const picture = await grab;
          return { picture, index: index++, grabbed, key: keyOf(name, picture) };
        },
        stop: () => abort.abort(),
      };
    },
    onSignal(tell) {
      const ended = kind === 'camera' ? `“${name}” was unplugged, or another program took it` : 'The sharing of the screen was ended';
      track.addEventListener('ended', () => tell({ kind: 'ended', message: ended }), { once: true });
      track.addEventListener('mute', () => tell({ kind: 'lost', message: `“${name}” sends no picture at the moment` }));
      track.addEventListener('unmute', () => tell({ kind: 'back' }));
    },
    close() {
      track.stop();
      video.srcObject = null;
    },
  };
}

function explain(error: unknown, what: 'camera' | 'screen'): FailureError {
  const name = error instanceof DOMException ? error.name : '';
  const it = what === 'camera' ? 'The camera' : 'The screen';
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return failed('capture', `${it} was not allowed.`, 'Allow it in the browser’s address bar (and in the system’s privacy settings), then choose it again.');
    case 'NotFoundError':
    case 'OverconstrainedError':
      return failed('capture', `${it} was not found.`, 'Plug it in, or choose another device.');
    case 'NotReadableError':
    case 'AbortError':
      return failed('capture', `${it} is in use by another program, or does not answer.`, 'Close the other program, or unplug the device and plug it in again.');
    default:
      return failed('capture', `${it} could not be opened: ${String(error)}.`, 'Choose another device.');
  }
}

function insecure(): FailureError {
  return failed('capture', 'This browser offers no capture on this page.', 'Open the page over https or from localhost, in a current browser.');
}
