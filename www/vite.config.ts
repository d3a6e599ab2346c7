import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { defineConfig, type Plugin } from 'vite';
import type { ListedFile } from './src/service-worker/messages';

const within = (file: string) => resolve(import.meta.dirname, file);

function listed(url: string, content: string | Uint8Array): ListedFile {
  const digest = createHash('sha256').update(content).digest();
  return { url, revision: digest.toString('hex').slice(0, 16), integrity: `sha256-${digest.toString('base64')}`, bytes: Buffer.byteLength(content) };
}

/** Tells the service worker what the site consists of: every file by the hash of its content. */
function listFiles(): Plugin {
  const publicFolder = within('public');
  return {
    name: 'list-files',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        const worker = bundle['service-worker.js'];
        if (worker?.type !== 'chunk') throw new Error('The service worker is not among the files of the build.');
        if (worker.imports.length > 0) throw new Error(`The service worker is one file; it imports ${worker.imports.join(', ')}.`);
        const page: ListedFile[] = [];
        const large: ListedFile[] = [];
        for (const [name, file] of Object.entries(bundle)) {
          if (file !== worker) page.push(listed(name, file.type === 'chunk' ? file.code : file.source));
        }
        const copied = existsSync(publicFolder) ? readdirSync(publicFolder, { recursive: true, withFileTypes: true }) : [];
        for (const entry of copied) {
          if (!entry.isFile() || entry.name.endsWith('.d.ts')) continue;
          const file = join(entry.parentPath, entry.name);
          const name = relative(publicFolder, file).replaceAll('\\', '/');
          const asked = /^(wasm|models|demo)\//.test(name) && !name.endsWith('/index.json');
          (asked ? large : page).push(listed(name, readFileSync(file)));
        }
        // As functions: `$` has a meaning in a replacement's text.
        worker.code = worker.code.replaceAll('PAGE_FILES', () => JSON.stringify(page)).replaceAll('LARGE_FILES', () => JSON.stringify(large));
      },
    },
  };
}

/** With these a browser lets threads share memory; the service worker adds them where a host does not. */
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

// Relative URLs throughout, so that the built folder can lie anywhere; nothing inlined, so that the strict CSP of the pages holds.
export default defineConfig({
  base: './',
  plugins: [listFiles()],
  build: {
    outDir: '../pkg/site',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        index: within('index.html'),
        bench: within('bench.html'),
        'service-worker': within('src/service-worker/main.ts'),
      },
      // A service worker serves the folder it lies in, under a name that stays.
      output: { entryFileNames: ({ name }) => (name === 'service-worker' ? '[name].js' : 'assets/[name]-[hash].js') },
    },
  },
  worker: { format: 'es' },
  preview: { headers: ISOLATION },
  server: { headers: ISOLATION },
});
