// The browser tests lie in tests/browser, outside the folder whose packages they use: they get Playwright from here.

export { expect, test, type Page } from '@playwright/test';
