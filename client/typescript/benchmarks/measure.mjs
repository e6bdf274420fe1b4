// What hashing and an upsert by plan cost, as JSON on stdout: node measure.mjs COUNT ROUNDS URL
// In each round everything is measured in turn, in another order; the caller takes the medians.
import { createHash } from "node:crypto";

import { Client, contentHash } from "../dist/index.js";

const [count, rounds] = process.argv.slice(2, 4).map(Number);
const client = new Client({ url: process.argv[4], token: "" });

// The examples of benchmarks/datasets.py: about 470 bytes each.
const examples = Array.from({ length: count }, (_, number) => ({
  sourceId: `AAPL-2023-${String(number).padStart(6, "0")}`,
  input: {
    open: `${100 + (number % 97)}.25`,
    question: `What follows the breakout of minute ${number}? ${"context ".repeat(14)}`,
  },
  output: { answer: `It goes on. ${"because ".repeat(9)}`, high: `${number % 89}.5` },
  metadata: { minute: number, ratio: number / 7, tags: ["opening-range", "breakout", String(number % 13)] },
}));

const seconds = async (work) => {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
};

async function upserted(expected) {
  const { summary } = await client.upsertDataset({ name: "typescript", examples, mode: "mirror" });
  if (summary[expected] !== count) throw new Error(JSON.stringify(summary));
}

const measures = {
  stringify() {
    for (const { input, metadata, output } of examples) {
      createHash("sha256").update(JSON.stringify({ input, metadata, output }), "utf8").digest("hex");
    }
  },
  hashed() {
    for (const { input, output, metadata } of examples) contentHash(input, output, metadata);
  },
  unchanged: () => upserted("unchanged"),
};

const taken = { created: [await seconds(() => upserted("new"))], stringify: [], hashed: [], unchanged: [] };
for (let round = 0; round <= rounds; round += 1) {
  const names = Object.keys(measures);
  for (let at = 0; at < names.length; at += 1) {
    const name = names[(at + round) % names.length];
    const found = await seconds(measures[name]);
    if (round) taken[name].push(found); // the first round warms up
  }
}
process.stdout.write(JSON.stringify(taken));
