// Run lengths of answers: exact, and small.

import { classIdsOf, runsOf } from '../../../www/src/shared/runs';
import { fc } from '../../../www/packages-for-tests';
import { expect, test } from '../../../www/playwright';
import { anyMap } from './shapes';

test('run lengths give back every pixel, wherever the crop lies in the frame', () => {
  fc.assert(
    fc.property(anyMap, fc.nat(5), fc.nat(5), fc.nat(5), fc.nat(5), ({ width, height, class_ids }, left, top, right, bottom) => {
      const size = { width: left + width + right, height: top + height + bottom };
      const whole = classIdsOf(runsOf(class_ids), [left, top, left + width, top + height], size);
      const expected = new Uint8Array(size.width * size.height);
      for (let y = 0; y < height; y++) expected.set(class_ids.subarray(y * width, (y + 1) * width), (top + y) * size.width + left);
      expect(whole).toEqual(expected);
    }),
  );
});

test('a picture of more pixels than one run counts is whole again', () => {
  const [width, height] = [5000, 4000];
  const runs = runsOf(new Uint8Array(width * height).fill(3));
  expect(runs).toHaveLength(2);
  const whole = classIdsOf(runs, [0, 0, width, height], { width, height });
  expect([whole[0], whole.at(-1), whole.indexOf(0)]).toEqual([3, 3, -1]);
});

test('the masks of a 1080p frame take less than 30 kB', () => {
  const [width, height] = [1920, 1080];
  const disc = Uint8Array.from({ length: width * height }, (_, at) => Number(Math.hypot((at % width) - 960, Math.floor(at / width) - 540) < 400));
  expect(runsOf(disc).byteLength).toBeLessThan(30_000);
});
