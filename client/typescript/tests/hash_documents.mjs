// Reads examples as NDJSON from stdin and writes the content hash of each, one a line: for tests in other languages.
import { readFileSync } from "node:fs";

import { contentHash } from "../dist/index.js";

const lines = readFileSync(0, "utf8").split("\n");
const hashes = lines.filter(Boolean).map((line) => {
  const { input, output, metadata } = JSON.parse(line);
  return `${contentHash(input, output, metadata)}\n`;
});
process.stdout.write(hashes.join(""));
