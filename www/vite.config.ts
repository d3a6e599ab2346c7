import { resolve } from 'node:path';
import { defineConfig } from 'vite';

// Relative URLs throughout, so that the built folder can lie anywhere; nothing inlined, so that the strict CSP of the pages holds.
export default defineConfig({
  base: './',
  build: {
    outDir: '../pkg/site',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        index: resolve(import.meta.dirname, 'index.html'),
        bench: resolve(import.meta.dirname, 'bench.html'),
      },
    },
  },
  worker: { format: 'es' },
});
