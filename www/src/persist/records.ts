// Where a browser keeps values for a site: IndexedDB, or this tab's memory where it lets the page keep nothing.

import { createStore, promisifyRequest } from 'idb-keyval';

/** A path, such as `['frame', work, 7]`. */
export type Key = readonly (string | number)[];

export interface Records {
  get(key: Key): Promise<unknown>;
  /** The values of all keys that begin so, in the keys' order. */
  list(prefix: Key): Promise<unknown[]>;
  /** All of it or nothing. What begins with one of `removes` goes first, then `puts` come. */
  change(puts: readonly (readonly [Key, unknown])[], removes?: readonly Key[]): Promise<void>;
}

/** Throws where the browser denies it. */
export async function openRecords(): Promise<Records> {
  const store = createStore('sam2rad work', 'records');
  await store('readonly', (records) => promisifyRequest(records.count())); // fails here, not at the first write
  return {
    get: (key) => store('readonly', (records) => promisifyRequest(records.get(key as IDBValidKey))),
    list: (prefix) => store('readonly', (records) => promisifyRequest(records.getAll(below(prefix)))),
    change: (puts, removes = []) =>
      store('readwrite', (records) => {
        for (const prefix of removes) records.delete(below(prefix));
        for (const [key, value] of puts) records.put(value, key as IDBValidKey);
        return promisifyRequest(records.transaction);
      }),
  };
}

/** An array is after every other kind of key: it ends the range of those that go on in any way. */
function below(prefix: Key): IDBKeyRange {
  return IDBKeyRange.bound(prefix as IDBValidKey, [...prefix, []]);
}

/** For as long as the page is open. */
export function memoryRecords(): Records {
  const records = new Map<string, { key: Key; value: unknown }>();
  const within = (prefix: Key) =>
    [...records.values()].filter(({ key }) => prefix.every((part, at) => key[at] === part)).sort((a, b) => compare(a.key, b.key));
  return {
    get: async (key) => records.get(JSON.stringify(key))?.value,
    list: async (prefix) => within(prefix).map(({ value }) => value),
    async change(puts, removes = []) {
      for (const prefix of removes) for (const { key } of within(prefix)) records.delete(JSON.stringify(key));
      for (const [key, value] of puts) records.set(JSON.stringify(key), { key, value });
    },
  };
}

function compare(a: Key, b: Key): number {
  const at = a.findIndex((part, i) => part !== b[i]);
  if (at < 0) return a.length - b.length;
  const [x, y] = [a[at]!, b[at] ?? ''];
  return typeof x === 'number' && typeof y === 'number' ? x - y : String(x) < String(y) ? -1 : 1;
}
