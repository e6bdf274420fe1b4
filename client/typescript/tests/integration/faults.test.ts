/** Is everything done once, against a real server behind a proxy that loses requests, answers and halves of them? */
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { AnswerNotUnderstood, Client, Refused, type ExampleRow, type TaskGiven } from "@stage1/client";

const upstream = process.env.STAGE1_SERVER ?? "";

/** What the proxy does with a request: before it is passed on, or with its answer when the server has done what it says. */
type Fault = "lose the request" | "lose the answer" | "cut the answer" | "busy" | "many" | "html" | "another version";

let proxy: Server;
/** What is to happen to the next requests whose path ends so. */
let faults: Record<string, Fault[]> = {};
let passed: string[] = [];

beforeAll(async () => {
  proxy = createServer((incoming, outgoing) => {
    const end = Object.keys(faults).find((each) => incoming.method === "POST" && incoming.url?.endsWith(each));
    const fault = faults[end ?? ""]?.shift();
    if (fault === "lose the request") return void outgoing.socket?.destroy();
    if (fault === "busy" || fault === "many") {
      outgoing.writeHead(fault === "busy" ? 503 : 429, { "Retry-After": "0" }).end("later");
      return;
    }
    if (fault === "html") return void outgoing.writeHead(200, { "Content-Type": "text/html" }).end("<html>");
    if (fault === "another version") return void outgoing.writeHead(404, { "Content-Type": "application/json" }).end('{"detail":"Not Found"}');
    const { method, url: path, headers } = incoming;
    if (method === "POST") passed.push(path ?? "");
    const onward = request(upstream + (path ?? ""), { method, headers: { ...headers, host: new URL(upstream).host } }, (answer) => {
      void text(answer).then((body) => {
        if (fault === "lose the answer") return outgoing.socket?.destroy();
        const kept = { ...answer.headers, "content-length": String(Buffer.byteLength(body)) };
        outgoing.writeHead(answer.statusCode ?? 0, kept);
        if (fault === "cut the answer") return outgoing.write(body.slice(0, 9), () => outgoing.socket?.destroy());
        return outgoing.end(body);
      });
    });
    return void incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
});

function client(): Client {
  return new Client({ url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, token: "" });
}
function rows(count: number, bias = 0): ExampleRow[] {
  return Array.from({ length: count }, (_, n) => ({ sourceId: `s${n}`, input: { n }, output: { double: 2 * n + bias } }));
}

const left = (): Fault[] => Object.values(faults).flat();

describe.each<{ wanted: Fault[] }>([
  { wanted: ["lose the answer"] },
  { wanted: ["cut the answer"] },
  { wanted: ["busy", "lose the answer", "many", "lose the request"] },
])("after $wanted", ({ wanted }) => {
  it.each([20, 600])("an upsert of %d makes each version once", async (count) => {
    const name = `faults ${wanted.join()} ${count}`;
    faults = { "/upsert": [...wanted] };
    const first = await client().upsertDataset({ name, examples: rows(count), mode: "mirror" });
    expect([first.createdVersion, first.summary?.new, left()]).toEqual([true, count, []]);
    faults = { "/upsert": [...wanted], "/plan": wanted.slice(0, 1) };
    const second = await client().upsertDataset({ name, examples: rows(count, 1), mode: "mirror" });
    expect([second.createdVersion, second.summary?.changed, second.previousVersionId]).toEqual([true, count, first.versionId]);
    expect(left()).toEqual(count < 500 ? wanted.slice(0, 1) : []); // few are sent without a plan
    const versions = [];
    for await (const { sequence } of client().versions({ dataset: name })) versions.push(sequence);
    expect(versions).toEqual([2, 1]);
  });

  it("an experiment makes and records each run once", async () => {
    const dataset = `faults of an experiment ${wanted.join()}`;
    await client().upsertDataset({ name: dataset, examples: rows(30), mode: "mirror" });
    faults = { "/v1/experiments": wanted.slice(0, 2), "/runs/batch": [...wanted], "/evaluations/batch": wanted.slice(0, 2) };
    const made: string[] = [];
    const experiment = await client().runExperiment({
      dataset,
      task: ({ input, sourceId }: TaskGiven<{ n: number }>) => {
        made.push(sourceId);
        return 2 * input.n;
      },
      evaluators: [{ name: "right", evaluate: ({ output, expected }) => output === (expected as { double: number }).double }],
    });
    expect(left()).toEqual([]);
    expect([experiment.counts, made.length]).toEqual([{ expected: 30, succeeded: 30, failed: 0, missing: 0 }, 30]);
    const attempts = [];
    for await (const { attempt, evaluations } of experiment.runs()) attempts.push([attempt, evaluations.length]);
    expect(attempts).toEqual(Array(30).fill([1, 1]));
    const all = [];
    for await (const { experimentId } of client().listExperiments({ dataset })) all.push(experimentId);
    expect(all).toEqual([experiment.experimentId]);
  });
});

it.each<[Fault, unknown]>([
  ["html", AnswerNotUnderstood],
  ["another version", Refused],
])("%s is said, and not asked again", async (fault, kind) => {
  faults = { "/upsert": [fault] };
  passed = [];
  const problem: unknown = await client()
    .upsertDataset({ name: "elsewhere", examples: rows(3), mode: "merge" })
    .catch((found: unknown) => found);
  expect(problem).toBeInstanceOf(kind);
  expect([left(), passed]).toEqual([[], []]);
});
