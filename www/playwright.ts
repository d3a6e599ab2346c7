// The browser tests lie in tests/browser, outside the folder whose packages they use: they get Playwright from here.

/** Debian's Chromium, from which nothing calls home. */
export const EXECUTABLE = '/usr/bin/chromium';
export const ARGS = ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export { expect, test, type Browser, type Page } from '@playwright/test';
