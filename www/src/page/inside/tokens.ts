// What each prompt token does: a bar for how much of the mask it changes, and a switch to leave it out.

import type { TokenEffect } from '../../shared/api';
import { h } from '../dom';
import { percent } from '../format';

/** The first two tokens become the corners of the predicted box. */
export function nameOf(token: number): string {
  return token < 2 ? `${token + 1}: box corner` : `${token + 1}`;
}

/** In words: the score is the model's own and not calibrated. */
function expects(change: number): string {
  return change > 0.005 ? 'expects a better fit' : change < -0.005 ? 'expects a worse fit' : 'expects the same fit';
}

export class TokenList {
  readonly element = h('ol', { id: 'tokens', className: 'tokens' });
  private rows: { on: HTMLInputElement; bar: HTMLElement; figures: HTMLElement }[] = [];

  constructor(private readonly change: (off: number[]) => void) {}

  build(tokens: number): void {
    this.rows = Array.from({ length: tokens }, () => ({
      on: h('input', { type: 'checkbox', checked: true }),
      bar: h('span', { className: 'bar' }),
      figures: h('span', { className: 'figures' }),
    }));
    this.rows.forEach(({ on }) => on.addEventListener('change', () => this.change(this.off())));
    this.element.replaceChildren(
      ...this.rows.map(({ on, bar, figures }, token) => h('li', {}, h('label', {}, on, h('span', {}, `Token ${nameOf(token)}`)), h('span', { className: 'track' }, bar), figures)),
    );
  }

  showOff(off: readonly number[]): void {
    this.rows.forEach(({ on }, token) => (on.checked = !off.includes(token)));
  }

  show(effects: readonly TokenEffect[]): void {
    this.rows.forEach(({ bar, figures }, token) => {
      const effect = effects.find((effect) => effect.token === token);
      bar.style.width = `${effect === undefined ? 0 : 100 * (1 - effect.dice)}%`;
      figures.textContent = effect === undefined ? '' : `${percent(1 - effect.dice)} of the mask; without it the model ${expects(effect.iou_change)}`;
    });
  }

  private off(): number[] {
    return this.rows.flatMap(({ on }, token) => (on.checked ? [] : [token]));
  }
}
