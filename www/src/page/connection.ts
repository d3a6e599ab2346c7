// What fetching costs the reader, where the browser says it.

interface Connection {
  saveData?: boolean;
  type?: string;
}

const connection = () => (navigator as { connection?: Connection }).connection;

/** Whether the reader asked the browser to fetch no more than needed. */
export function savesData(): boolean {
  return connection()?.saveData === true;
}

/** Whether bytes may cost money: that, or a phone's network. */
export function isMetered(): boolean {
  return savesData() || connection()?.type === 'cellular';
}
