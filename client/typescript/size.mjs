// How large the package is for a page, minified: what it loads at first, and all of it, as JSON on stdout.
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const result = await build({
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  entryPoints: ["dist/index.js"],
  bundle: true,
  splitting: true,
  format: "esm",
  minify: true,
  platform: "browser",
  metafile: true,
  outdir: "out",
  write: false,
});
const { outputs } = result.metafile;
const waiting = Object.keys(outputs).filter((name) => outputs[name].entryPoint === "dist/index.js");
const first = new Set(waiting);
for (const name of waiting) {
  for (const { path, kind } of outputs[name].imports) {
    if (kind !== "import-statement" || first.has(path)) continue;
    first.add(path);
    waiting.push(path);
  }
}
const bytes = (names) => names.reduce((sum, name) => sum + outputs[name].bytes, 0);
console.log(JSON.stringify({ first: bytes([...first]), all: bytes(Object.keys(outputs)) }));
