// Files come by button, by drop anywhere on the page, or (pictures) by paste. Each goes where its name and type say.

import type { Actions } from './actions';

export function takeFiles(actions: Actions, modelInput: HTMLInputElement, pictureInput: HTMLInputElement): void {
  onChosen(modelInput, (file) => void actions.loadModel(file));
  onChosen(pictureInput, (file) => void actions.openPicture(file));

  const body = document.body;
  body.addEventListener('dragover', (event) => {
    event.preventDefault();
    body.classList.add('dropping');
  });
  body.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) body.classList.remove('dropping');
  });
  body.addEventListener('drop', (event) => {
    event.preventDefault();
    body.classList.remove('dropping');
    dispatch(actions, event.dataTransfer?.files);
  });
  body.addEventListener('paste', (event) => dispatch(actions, event.clipboardData?.files));
}

function dispatch(actions: Actions, files: FileList | undefined): void {
  for (const file of files ?? []) {
    if (looksLikeModel(file)) void actions.loadModel(file);
    else void actions.openPicture(file);
  }
}

function looksLikeModel(file: File): boolean {
  return /\.(safetensors|pt|pth|ckpt|bin|onnx)$/i.test(file.name);
}

export function onChosen(input: HTMLInputElement, take: (file: File) => void): void {
  input.addEventListener('change', () => {
    const file = input.files?.[0];
    input.value = ''; // so that the same file can be chosen again after an error
    if (file !== undefined) take(file);
  });
}
