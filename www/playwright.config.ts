import { defineConfig } from '@playwright/test';

// TOOLCHAIN: a software WebGPU adapter, and nothing that calls home.
const args = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-webgpu',
  '--enable-features=Vulkan,WebGPU',
  '--ignore-gpu-blocklist',
  '--use-webgpu-adapter=swiftshader',
  '--use-angle=swiftshader',
];

export default defineConfig({
  testDir: '../tests/browser',
  outputDir: '../target/browser/results',
  workers: 1,
  timeout: 120_000,
  reporter: 'list',
  use: {
    baseURL: 'http://localhost:4173/',
    launchOptions: { executablePath: '/usr/bin/chromium', args },
  },
  webServer: { command: 'npm run preview -- --port 4173 --strictPort', url: 'http://localhost:4173/', reuseExistingServer: false },
});
