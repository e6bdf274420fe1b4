/** Is every run made once, whatever tasks and connections do, and is what was done kept, whatever ends the work? */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import {
  AnswerNotUnderstood,
  ArgumentInvalid,
  Client,
  Refused,
  type Evaluator,
  type EvaluatorGiven,
  type Experiment,
  type RunOptions,
  type TaskGiven,
} from "@stage1/client";
import { double, EXPERIMENT, ExperimentServer, right, type Example, type Fault } from "./experiment-server.js";

let server: ExperimentServer;
let client: Client;
beforeEach(async () => {
  server = await new ExperimentServer().listen();
  client = new Client({ url: server.url, token: "" });
});
afterEach(() => {
  vi.useRealTimers();
  return server.close();
});

const size = ({ output }: EvaluatorGiven<number>): Promise<object> =>
  Promise.resolve({ score: output, label: output > 9 ? "big" : "small" });

function run<Output>(options: Omit<RunOptions<Output>, "dataset">): Promise<Experiment> {
  return client.runExperiment({ dataset: { datasetName: "set" }, ...options });
}
const AWAY = { status: 503, headers: { "Retry-After": "0" } };
const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("runs", () => {
  it.each<[string, (given: { input: Example }) => number | Promise<number>]>([
    ["at once", double],
    ["later", async (given) => later(0).then(() => double(given))],
  ])("are all made and evaluated, %s", async (_, task) => {
    server.repetitions = 2;
    const noted: unknown[] = [];
    const experiment = await run({ task, evaluators: [right, size], onProgress: (each) => noted.push(each) });
    expect(server.runs.size).toBe(20);
    expect(server.runs.get("s0003 2")?.output).toBe(6);
    expect(server.evaluations.get("s0003 2 right")).toMatchObject({ label: "true", score: 1, annotator_kind: "CODE" });
    expect(server.evaluations.size).toBe(40);
    expect(noted).toEqual(Array.from({ length: 20 }, (__, n) => ({ what: "runs", done: n + 1, total: 20 })));
    const said = await experiment.describe();
    expect(said).toContain("20 of 20 succeeded, 0 failed, 0 missing");
    expect(said).toContain("\n  right           20     1       0  true 20\n");
    expect(said).toContain("big 10, small 10");
  });

  it("that fail have their error, and nothing that a function changes is seen by another", async () => {
    const bad: ((given: TaskGiven) => unknown)[] = [
      () => {
        throw new RangeError("gone\n \0 away");
      },
      () => Promise.reject(new TypeError("")),
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what is no error may be thrown, too
      () => Promise.reject("a text"),
      () => ({ x: [1, NaN] }),
      () => undefined,
      () => new Date(0),
      () => "half a pair \ud800",
      () => "x".repeat(17 * 1024 * 1024),
      () => {
        throw Object.create(null);
      },
    ];
    const experiment = await run<unknown>({
      task: (given) => (bad[(given.input as Example).n] ?? (() => delete (given.input as Partial<Example>).n))(given),
      evaluators: [{ name: "picky", evaluate: ({ input }: EvaluatorGiven) => Promise.reject(new Error(JSON.stringify(input))) }],
    });
    const found = Array.from({ length: 10 }, (_, n) => server.runs.get(`s000${n} 1`)?.error);
    expect(found).toEqual([
      "RangeError: gone away",
      "TypeError",
      "a text",
      "TypeError: what was returned is no JSON value: /x/1: NaN is no JSON number. Send null, or leave it out.",
      expect.stringMatching(/^TypeError: what was returned is no JSON value: .*undefined is no JSON value/),
      expect.stringMatching(/^TypeError: what was returned is no JSON value: .*a Date is no JSON value/),
      expect.stringMatching(/half of a pair/),
      "RangeError: what was returned has more than 16,777,216 bytes. Keep it in a file and return its name",
      "what was thrown has no text",
      undefined,
    ]);
    expect(server.evaluations.get("s0009 1 picky")).toMatchObject({ error: 'Error: {"n":9}' });
    expect(experiment.counts).toEqual({ expected: 10, succeeded: 1, failed: 9, missing: 0 });
    expect(await experiment.describe()).toContain("  errors   5 x TypeError\n");
  });

  it("are tried again and timed; what takes too long is told so", async () => {
    const tries = new Map<number, number>();
    let ended = 0;
    await run({
      task: async ({ input, signal }: TaskGiven<Example>) => {
        tries.set(input.n, (tries.get(input.n) ?? 0) + 1);
        signal.addEventListener("abort", () => (ended += 1));
        if (input.n === 9) await new Promise(() => undefined);
        if (tries.get(input.n) === 1) throw new Error("not yet");
        return 1;
      },
      retries: 1,
      timeoutMs: 100,
      concurrency: 10,
    });
    expect(server.runs.get("s0009 1")?.error).toMatch(/^TimeoutError: task took longer than 0.1 s$/);
    expect([...server.runs.values()].filter((each) => each.error === undefined)).toHaveLength(9);
    expect(new Set(tries.values())).toEqual(new Set([2]));
    expect(ended).toBe(2);
  });

  it("are no more at once than is allowed, and go in batches", async () => {
    // Time stands still, so that a batch goes when it is full, however slow the machine is.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    server.examples = 450;
    let [busy, most] = [0, 0];
    let meet = (): void => undefined;
    const met = new Promise<void>((resolve) => (meet = resolve));
    const task = async ({ input }: { input: Example }): Promise<number> => {
      busy += 1;
      most = Math.max(most, busy);
      if (busy === 3) meet();
      await met; // three are at work at once
      busy -= 1;
      return input.n;
    };
    await run({ task, concurrency: 3 });
    expect(most).toBe(3);
    expect(server.batches).toEqual([200, 200, 50]);
  });
});

describe("evaluators", () => {
  it.each<[unknown, object]>([
    [true, { score: 1, label: "true" }],
    [-0, { score: 0 }],
    ["far", { label: "far" }],
    [null, {}],
    [undefined, {}],
    [{ score: false, label: null, explanation: "so", metadata: { a: [1] } }, { score: 0, label: "false", explanation: "so", metadata: { a: [1] } }],
    [{ scores: 1 }, { error: 'TypeError: "scores" is no part of an evaluation; these are score, label, explanation, metadata' }],
    [{ score: "high" }, { error: "TypeError: score was no number" }],
    [1e101, { error: "RangeError: a score lies between -1e100 and 1e100" }],
    [Infinity, { error: "TypeError: what was returned is no JSON value: the value: Infinity is no JSON number. Send null, or leave it out." }],
    [[1], { error: "TypeError: an array is no evaluation; a boolean, a number, a text, an object or null is" }],
    [1n, { error: expect.stringContaining("a BigInt is no JSON value") as string }],
    [{ label: 3 }, { error: "TypeError: label was no string" }],
    [{ metadata: true }, { error: "TypeError: metadata was no object" }],
    [{ label: false, score: 2 }, { score: 2, label: "false" }],
  ])("may return %s", async (returned, kept) => {
    server.examples = 1;
    await run({ task: () => null, evaluators: [{ name: "e", kind: "LLM", evaluate: () => returned }] });
    const { started_at, finished_at, ...found } = server.evaluations.get("s0000 1 e") as unknown as Record<string, unknown>;
    expect(found).toEqual({ source_id: "s0000", repetition: 1, name: "e", annotator_kind: "LLM", ...kept });
    expect(String(finished_at) >= String(started_at)).toBe(true);
  });
});

describe("a server that is in trouble", () => {
  const passing: Fault[] = [{ status: 429, headers: { "Retry-After": "0" } }, "before", "after", { status: 503, headers: { "Retry-After": "0" } }];

  it.each(["", "/runs/missing", "/runs/batch", "/evaluations/batch"])("for a moment, at %j, does nothing twice", async (path) => {
    for (const faults of [passing.slice(0, 2), ["within" as Fault, ...passing.slice(2)]]) {
      server.runs.clear();
      server.evaluations.clear();
      server.times.clear();
      server.experiments.clear();
      server.faults.set(path, [...faults]);
      const experiment = await run({ task: double, evaluators: [right] });
      expect(experiment.counts.succeeded).toBe(10);
      expect(server.faults.get(path)).toEqual([]);
      expect([...server.times.values()]).toEqual(Array(10).fill(1));
      expect([server.evaluations.size, server.experiments.size]).toEqual([10, 1]);
    }
  });

  it.each<[string, Fault, unknown]>([
    ["refuses", { status: 422, code: "S1X03" }, Refused],
    ["is of another version", { status: 404 }, Refused],
    ["is none of ours", "html", AnswerNotUnderstood],
  ])("ends the work where it %s, and says how to go on", async (_, fault, kind) => {
    server.examples = 3000;
    for (const path of ["/runs/batch", "/runs/missing"]) {
      server.faults.set(path, [fault]);
      const problem: unknown = await run({ task: double }).catch((found: unknown) => found);
      expect(problem).toBeInstanceOf(kind);
      expect((problem as Refused).hint).toContain(`resumeExperiment({ experimentId: "${EXPERIMENT}", ... }) goes on.`);
    }
  });

  it.each(["/runs/missing", "/runs/batch", "/evaluations/batch"])("while it is started anew, at %j, is waited for", async (path) => {
    server.faults.set(path, Array<Fault>(8).fill(AWAY));
    await run({ task: double, evaluators: [right] });
    expect([server.runs.size, server.evaluations.size]).toEqual([10, 10]);
  });

  it("for long ends the work", async () => {
    server.faults.set("/runs/batch", Array<Fault>(9).fill(AWAY));
    await expect(run({ task: double })).rejects.toMatchObject({ status: 503, name: "ServerUnavailable" });
    expect(server.asked.filter((path) => path === "/runs/batch")).toHaveLength(9);
    expect(server.runs.size).toBe(0);
  });

  it("after the last run still says which experiment it was", async () => {
    const task = (given: { input: Example }): number => {
      server.faults.set("", ["html"]);
      return double(given);
    };
    await expect(run({ task })).rejects.toMatchObject({ hint: expect.stringContaining(EXPERIMENT) as unknown });
  });
});

it.each<[object, RegExp]>([
  [{ concurrency: 0 }, /concurrency was 0/],
  [{ retries: -1 }, /retries was -1/],
  [{ timeoutMs: 0 }, /timeoutMs was 0/],
  [{ task: "double" }, /The task is a string/],
  [{ evaluators: [() => true] }, /An evaluator's name was ""/],
  [{ evaluators: [right, right] }, /An evaluator's name was "right"/],
  [{ evaluators: [{ name: "x" }] }, /evaluator "x" has no function/],
  [{ evaluators: [{ name: "x", kind: "PARROT", evaluate: right }] }, /or a kind that is none of CODE, LLM, HUMAN/],
  [{ evaluators: right }, /evaluators is an array/],
  [{ dataset: { datasetId: "a", datasetName: "b" } }, /Exactly one of/],
])("%j is refused before anything runs", async (wrong, said) => {
  const options = { task: double, evaluators: [] as Evaluator<number>[], ...wrong };
  const problem: unknown = await run(options).catch((found: unknown) => found);
  expect(problem).toBeInstanceOf(ArgumentInvalid);
  expect((problem as Error).message).toMatch(said);
  expect(server.asked).toEqual([]);
});
