// The page kept for use offline, and a new version of it: what is served is whole, of one version, and changes when the reader says so.

import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { expect, test, type Page } from '../../www/playwright';
import { complaints, model, path, picture, segmentPicture, watchWorker } from './support';

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.json': 'application/json', '.svg': 'image/svg+xml' };

/** The site need not lie at the root of its host. */
const PATH = '/tools/sam2rad/';

/** A copy of the site that can change, on a plain static host. */
class Host {
  private readonly folder = mkdtempSync(join(tmpdir(), 'sam2rad-site-'));
  private readonly server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://host');
    const file = join(this.folder, decodeURIComponent(pathname.slice(PATH.length - 1)).replace(/\/$/, '/index.html'));
    if (!pathname.startsWith(PATH) || !file.startsWith(this.folder) || !existsSync(file) || statSync(file).isDirectory()) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'cache-control': 'no-cache' });
    return response.end(readFileSync(file));
  });

  static async start(): Promise<Host> {
    const host = new Host();
    cpSync(process.env.SAM2RAD_SITE ?? path('../../pkg/site'), host.folder, { recursive: true });
    await new Promise<void>((resolve) => host.server.listen(0, resolve));
    return host;
  }

  get url(): string {
    return `http://localhost:${(this.server.address() as AddressInfo).port}${PATH}`;
  }

  /** Puts a file of the build in another's place, as a damaged copy does. */
  damage(file: string, change: (content: Buffer) => Buffer): void {
    writeFileSync(join(this.folder, file), change(readFileSync(join(this.folder, file))));
  }

  /** The next version: another file, and a service worker that lists it. */
  release(file: string, change: (content: string) => string): void {
    const hashes = (content: Buffer) => createHash('sha256').update(content).digest();
    const before = hashes(readFileSync(join(this.folder, file)));
    this.damage(file, (content) => Buffer.from(change(content.toString())));
    const after = hashes(readFileSync(join(this.folder, file)));
    const bytes = statSync(join(this.folder, file)).size;
    this.damage('service-worker.js', (content) => {
      const listed = new RegExp(`"revision":"${before.toString('hex').slice(0, 16)}","integrity":"[^"]*","bytes":\\d+`);
      const text = content.toString();
      expect(text).toMatch(listed);
      return Buffer.from(text.replace(listed, `"revision":"${after.toString('hex').slice(0, 16)}","integrity":"sha256-${after.toString('base64')}","bytes":${bytes}`));
    });
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
    rmSync(this.folder, { recursive: true });
  }
}

test.use({ serviceWorkers: 'allow' });

let host: Host;
test.beforeEach(async () => {
  host = await Host.start();
});
test.afterEach(() => host.stop());

async function openWithModel(page: Page): Promise<void> {
  await watchWorker(page);
  await page.goto(`${host.url}?backend=cpu`);
  await page.locator('#model').setInputFiles(model);
  await expect(page.locator('#model-status')).toContainText('is ready');
}

const iconOf = (page: Page) => page.evaluate(async () => (await fetch('./icon.svg')).text());

test('a new version waits until the reader changes to it, and the old one is served whole until then', async ({ page }) => {
  await openWithModel(page);
  await expect(page.locator('#offline')).toHaveText('Works offline now.');
  const before = await iconOf(page);
  host.release('icon.svg', (content) => content.replace('</svg>', '<!-- the next version --></svg>'));
  await page.reload();
  await expect(page.locator('#offline')).toContainText('A new version of this page is ready');
  expect(await iconOf(page)).toBe(before);
  await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: 'Change to it now' }).click()]);
  await expect.poll(() => iconOf(page)).toContain('the next version');
  await expect(page.locator('#offline')).not.toContainText('new version');
});

test('a file that is not the build\'s is neither used nor kept, and the page does not say that it works offline', async ({ page }) => {
  await page.goto(host.url);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  host.damage('wasm/cpu/sam2rad.js', (content) => Buffer.concat([content, Buffer.from('\n// changed on its way')]));
  await page.reload();
  await page.locator('#model').setInputFiles(model);
  await expect(page.locator('#failure')).toContainText('could not be loaded');
  expect(await page.evaluate(async () => (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url)))).flat().filter((url) => url.includes('wasm/cpu/sam2rad.js')))).toEqual([]);
  await expect(page.locator('#offline')).not.toContainText('Works offline');
});

test('without a network after the first visit, every bundle, model and demo is there', async ({ page, context }) => {
  await openWithModel(page);
  await expect(page.locator('#offline')).toHaveText('Works offline now.');
  await context.setOffline(true);
  const errors = complaints(page);
  await page.reload();
  const missing = await page.evaluate(async () => {
    const list = async (index: string) => ((await (await fetch(index)).json()) as { file: string }[]).map(({ file }) => index.replace('index.json', file));
    const files = [...(await list('./models/index.json')), ...(await list('./demo/index.json')), ...['cpu', 'webgpu', 'dicom'].flatMap((name) => [`./wasm/${name}/sam2rad.js`, `./wasm/${name}/sam2rad_bg.wasm`])];
    const there = await Promise.all(files.map((file) => fetch(file).then(({ ok }) => ok, () => false)));
    return files.filter((_, at) => !there[at]);
  });
  expect(missing).toEqual([]);
  await page.locator('#model').setInputFiles(model);
  await expect(page.locator('#model-status')).toContainText('is ready');
  await segmentPicture(page, picture);
  expect(errors).toEqual([]);
});
