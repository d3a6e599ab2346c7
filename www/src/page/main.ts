// Puts the page together: the app, the stage, and the panels that follow the state.

import { App } from './app';
import { byId, h } from './dom';
import { helpDialog, listen, shortcuts } from './keyboard';
import { insidePanel } from './inside/panel';
import { offlineLine } from './offline';
import { alerts } from './panels/alerts';
import { askDialog } from './panels/ask';
import { exportPanel } from './panels/export';
import { headsUp } from './panels/heads-up';
import { doubtfulPanel } from './panels/doubtful';
import { measurePanel } from './panels/measure';
import { learnPanels } from './panels/learn';
import { modelPanel } from './panels/model';
import { iconButton } from './panels/parts';
import { promptsPanel } from './panels/prompts';
import { sourcePanel } from './panels/source';
import { strip } from './panels/strip';
import { structuresPanel } from './panels/structures';
import { timingPanel } from './panels/timing';
import { toolbar } from './panels/toolbar';
import { transport } from './panels/transport';
import { welcome } from './panels/welcome';
import { workPanel } from './panels/work';
import { droppedFiles } from './sources/dropped';
import { Stage } from './stage/stage';

const app = new App();
const stage = new Stage(byId<HTMLCanvasElement>('canvas'), app.store, app.edits);

const help = helpDialog(shortcuts(app, stage, () => undefined));
const openHelp = () => help.showModal();
document.body.append(help, askDialog(app));
byId('actions').append(iconButton('help', 'Keys and gestures', '?', openHelp));
listen(app, stage, openHelp);

byId('work').prepend(toolbar(app, stage));
byId('stage').append(headsUp(app), welcome(app));
byId('work').append(transport(app), strip(app));
const { learn, myModels } = learnPanels(app);
byId('side').append(alerts(app), sourcePanel(app), workPanel(app), modelPanel(app), myModels, structuresPanel(app), promptsPanel(app), learn, doubtfulPanel(app), measurePanel(app), exportPanel(app, stage), insidePanel(app), timingPanel(app), offlineLine(app));
receiveDrops();
void app.start();

function receiveDrops(): void {
  const { body } = document;
  body.append(h('div', { className: 'drop-hint', ariaHidden: 'true' }, 'Drop to open'));
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
    if (event.dataTransfer !== null) void droppedFiles(event.dataTransfer).then((files) => app.take(files));
  });
  body.addEventListener('paste', (event) => void app.take([...(event.clipboardData?.files ?? [])]));
}
