// What a person made, through undo and through other models.

import { beginning, changed, EMPTY_HISTORY, redone, undone } from '../../../www/src/page/prompts/history';
import type { Prompt } from '../../../www/src/page/prompts/prompts';
import { renumbered, waiting } from '../../../www/src/page/prompts/structures';
import { expect, test } from '../../../www/playwright';

const point = (structure: number): Prompt => ({ kind: 'point', structure, at: { x: 1, y: 2 }, inside: true });
const caliper = { from: { x: 0, y: 0 }, to: { x: 3, y: 4 } };

test('prompts, distances, crops and scales are each one step, and undo says on which frame it was', () => {
  let history = changed(EMPTY_HISTORY, 7, { prompts: new Map([[7, [point(0)]]]) });
  history = changed(history, 2, { calipers: new Map([[2, [caliper]]]) });
  history = changed(history, 5, { crops: new Map([['hip 4x4', [0, 0, 2, 2]]]) });
  const frames: number[] = [];
  for (let step = undone(history); step !== null; step = undone(history)) {
    frames.push(step.frame);
    history = step.history;
  }
  expect(frames).toEqual([5, 2, 7]);
  expect(history.present).toEqual(EMPTY_HISTORY.present);
  for (let step = redone(history); step !== null; step = redone(history)) history = step.history;
  expect(history.present.calipers.get(2)).toEqual([caliper]);
  expect(history.present.crops.get('hip 4x4')).toEqual([0, 0, 2, 2]);
});

test('with another model prompts stay with the name of their structure, and wait where it has none such', () => {
  const made = { ...EMPTY_HISTORY.present, prompts: new Map([[0, [point(0), point(1)]]]) };
  const other = renumbered(changed(beginning(made), 0, {}), ['ilium', 'femur'], ['femur', 'labrum']);
  expect(other.structures).toEqual(['femur', 'labrum', 'ilium']);
  expect(other.history.present.prompts.get(0)!.map(({ structure }) => structure)).toEqual([2, 0]);
  expect(other.history.past[0]!.made.prompts.get(0)).toBe(other.history.present.prompts.get(0));
  expect(waiting(other.history, other.structures, 2)).toEqual(['ilium']);
  const back = renumbered(other.history, other.structures, ['ilium', 'femur']);
  expect(back.structures).toEqual(['ilium', 'femur']);
  expect(back.history.present.prompts.get(0)).toEqual([point(0), point(1)]);
});

test('a model with the same structures changes nothing', () => {
  const history = beginning({ ...EMPTY_HISTORY.present, prompts: new Map([[0, [point(1)]]]) });
  expect(renumbered(history, ['ilium', 'femur'], ['ilium', 'femur', 'labrum']).history).toBe(history);
});
