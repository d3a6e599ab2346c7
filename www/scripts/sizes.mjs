// Prints the sizes of the WASM bundles as they are served, and fails where one is over its budget.
import { readFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const MB = 1e6;
/** Budgets in MB as brotli, quality 9. */
const budgets = { cpu: 2.0, webgpu: 1.0, dicom: 0.6, learn: 2.0 };

let over = false;
for (const [bundle, budget] of Object.entries(budgets)) {
  const bytes = readFileSync(new URL(`../../pkg/${bundle}/sam2rad_bg.wasm`, import.meta.url));
  const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } };
  const brotli = brotliCompressSync(bytes, options).length;
  const size = (length) => `${(length / MB).toFixed(2)} MB`;
  console.log(
    `pkg/${bundle}: ${size(bytes.length)}, gzip ${size(gzipSync(bytes).length)}, brotli ${size(brotli)} (budget ${budget} MB)`,
  );
  over ||= brotli > budget * MB;
}
if (over) {
  console.error("error: a bundle is over its budget");
  process.exit(1);
}
