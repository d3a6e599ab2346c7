// Icons as paths on a grid of 24, stroked.

const PATHS = {
  select: 'M12 3v18M3 12h18M12 3l-3 3M12 3l3 3M12 21l-3-3M12 21l3-3M3 12l3-3M3 12l3 3M21 12l-3-3M21 12l-3 3',
  inside: 'M12 4a8 8 0 1 0 .01 0M12 8.5v7M8.5 12h7',
  outside: 'M12 4a8 8 0 1 0 .01 0M8.5 12h7',
  box: 'M5 8V5h3M16 5h3v3M19 16v3h-3M8 19H5v-3M11 5h2M11 19h2M5 11v2M19 11v2',
  brush: 'M14 6l4 4M4 20c0-3 1-5 3-6l8.500-8.500a2.100 2.100 0 0 1 3 3L10 17c-1 2-3 3-6 3z',
  eraser: 'M9 19h11M5 15l9-9a2 2 0 0 1 3 0l2 2a2 2 0 0 1 0 3l-8 8H8l-3-3a1 1 0 0 1 0-1zM10 10l5 5',
  caliper: 'M5 19L19 5M3 17l4 4M17 3l4 4M9 13l1.500 1.500M12 10l1.500 1.500',
  scale: 'M8 3v18M8 3h6M8 7.500h3M8 12h6M8 16.500h3M8 21h6',
  crop: 'M7 2v15h15M2 7h15v15',
  fit: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  zoomIn: 'M10.500 4a6.500 6.500 0 1 0 .01 0M15.500 15.500L21 21M10.500 7.500v6M7.500 10.500h6',
  zoomOut: 'M10.500 4a6.500 6.500 0 1 0 .01 0M15.500 15.500L21 21M7.500 10.500h6',
  play: 'M7 4.500v15l12-7.500z',
  pause: 'M8 5v14M16 5v14',
  back: 'M17 5l-8 7 8 7zM6 5v14',
  forward: 'M7 5l8 7-8 7zM18 5v14',
  loop: 'M17 3l3 3-3 3M20 6H8a4 4 0 0 0-4 4v1M7 21l-3-3 3-3M4 18h12a4 4 0 0 0 4-4v-1',
  undo: 'M8 5L4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3',
  redo: 'M16 5l4 4-4 4M20 9H10a6 6 0 0 0 0 12h3',
  clear: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5',
  close: 'M6 6l12 12M18 6L6 18',
  file: 'M14 3H6v18h12V7zM14 3v4h4',
  folder: 'M3 6h6l2 2h10v11H3z',
  camera: 'M3 7h4l2-3h6l2 3h4v12H3zM12 9.500a3.500 3.500 0 1 0 .01 0',
  screen: 'M3 4h18v12H3zM8 20h8M12 16v4',
  model: 'M12 3l8 4.500v9L12 21l-8-4.500v-9zM12 12l8-4.500M12 12v9M12 12L4 7.500',
  all: 'M4 6h10M4 12h10M4 18h6M15 17l2.500 2.500L22 14',
  follow: 'M4 12h12M12 7l5 5-5 5M20 5v14',
  followBack: 'M20 12H8M12 7l-5 5 5 5M4 5v14',
  fullScreen: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5M9 9L4 4M15 9l5-5M15 15l5 5M9 15l-5 5',
  save: 'M12 3v12M7 10l5 5 5-5M4 20h16',
  link: 'M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1',
  help: 'M12 3a9 9 0 1 0 .01 0M9.500 9.500a2.500 2.500 0 1 1 3.500 2.300c-.7.3-1 .8-1 1.700M12 17v.01',
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGSVGElement {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.classList.add('icon');
  const path = document.createElementNS(space, 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}

export function setIcon(button: HTMLElement, name: IconName): void {
  button.querySelector('path')?.setAttribute('d', PATHS[name]);
}
