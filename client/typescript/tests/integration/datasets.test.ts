/** Do datasets on a real server do what the client says of them? `STAGE1_SERVER` names it; the tests use names of their own. */
import { describe, expect, it } from "vitest";

import { Client, ContentRefused, Dataset, Refused, type ProgressEvent } from "@stage1/client";
import { camelRow } from "../../src/names.js";

const asked: string[] = [];
const counting: typeof fetch = (address, options) => {
  asked.push(`${options?.method ?? "GET"} ${new URL(address as string).pathname}`);
  return fetch(address, options);
};
const client = new Client({ token: "", fetch: counting });
const unique = (name: string): string => `ts-${name}-${crypto.randomUUID()}`;

const rows = (count: number, changed = 0): { id: string; question: string; price: number; answer: string; tags: string[] }[] =>
  Array.from({ length: count }, (_, number) => ({
    id: `row ${String(number).padStart(5, "0")} é/😀`,
    question: `What follows ${number}?`,
    price: number / 7,
    answer: number < changed ? "no" : "yes",
    tags: ["a", String(number % 3)],
  }));
const keys = { sourceIdKey: "id", inputKeys: ["question", "price"], outputKeys: ["answer"], metadataKeys: ["tags"] };

async function gathered<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function refusal(work: Promise<unknown>): Promise<Refused> {
  const met = await work.catch((problem: unknown) => problem);
  expect(met).toBeInstanceOf(Refused);
  return met as Refused;
}

describe("an upsert", () => {
  it("makes versions only where something is new, and sends only what is needed", async () => {
    const name = unique("upsert");
    const events: ProgressEvent[] = [];
    const first = await client.upsertDataset({ name, examples: rows(1200), mode: "merge", onProgress: (event) => events.push(event), ...keys });
    expect(first).toMatchObject({ name, createdDataset: true, createdVersion: true, previousVersionId: null, dryRun: false });
    expect(first.summary).toEqual({ new: 1200, changed: 0, unchanged: 0, deleted: 0, restored: 0 });
    expect(events.at(0)).toEqual({ what: "hashed", done: 1000, total: 1200 });
    expect(events.at(-1)).toEqual({ what: "sent", done: 1200, total: 1200 });

    asked.length = 0;
    const same = await client.upsertDataset({ name, examples: rows(1200), mode: "mirror", ...keys });
    expect(same).toMatchObject({ versionId: first.versionId, createdVersion: false, createdDataset: false });
    expect(same.summary).toMatchObject({ unchanged: 1200 });
    expect(asked).toEqual([`GET /v1/datasets/${name}`, "POST /v1/datasets/upsert/plan"]);

    asked.length = 0;
    const merged = await client.upsertDataset({ id: first.datasetId ?? "", examples: rows(600, 5), mode: "merge", ...keys });
    expect(merged).toMatchObject({ name, createdVersion: true, previousVersionId: first.versionId });
    expect(merged.summary).toEqual({ new: 0, changed: 5, unchanged: 595, deleted: 0, restored: 0 });
    expect(asked.slice(0, 2)).toEqual(["POST /v1/datasets/upsert/plan", "POST /v1/datasets/upsert"]);

    const mirrored = await client.upsertDataset({ name, examples: rows(600), mode: "mirror", ...keys });
    expect(mirrored.summary).toEqual({ new: 0, changed: 5, unchanged: 595, deleted: 600, restored: 0 });
    expect((await mirrored.version()).sequence).toBe(3);
  });

  it("reads rows of any iterable, and gives back what was put in", async () => {
    async function* slowly(): AsyncGenerator<{ sourceId: string; input: object; output: object }> {
      for (const number of [2, 1]) {
        await Promise.resolve();
        yield { sourceId: `s${number}`, input: { b: [number, null], a: "\u2028é😀" }, output: JSON.parse('{"__proto__":1.5}') as object };
      }
    }
    const name = unique("iterables");
    const first = await client.upsertDataset({ name, examples: slowly(), mode: "merge", metadata: { commit: "1f" }, description: "d" });
    const found = await gathered(first.examples());
    expect(found.map((example) => example.sourceId)).toEqual(["s1", "s2"]);
    expect(found[0]?.input).toEqual({ b: [1, null], a: "\u2028é😀" });
    expect(Object.keys(found[0]?.output ?? {})).toEqual(["__proto__"]);
    expect(await first.version()).toMatchObject({ sequence: 1, metadata: { commit: "1f" }, description: "d", exampleCount: 2, tags: [] });
    const again = await client.upsertDataset({ name, examples: new Set(found), mode: "mirror" });
    expect(again).toMatchObject({ createdVersion: false, versionId: first.versionId });
    expect(await gathered(client.history({ dataset: first, sourceId: "s1" }))).toMatchObject([{ kind: "CREATE", sequence: 1 }]);
  });

  it("counts and writes nothing in a dry run", async () => {
    const name = unique("dry");
    const planned = await client.upsertDataset({ name, examples: rows(3), mode: "merge", dryRun: true, ...keys });
    expect(planned).toMatchObject({ datasetId: null, versionId: null, createdVersion: false, createdDataset: false, dryRun: true, name });
    expect(planned.summary).toMatchObject({ new: 3 });
    expect(() => planned.address()).toThrow(/planned/);
    expect(await refusal(client.getDataset({ name }))).toMatchObject({ status: 404, code: "S1C02" });
  });

  it("is refused by the server with its code", async () => {
    const name = unique("refused");
    const first = await client.upsertDataset({ name, examples: rows(2), mode: "merge", ...keys });
    await client.upsertDataset({ name, examples: rows(2, 1), mode: "merge", ...keys });
    const expectedVersionId = first.versionId ?? "";
    for (const count of [1, 600]) {
      const late = await refusal(client.upsertDataset({ name, examples: rows(count), mode: "merge", expectedVersionId, ...keys }));
      expect(late).toMatchObject({ status: 409, code: "S1E02" });
      expect(late.problem).toHaveProperty("current_version_id");
      expect(late.requestId).not.toBe("");
    }
    expect(await refusal(client.upsertDataset({ name, examples: [], mode: "mirror" }))).toMatchObject({ code: "S1E05" });
    const emptied = await client.upsertDataset({ name, examples: [], mode: "mirror", allowEmpty: true });
    expect(emptied.summary).toMatchObject({ deleted: 2 });
  });

  it("sends nothing of what is refused here", async () => {
    asked.length = 0;
    const name = unique("nothing");
    const bad = [{ sourceId: "a", input: {} }, { sourceId: "b", input: { at: [new Date(0)] } }];
    await expect(client.upsertDataset({ name, examples: bad, mode: "merge" })).rejects.toMatchObject({ path: "/input/at/0", row: 2 });
    const twice = [{ sourceId: "a", input: {} }, { sourceId: "a", input: {} }];
    await expect(client.upsertDataset({ name, examples: twice, mode: "merge" })).rejects.toThrow(/rows 1 and 2 have one source id/);
    const large = [{ sourceId: "a", input: { text: "x".repeat(5_000_000) } }];
    await expect(client.upsertDataset({ name, examples: large, mode: "merge" })).rejects.toBeInstanceOf(ContentRefused);
    const both = { name, id: name, examples: [], mode: "merge" } as const;
    await expect(client.upsertDataset(both)).rejects.toThrow(/Exactly one of name and id/);
    await expect(client.upsertDataset({ name, examples: "rows" as unknown as [], mode: "merge" })).rejects.toThrow(/iterable of rows/);
    await expect(client.upsertDataset({ name, examples: [], mode: "replace" as "merge" })).rejects.toThrow(/"merge" or "mirror"/);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(client.upsertDataset({ name, examples: rows(2), mode: "merge", signal, ...keys })).rejects.toThrow("enough");
    expect(asked).toEqual([]);
  });

  it("is done once where its answer is lost", async () => {
    const name = unique("lost");
    let lost = 0;
    const losing: typeof fetch = async (address, options) => {
      const answer = await fetch(address, options);
      if (options?.method !== "POST" || lost++ > 1) return answer;
      await answer.text();
      throw new TypeError("fetch failed", { cause: new Error("other side closed") });
    };
    const first = await new Client({ token: "", fetch: losing }).upsertDataset({ name, examples: rows(2), mode: "merge", ...keys });
    expect(lost).toBeGreaterThan(1);
    expect(first).toMatchObject({ createdDataset: true, createdVersion: true });
    expect(await gathered(client.versions({ dataset: first }))).toHaveLength(1);
  });
});

describe("versions", () => {
  it("are found by number, id, tag and time, compared and restored", async () => {
    const name = unique("versions");
    const first = await client.upsertDataset({ name, examples: rows(4), mode: "mirror", ...keys });
    const second = await client.upsertDataset({ name, examples: rows(3, 1), mode: "mirror", ...keys });
    await client.tag({ dataset: first, tag: "base line" });
    const chosen = [{}, { version: 1 }, { version: first.versionId ?? "" }, { tag: "base line" }, { asOf: (await first.version()).createdAt }];
    const found = await Promise.all(chosen.map((choice) => client.getDataset({ name, ...choice })));
    expect(found.map((each) => each.versionId)).toEqual([second.versionId, ...Array<unknown>(4).fill(first.versionId)]);
    expect(await found[3]?.version()).toMatchObject({ tags: ["base line"] });
    await client.untag({ dataset: name, tag: "base line" });
    expect(await refusal(client.getDataset({ name, tag: "base line" }))).toMatchObject({ code: "S1E07" });

    const diff = await client.diffVersions({ dataset: { datasetName: name }, base: 1 });
    expect(diff.summary).toEqual({ new: 0, changed: 1, deleted: 1, unchanged: 2 });
    expect([diff.base.sequence, diff.other.sequence]).toEqual([1, 2]);
    const differences = await gathered(diff.differences());
    expect(differences.map((each) => each.change)).toEqual(["changed", "deleted"]);
    expect(differences[1]).toMatchObject({ otherHash: null, baseSequence: 1 });

    const restored = await client.restore({ dataset: second, version: 1, expectedVersionId: second.versionId ?? "" });
    expect(restored).toMatchObject({ name, createdVersion: true, summary: { changed: 1, restored: 1, unchanged: 2 } });
    expect(await gathered(restored.examples())).toEqual(await gathered(first.examples()));
    const sequences = await gathered(client.versions({ dataset: { datasetId: first.datasetId ?? "" } }));
    expect(sequences.map((version) => version.sequence)).toEqual([3, 2, 1]);
    const listed = await gathered(client.listDatasets());
    expect(listed.find((row) => row.datasetSlug === name)).toMatchObject({ versionCount: 3, exampleCount: 4 });
  });

  it("are those of a server that says which it is", async () => {
    expect(await client.serverVersion()).toMatch(/^\d+\.\d+/);
    expect(await client.getDataset({ name: unique("none") }).catch((problem: unknown) => problem)).not.toBeInstanceOf(Dataset);
    expect(camelRow({ a_b_c: { keep_this: 1 } })).toEqual({ aBC: { keep_this: 1 } });
  });
});
