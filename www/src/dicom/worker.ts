// The DICOM worker: owns the DICOM bundle and the files opened with it. The bundle is fetched with the first file.

import { failed, FailureError, messageOf, type Failure } from '../shared/messages';
import type { DicomFile, DicomModule } from './api';
import type { FromWorker, Replies, Request, ToWorker } from './messages';

interface Scope {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void;
}
const scope = self as unknown as Scope;

const files = new Map<number, { name: string; dicom: DicomFile }>();
let next = 1;
let bundle: Promise<DicomModule> | null = null;

scope.addEventListener('message', async ({ data: { id, request } }) => {
  try {
    const value = await answer(request);
    scope.postMessage({ type: 'reply', id, value }, transferables(value));
  } catch (error) {
    if (error instanceof FailureError) scope.postMessage({ type: 'failed', id, failure: error.failure });
    else scope.postMessage({ type: 'crashed', failure: crash(messageOf(error)) });
  }
});

async function answer(request: Request): Promise<Replies[Request['type']]> {
  switch (request.type) {
    case 'identify':
      return (await started(request.base)).identify(request.head);
    case 'open':
      return open(request.file, request.base);
    case 'frame': {
      const { name, dicom } = opened(request.file);
      return tell(() => dicom.frame(request.index, request.window ?? undefined), `“${name}” has a frame that cannot be shown`, 'Go on with another frame; copy or export the file again if there are more like it.');
    }
    case 'segmentation': {
      const { name, dicom } = opened(request.file);
      const bytes = tell(() => dicom.segmentation(request.request), `No DICOM segmentation could be made for “${name}”`, 'Export the masks as PNG or COCO JSON instead.');
      return { bytes };
    }
    case 'masks': {
      const { name, dicom } = opened(request.file);
      const bytes = await bytesOf(request.segmentation);
      return tell(() => dicom.masks(bytes), `“${request.segmentation.name}” cannot be put onto “${name}”`, 'Open the DICOM file that it was made for, then the segmentation again.');
    }
    case 'directory': {
      const { directory } = await started(request.base);
      const bytes = await bytesOf(request.directory);
      return tell(() => directory(bytes), `“${request.directory.name}” cannot be read`, 'Open the folder that it lies in.');
    }
    case 'close':
      opened(request.file).dicom.free();
      files.delete(request.file);
      return null;
  }
}

async function open(file: File, base: string): Promise<Replies['open']> {
  const { DicomFile } = await started(base);
  const bytes = await bytesOf(file);
  return tell(
    () => {
      const dicom = new DicomFile(bytes);
      const id = next++;
      files.set(id, { name: file.name, dicom });
      return { file: id, info: dicom.info(), window: dicom.window() };
    },
    `“${file.name}” cannot be opened`,
    'Copy or export the file again; if it stays refused, export it uncompressed, or its pictures as PNG.',
  );
}

async function bytesOf(file: File): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    throw failed('picture', `“${file.name}” cannot be read: ${messageOf(error)}.`, 'Check that the file is still there, or is not too large for the memory of this machine.');
  }
}

function opened(file: number): { name: string; dicom: DicomFile } {
  const found = files.get(file);
  if (found === undefined) throw failed('picture', 'This DICOM file is closed.', 'Open it again.');
  return found;
}

/** A failure that names the file, where the bundle throws what is wrong; a panic goes on as it is. */
function tell<T>(call: () => T, what: string, advice: string): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) throw error;
    throw failed('picture', `${what}: ${messageOf(error)}.`, advice);
  }
}

/** The bundle; a start that failed is tried again the next time. */
function started(base: string): Promise<DicomModule> {
  bundle ??= startBundle(base);
  return bundle.catch((error: unknown) => {
    bundle = null;
    throw error;
  });
}

async function startBundle(base: string): Promise<DicomModule> {
  if (typeof WebAssembly === 'undefined') {
    throw failed('no-webassembly', 'This browser has no WebAssembly, or it is switched off.', 'Use a current Chrome, Edge, Firefox or Safari, without lockdown mode.');
  }
  const url = new URL('wasm/dicom/sam2rad.js', base);
  try {
    const module: DicomModule = await import(/* @vite-ignore */ url.href);
    await module.default();
    return module;
  } catch (error) {
    throw failed('bundle', `The program that reads DICOM could not be loaded: ${messageOf(error)}.`, `Check the connection and open the file again. Whoever serves the page: ${url.pathname} must exist (build.sh puts it there).`);
  }
}

function transferables(value: Replies[Request['type']]): Transferable[] {
  if (value === null || typeof value === 'string') return [];
  if ('rgba' in value) return [value.rgba.buffer];
  if ('bytes' in value) return [value.bytes.buffer];
  if ('frames' in value) return value.frames.map(({ class_ids }) => class_ids.buffer);
  return [];
}

function crash(message: string): Failure {
  return {
    kind: 'crash',
    message: `The program that reads DICOM stopped: ${message}.`,
    advice: 'It has been started again. If this repeats, the file is damaged, or the machine is short of memory: close other tabs.',
  };
}
