// As playwright.ts, for the other packages that the tests use.

export { default as fc } from 'fast-check';
export { decode as decodePng } from 'fast-png';
export { unzipSync, zipSync } from 'fflate';
export { AxeBuilder } from '@axe-core/playwright';
