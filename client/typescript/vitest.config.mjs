import { fileURLToPath } from "node:url";

import { defineConfig } from "vitest/config";

const source = (path) => fileURLToPath(new URL(`src/${path}`, import.meta.url));

export default defineConfig({
  resolve: { alias: { "#sha256": source("sha256/node.ts"), "@stage1/client": source("index.ts") } },
  test: { environment: "node", pool: "threads", testTimeout: 60_000, hookTimeout: 60_000 },
});
