// One command of the tests that use both languages: read from stdin as JSON, its answer written to stdout as JSON.
import { text } from "node:stream/consumers";

import { Client } from "../dist/index.js";

const client = new Client();
const given = JSON.parse(await text(process.stdin));

const double = ({ input }) => ({ double: 2 * input.n });
const right = ({ output, expected }) => output.double === expected.double;
const size = ({ output }) => ({ score: output.double / 10, label: output.double > 9 ? "big" : "small", explanation: "by ten" });
const evaluators = [right, size];

const commands = {
  async upsert({ name, examples, mode }) {
    const { versionId, createdVersion, summary } = await client.upsertDataset({ name, examples, mode });
    return { versionId, createdVersion, summary };
  },

  async runUntil({ name, last }) {
    const controller = new AbortController();
    const task = (about) => {
      if (about.sourceId !== last) return double(about);
      controller.abort();
      return new Promise(() => {});
    };
    const dataset = { datasetName: name };
    try {
      await client.runExperiment({ dataset, task, evaluators, concurrency: 1, signal: controller.signal });
    } catch (problem) {
      return { kind: problem.name, experimentId: problem.experimentId };
    }
  },

  async resume({ experimentId }) {
    const made = [];
    const task = (about) => {
      made.push(about.sourceId);
      return double(about);
    };
    const { counts } = await client.resumeExperiment({ experimentId, task, evaluators });
    return { made, counts };
  },

  async run({ name }) {
    const task = ({ input }) => ({ double: input.n < 3 ? 0 : 2 * input.n });
    const { experimentId } = await client.runExperiment({ dataset: { datasetName: name }, task, evaluators, name: "typescript" });
    return { experimentId };
  },

  async compare({ baseId, otherId }) {
    const comparison = await client.compareExperiments({ baseId, otherId });
    const examples = [];
    for await (const { sourceId, contentDiffers } of comparison.examples()) examples.push([sourceId, contentDiffers]);
    return { evaluations: comparison.evaluations, text: String(comparison), examples };
  },
};

process.stdout.write(JSON.stringify(await commands[given.command](given)) + "\n");
