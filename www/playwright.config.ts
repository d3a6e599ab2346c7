import { createServer, type AddressInfo } from 'node:net';
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

// A port that is free now: `build.sh serve` and the tests of other checkouts may be running. Playwright's workers read this file too, and
// get the same one.
const port = (process.env.SAM2RAD_PORT ??= String(await freePort()));
const url = `http://localhost:${port}/`;

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

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
  webServer: { command: `npm run preview -- --port ${port} --strictPort`, url, reuseExistingServer: false, timeout: 180_000 },
});
