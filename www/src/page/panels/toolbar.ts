// The tools on the stage, and zooming.

import type { App } from '../app';
import { byId, h } from '../dom';
import type { Stage } from '../stage/stage';
import type { Tool } from '../state';
import { takesHandScale } from '../work/pixels';
import { iconButton } from './parts';

export const TOOLS: readonly (readonly [tool: Tool, label: string, key: string])[] = [
  ['select', 'Move the picture', 'V'],
  ['inside', 'Point inside the structure', 'I'],
  ['outside', 'Point outside the structure', 'O'],
  ['box', 'Box around the structure', 'B'],
  ['brush', 'Brush', 'P'],
  ['eraser', 'Eraser', 'E'],
  ['caliper', 'Measure a distance', 'D'],
  ['scale', 'Scale by hand: a length that you know', 'S'],
  ['crop', 'Crop: what the model sees', 'C'],
];

/** Those that need no model. */
const WITHOUT_MODEL: ReadonlySet<Tool> = new Set<Tool>(['select', 'caliper', 'scale', 'crop']);

export function toolbar(app: App, stage: Stage): HTMLElement {
  const { store, edits } = app;
  const tools = TOOLS.map(([tool, label, key]) => ({ tool, button: iconButton(tool, label, key, () => edits.setTools({ tool })) }));
  const undo = iconButton('undo', 'Undo', 'Ctrl+Z', () => edits.undo());
  const redo = iconButton('redo', 'Redo', 'Ctrl+Shift+Z', () => edits.redo());
  const views = [
    iconButton('zoomIn', 'Zoom in', '+', () => stage.zoom(1.25)),
    iconButton('zoomOut', 'Zoom out', '-', () => stage.zoom(0.8)),
    iconButton('fit', 'Fit the picture', 'F', () => stage.fit()),
    ...(document.fullscreenEnabled ? [iconButton('fullScreen', 'Full screen', null, toggleFullScreen)] : []),
  ];
  const bar = h('div', { id: 'toolbar', className: 'toolbar' }, ...tools.map(({ button }) => button), h('hr'), undo, redo, h('hr'), ...views);
  bar.role = 'toolbar';
  bar.ariaLabel = 'Tools';

  store.watch(({ tools }) => [tools.tool], (_, chosen) => {
    for (const { tool, button } of tools) button.ariaPressed = String(tool === chosen);
    stage.canvas.dataset.tool = chosen;
  });
  store.watch(({ history }) => [history], (_, { past, future }) => {
    undo.disabled = past.length === 0;
    redo.disabled = future.length === 0;
  });
  store.watch((state) => [state.shown === null, state.model.kind === 'ready', takesHandScale(state)], (_, empty, ready, scalable) => {
    bar.hidden = empty;
    for (const { tool, button } of tools) {
      button.disabled = !ready && !WITHOUT_MODEL.has(tool);
      if (tool === 'scale') button.hidden = !scalable;
    }
  });
  return bar;
}

/** The picture with its tools and its time, and nothing else. */
function toggleFullScreen(): void {
  if (document.fullscreenElement !== null) void document.exitFullscreen();
  else void byId('work').requestFullscreen().catch(() => undefined);
}
