// Compiles a TypeScript program in memory and runs it: `node run.mjs program.ts`. The client is the package of this repository.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../client/typescript/", import.meta.url));
const { build } = createRequire(`${folder}package.json`)("esbuild");
const { outputFiles } = await build({
  entryPoints: [process.argv[2]],
  alias: { "@stage1/client": `${folder}dist/index.js` },
  bundle: true,
  write: false,
  platform: "node",
  format: "esm",
  target: "node20",
});
await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
