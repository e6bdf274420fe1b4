/** What a user's strict project may call, and what it may not: compiled against the package as it is installed, never run. */
import { Refused, type Client, type Dataset, type Experiment, type UpsertOptions } from "@stage1/client";

interface Day {
  readonly day: string;
  readonly range: number;
  readonly outcome: number | null;
}

export async function right(client: Client, days: readonly Day[], signal: AbortSignal | undefined): Promise<Experiment> {
  const how: Omit<UpsertOptions<Day>, "name" | "examples"> = { sourceIdKey: "day", inputKeys: ["range"], mode: "merge", signal };
  const first: Dataset = await client.upsertDataset({ name: "x", examples: days, ...how });
  const byFunction = { sourceId: ({ day }: Day) => day, inputKeys: ["range"], mode: "merge" } as const;
  await client.upsertDataset({ name: "x", examples: new Set(days), ...byFunction });
  async function* rows(): AsyncGenerator<{ sourceId: string; input: Day }> {
    await Promise.resolve();
    for (const day of days) yield { sourceId: day.day, input: day };
  }
  await client.upsertDataset({ id: first.datasetId ?? "", examples: rows(), mode: "mirror", dryRun: undefined });
  for await (const { sequence } of client.versions({ dataset: first, signal })) sequence.toFixed();
  for await (const { kind } of client.history({ dataset: first, sourceId: "a", signal })) kind.trim();
  await client.diffVersions({ dataset: "x", base: 1, other: undefined, signal });
  await client.tag({ dataset: { datasetName: "x" }, tag: "t", version: undefined, signal });
  await client.untag({ dataset: "x", tag: "t", signal });
  for await (const { close } of client.readBars({ symbol: "A", from: undefined, until: new Date(), signal })) close.trim();
  for await (const { counts } of client.listExperiments({ dataset: undefined, signal })) counts.failed.toFixed();
  await client.compareExperiments({ baseId: "a", otherId: "b", signal });
  await client.getExperiment({ experimentId: "a", signal });
  await client.getDataset({ name: "x" }).catch((problem: unknown) => problem instanceof Refused && problem.status.toFixed());
  const evaluators = [({ output }: { output: { n: number } }) => output.n > 1];
  return client.runExperiment({ dataset: first, task: ({ input }: { input: Day }) => ({ n: input.range }), evaluators, signal });
}

export const wrong = (client: Client): unknown[] => [
  // @ts-expect-error a number is no row
  client.upsertDataset({ name: "x", examples: [1], mode: "merge" }),
  // @ts-expect-error there is no such mode
  client.upsertDataset({ name: "x", examples: [{ sourceId: "a", input: {} }], mode: "replace" }),
  // @ts-expect-error the mode is chosen
  client.upsertDataset({ name: "x", examples: [{ sourceId: "a", input: {} }] }),
  // @ts-expect-error there is no such choice
  client.getDataset({ nam: "x" }),
  // @ts-expect-error a version is one of a dataset
  client.runExperiment({ dataset: { versionId: "x" }, task: () => 1 }),
  // @ts-expect-error a number has no parts
  client.runExperiment({ dataset: "x", task: () => 1, evaluators: [({ output }: { output: { n: number } }) => output.n] }),
  // @ts-expect-error there is no such kind
  client.runExperiment({ dataset: "x", task: () => 1, evaluators: [{ name: "a", kind: "BOT", evaluate: () => 1 }] }),
  // @ts-expect-error two are compared
  client.compareExperiments({ baseId: "x" }),
];
