// Where the structures' names go on the stage.

import { apart, type Name } from '../../../www/src/page/stage/names';
import { fc } from '../../../www/packages-for-tests';
import { expect, test } from '../../../www/playwright';

const HEIGHT = 10;

const overlap = (a: Name, b: Name) =>
  Math.abs(a.at.x - b.at.x) < (a.width + b.width) / 2 && Math.abs(a.at.y - b.at.y) < HEIGHT;

test('a name on another moves up on top of it; those beside and above stay', () => {
  const [radius, carpals] = [{ at: { x: 50, y: 100 }, width: 40 }, { at: { x: 70, y: 104 }, width: 80 }];
  const [beside, above] = [{ at: { x: 200, y: 100 }, width: 40 }, { at: { x: 60, y: 60 }, width: 40 }];
  expect(apart([radius, carpals, beside, above], HEIGHT)).toEqual([
    carpals,
    beside,
    { ...radius, at: { x: 50, y: 94 } },
    above,
  ]);
});

test('whatever the names, none lies on another and none moves down or sideways', () => {
  const place = fc.record({ x: fc.integer({ min: 0, max: 200 }), y: fc.integer({ min: 0, max: 60 }) });
  const names = fc.array(fc.record({ at: place, width: fc.integer({ min: 1, max: 100 }) }), { maxLength: 8 });
  fc.assert(
    fc.property(names, (names) => {
      const placed = apart(names.map((name, i) => ({ ...name, i })), HEIGHT);
      expect(placed.length).toBe(names.length);
      for (const [n, name] of placed.entries()) {
        expect(name.at.x).toBe(names[name.i]!.at.x);
        expect(name.at.y).toBeLessThanOrEqual(names[name.i]!.at.y);
        for (const other of placed.slice(n + 1)) expect(overlap(name, other)).toBe(false);
      }
    }),
  );
});
