// Parts that several panels use.

import { h, onChosen } from '../dom';
import { icon, type IconName } from './icons';

/** A part of the side panel that can be folded. */
export function panel(id: string, title: string, ...children: (Node | string)[]): HTMLDetailsElement {
  return h('details', { id, className: 'panel', open: true }, h('summary', {}, h('h2', {}, title)), h('div', { className: 'panel-body' }, ...children));
}

/** Keys whose names in `aria-keyshortcuts` are others than those a person reads. */
const SPOKEN: Record<string, string> = { '←': 'ArrowLeft', '→': 'ArrowRight', '+': 'Plus', '-': 'Minus' };

/** `key` is shown in the tooltip and told to screen readers. */
export function iconButton(name: IconName, label: string, key: string | null, run: () => void): HTMLButtonElement {
  const button = h('button', { type: 'button', className: 'icon-button', title: key === null ? label : `${label} (${key})` }, icon(name));
  button.ariaLabel = label;
  if (key !== null) button.setAttribute('aria-keyshortcuts', SPOKEN[key] ?? key.replace('Ctrl', 'Control'));
  // A click leaves the focus where it was, so that the next press of space plays instead of clicking again.
  button.addEventListener('mousedown', (event) => event.preventDefault());
  button.addEventListener('click', run);
  return button;
}

export function textButton(label: string, name: IconName | null, run: () => void): HTMLButtonElement {
  const button = h('button', { type: 'button' }, ...(name === null ? [] : [icon(name)]), h('span', {}, label));
  button.addEventListener('click', run);
  return button;
}

/** A button that chooses files; its input is there for the keyboard, screen readers and tests. */
export function fileButton(id: string, label: string, name: IconName, properties: Partial<HTMLInputElement>, take: (files: File[]) => void): HTMLElement {
  const input = h('input', { id, type: 'file', className: 'visually-hidden', ...properties });
  onChosen(input, take);
  return h('span', { className: 'file-button' }, input, h('label', { htmlFor: id, className: 'button' }, icon(name), h('span', {}, label)));
}

export function toggle(id: string, label: string, key: string | null, change: (on: boolean) => void): { element: HTMLLabelElement; input: HTMLInputElement } {
  const input = h('input', { id, type: 'checkbox', className: 'switch' });
  input.role = 'switch';
  input.addEventListener('change', () => change(input.checked));
  const element = h('label', { className: 'toggle', title: key === null ? '' : `${label} (${key})` }, h('span', {}, label), input);
  return { element, input };
}

export function slider(id: string, label: string, range: { min: string; max: string; step: string }, change: (value: number) => void): { element: HTMLLabelElement; input: HTMLInputElement } {
  const input = h('input', { id, type: 'range', ...range });
  input.addEventListener('input', () => change(input.valueAsNumber));
  return { element: h('label', { className: 'slider' }, h('span', {}, label), input), input };
}

/** One of a few, as a row of buttons. */
export function choice<T extends string>(name: string, label: string, options: readonly (readonly [value: T, text: string])[], change: (value: T) => void): { element: HTMLElement; select(value: T): void } {
  const inputs = options.map(([value, text]) => {
    const input = h('input', { type: 'radio', name, value, className: 'visually-hidden' });
    input.addEventListener('change', () => change(value));
    return { input, element: h('label', {}, input, h('span', {}, text)) };
  });
  const element = h('div', { className: 'choice' }, ...inputs.map(({ element }) => element));
  element.role = 'radiogroup';
  element.ariaLabel = label;
  return {
    element,
    select: (value) => inputs.forEach(({ input }) => (input.checked = input.value === value)),
  };
}

/** Facts as a list of terms and values; those without a value are left out. */
export function facts(...rows: (readonly [term: string, value: string | null])[]): HTMLElement[] {
  return rows.flatMap(([term, value]) => (value === null ? [] : [h('div', {}, h('dt', {}, term), h('dd', {}, value))]));
}
