// Several pictures as a strip to choose from.

import type { App } from '../app';
import { h } from '../dom';

export function strip({ store, session }: App): HTMLElement {
  const list = h('ol', { id: 'strip', className: 'strip' });
  list.ariaLabel = 'Pictures';
  let urls: string[] = [];
  store.watch(({ source }) => [source], (_, source) => {
    for (const url of urls) URL.revokeObjectURL(url);
    const files = source.kind === 'open' && source.source.kind === 'pictures' ? source.source.files : [];
    list.hidden = files.length < 2;
    urls = list.hidden ? [] : files.map((file) => URL.createObjectURL(file));
    list.replaceChildren(
      ...urls.map((url, index) => {
        const { name } = files[index]!;
        const button = h('button', { type: 'button', title: name }, h('img', { loading: 'lazy', decoding: 'async', src: url, alt: name }));
        button.addEventListener('click', () => void session.seek(index));
        return h('li', {}, button);
      }),
    );
  });
  store.watch(({ shown, source }) => [shown?.frame.index ?? -1, source], (_, index, _source) => {
    [...list.children].forEach((item, i) => {
      const button = item.firstElementChild as HTMLElement;
      button.ariaCurrent = String(i === index);
      if (i === index) reveal(list, button);
    });
  });
  return list;
}

/** Scrolls the strip alone: the page around it stays where it is. */
function reveal(list: HTMLElement, button: HTMLElement): void {
  const [strip, one] = [list.getBoundingClientRect(), button.getBoundingClientRect()];
  if (one.left < strip.left) list.scrollLeft += one.left - strip.left;
  else if (one.right > strip.right) list.scrollLeft += one.right - strip.right;
}
