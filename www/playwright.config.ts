import { defineConfig } from '@playwright/test';
import { ARGS, EXECUTABLE } from './playwright';

// TOOLCHAIN: with a software WebGPU adapter.
const args = [
  ...ARGS,
  '--enable-unsafe-webgpu',
  '--enable-features=Vulkan,WebGPU',
  '--ignore-gpu-blocklist',
  '--use-webgpu-adapter=swiftshader',
  '--use-angle=swiftshader',
];

// Several checkouts may be tested at once on one machine.
const port = process.env.SAM2RAD_PORT ?? '4173';
const url = `http://localhost:${port}/`;

export default defineConfig({
  testDir: '../tests/browser',
  outputDir: '../target/browser/results',
  // A page computes with two threads, and waits more than it computes.
  workers: 2,
  timeout: 300_000,
  // A frame takes a fifth of a second on a free machine, seconds on a busy one.
  expect: { timeout: 60_000 },
  reporter: 'list',
  use: {
    baseURL: url,
    // It would answer before the tests' own routes do; webapp.spec.ts lets it in.
    serviceWorkers: 'block',
    launchOptions: { executablePath: EXECUTABLE, args },
  },
  webServer: { command: `npm run preview -- --port ${port} --strictPort`, url, reuseExistingServer: false },
});
