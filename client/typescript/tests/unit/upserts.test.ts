/** What is sent where a dataset changes between the plan and the upsert? A scripted server says so. */
import { afterEach, expect, it, vi } from "vitest";

import { AnswerNotUnderstood, Client } from "@stage1/client";
import { json, Scripted, type Answering } from "./scripted.js";

const counts = { new: 0, changed: 0, unchanged: 0, deleted: 0, restored: 0 };
const answer = { dataset_id: "d", version_id: "v2", previous_version_id: "v1", created_dataset: false, created_version: true };
const plan = json({ ...answer, version_id: "v1", summary: { ...counts, changed: 1, unchanged: 599 }, needed: ["row 7"] });
const done = json({ ...answer, summary: { ...counts, changed: 1 } });
const overtaken = json({ title: "changed meanwhile", code: "S1E02" }, 409);
const missing = json({ title: "body missing", code: "S1E09" }, 409);
const there = json({ dataset_id: "d", dataset_slug: "set" });
const rows = Array.from({ length: 600 }, (_, number) => ({ sourceId: `row ${number}`, input: { number } }));

let server: Scripted | undefined;
afterEach(() => server?.close());

interface Done {
  result: unknown;
  sent: Scripted["sent"];
}

async function upserted(script: Answering[], more: object = {}, first = [there]): Promise<Done> {
  server = await Scripted.of(...first, ...script);
  const client = new Client({ url: server.url, token: "" });
  const options = { name: "set", examples: rows, mode: "merge", ...more } as const;
  const result = await client.upsertDataset(options).catch((problem: unknown) => problem);
  return { result, sent: server.sent };
}

const lines = (body: string | undefined): unknown[] =>
  (body ?? "").split("\n").filter(Boolean).map((line) => JSON.parse(line) as unknown);

it("a merge sends what is needed, and says which version it was planned for", async () => {
  const { result, sent } = await upserted([plan, done]);
  expect(result).toMatchObject({ versionId: "v2", createdVersion: true, summary: { changed: 1, unchanged: 599 } });
  expect(sent.map((each) => each.path.split("/").pop())).toEqual(["set", "plan", "upsert"]);
  expect(lines(sent[1]?.body)).toHaveLength(601);
  expect(lines(sent[1]?.body)[1]).toEqual({ source_id: "row 0", content_hash: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown });
  const [head, ...bodies] = lines(sent[2]?.body);
  expect(head).toEqual({ name: "set", mode: "merge", expected_version_id: "v1" });
  expect(bodies).toMatchObject([{ source_id: "row 7", input: { number: 7 }, output: {}, metadata: {} }]);
});

it("a mirror names by its hash what it does not send", async () => {
  const { sent } = await upserted([plan, done], { mode: "mirror" });
  const [head, ...bodies] = lines(sent[2]?.body);
  expect(head).toEqual({ name: "set", mode: "mirror" });
  expect(bodies).toHaveLength(600);
  expect(bodies.filter((body) => "input" in (body as object))).toHaveLength(1);
});

it.each([
  ["another version", overtaken],
  ["a body that is missing", missing],
])("plans again after %s, under the same key, and sends all in the end", async (_, refused) => {
  const { result, sent } = await upserted([plan, refused, plan, refused, plan, refused, done]);
  expect(result).toMatchObject({ versionId: "v2" });
  expect(sent.map((each) => each.path.split("/").pop())).toEqual(["set", ...Array<string[]>(3).fill(["plan", "upsert"]).flat(), "upsert"]);
  const keys = sent.filter((each) => each.path.endsWith("/upsert")).map((each) => each.headers["idempotency-key"]);
  expect(new Set(keys).size).toBe(1);
  expect(lines(sent.at(-1)?.body)).toHaveLength(601);
});

it("does not go on over the version that the caller expects", async () => {
  const { result, sent } = await upserted([plan, overtaken], { expectedVersionId: "v1" });
  expect(result).toMatchObject({ name: "Refused", code: "S1E02" });
  expect(sent).toHaveLength(3);
});

it("names the version that the caller expects, whatever it is", async () => {
  const { sent } = await upserted([plan, done], { expectedVersionId: "", mode: "mirror" });
  for (const { body } of sent.slice(1)) expect(lines(body)[0]).toMatchObject({ expected_version_id: "" });
});

it.each([
  ["a/b", [json({ title: "nothing here", code: "AddressNotFound" }, 404)]],
  ["..", []],
])("asks by plan for %j, which no address can hold", async (name, first) => {
  const { result, sent } = await upserted([plan, done], { name }, first);
  expect(result).toMatchObject({ name, versionId: "v2" });
  expect(lines(sent[first.length]?.body)[0]).toMatchObject({ name });
});

it.each([[null], [[]], [{}], ["ok"], [5]])("takes %j for no answer of stage1", async (given) => {
  server = await Scripted.of(...Array<Answering>(9).fill(json(given)));
  const client = new Client({ url: server.url, token: "" });
  const works = [
    client.upsertDataset({ name: "set", examples: rows.slice(0, 2), mode: "merge" }),
    client.upsertDataset({ id: "d", examples: rows, mode: "merge" }),
    client.getDataset({ name: "set" }),
    client.restore({ dataset: "set", version: 1 }),
    client.diffVersions({ dataset: "set", base: 1 }),
    client.runExperiment({ dataset: "set", task: () => 1 }),
    client.getExperiment({ experimentId: "e" }),
    client.compareExperiments({ baseId: "a", otherId: "b" }),
    client.serverVersion(),
  ];
  for (const ended of await Promise.allSettled(works)) {
    expect(ended).toMatchObject({ status: "rejected", reason: expect.any(AnswerNotUnderstood) as unknown });
  }
});

it("does not wait for a source that is silent, and ends it when it speaks", async () => {
  let speak = (): void => undefined;
  let end = (): void => undefined;
  const controller = new AbortController();
  const isEnded = new Promise<void>((resolve) => (end = resolve));
  async function* slowly(): AsyncGenerator<{ sourceId: string; input: object }> {
    try {
      yield { sourceId: "a", input: {} };
      controller.abort(new Error("enough"));
      await new Promise<void>((resolve) => (speak = resolve));
      yield { sourceId: "b", input: {} };
    } finally {
      end();
    }
  }
  const { result } = await upserted([], { examples: slowly(), signal: controller.signal });
  expect(String(result)).toBe("Error: enough");
  speak();
  await isEnded;
  expect(server?.sent).toHaveLength(1);
});

it("lets others have their turn, also among few rows that are large", async () => {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => (now += 100)); // as if each took long
  const turns: number[] = [];
  function* large(): Generator<{ sourceId: string; input: object }> {
    for (let number = 1; number <= 3; number += 1) {
      yield { sourceId: `${number}`, input: {} };
      setTimeout(() => turns.push(number));
    }
    expect(turns).toEqual([1, 2]);
  }
  const { result } = await upserted([done], { examples: large() });
  vi.restoreAllMocks();
  expect(result).toMatchObject({ versionId: "v2" });
});
