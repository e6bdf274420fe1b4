/** Is what was done kept when the work is ended, is what is not kept said, and does going on do the rest? */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Client, Interrupted, type EvaluatorGiven, type Experiment, type RunOptions, type TaskGiven } from "@stage1/client";
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

function run<Output>(options: Omit<RunOptions<Output>, "dataset">): Promise<Experiment> {
  return client.runExperiment({ dataset: { datasetName: "set" }, ...options });
}
const once = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => {
    signal.addEventListener("abort", resolve);
  });

describe("an interruption", () => {
  it("keeps what is done, and resuming does the rest", async () => {
    server.examples = 60;
    const controller = new AbortController();
    let made = 0;
    const problem: unknown = await run({
      task: async ({ input }: { input: Example }) => {
        made += 1;
        if (made === 25) controller.abort();
        if (made >= 25) await new Promise(() => undefined);
        return 2 * input.n;
      },
      evaluators: [right],
      signal: controller.signal,
    }).catch((found: unknown) => found);
    expect(problem).toBeInstanceOf(Interrupted);
    expect(problem).toMatchObject({ name: "Interrupted", experimentId: EXPERIMENT });
    expect((problem as Interrupted).cause).toBe(controller.signal.reason);
    expect(server.runs.size).toBe(24);
    server.evaluations.delete([...server.evaluations.keys()][0] ?? "");
    const before = new Set(server.runs.keys());
    const resumed: string[] = [];
    const experiment = await client.resumeExperiment({
      experimentId: EXPERIMENT,
      task: (given: TaskGiven<Example>) => {
        resumed.push(`${given.sourceId} ${given.repetition}`);
        return double(given);
      },
      evaluators: [right],
    });
    expect(resumed.toSorted()).toEqual([...server.runs.keys()].filter((key) => !before.has(key)).toSorted());
    expect([server.runs.size, server.evaluations.size]).toEqual([60, 60]);
    expect(new Set(server.times.values())).toEqual(new Set([1]));
    expect(await experiment.describe()).toContain("true 60");
  });

  it.each<[string, Fault, RegExp]>([
    ["refuses", { status: 422, code: "S1X03" }, /The last results could not be sent: Not so\./],
    ["is silent", "silent", /The last results could not be sent: the server did not answer in 10 s\./],
  ])("says what is not kept where the server %s, and ends", async (_, fault, said) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    server.faults.set("/runs/batch", [fault]);
    const controller = new AbortController();
    const task = ({ input }: TaskGiven<Example>): unknown => {
      if (input.n < 4) return 1;
      controller.abort();
      return new Promise(() => undefined);
    };
    const ended = run<unknown>({ task, concurrency: 1, signal: controller.signal }).catch((found: unknown) => found);
    await once(controller.signal);
    if (fault === "silent") await vi.advanceTimersByTimeAsync(10_000);
    expect(await ended).toBeInstanceOf(Interrupted);
    expect(String(await ended)).toMatch(said);
    expect(server.runs.size).toBe(0);
  });

  it("after the last run names the experiment, too", async () => {
    const controller = new AbortController();
    const aborting: typeof fetch = (address, init) => {
      if (init?.method === "GET" && typeof address === "string" && address.endsWith(EXPERIMENT)) controller.abort();
      return fetch(address, init);
    };
    client = new Client({ url: server.url, token: "", fetch: aborting });
    await expect(run({ task: double, signal: controller.signal })).rejects.toMatchObject({ experimentId: EXPERIMENT });
    expect(server.runs.size).toBe(10);
  });

  it("that came before anything is the signal's own", async () => {
    await expect(run({ task: double, signal: AbortSignal.abort(new Error("mine")) })).rejects.toThrow("mine");
    expect(server.asked).toEqual([]);
  });

  it("within an evaluator keeps the run, and what was evaluated", async () => {
    server.examples = 1;
    const controller = new AbortController();
    let isTold = false;
    const stuck = ({ signal }: EvaluatorGiven): Promise<void> => {
      signal.addEventListener("abort", () => (isTold = true));
      controller.abort();
      return new Promise(() => undefined);
    };
    await expect(run({ task: double, evaluators: [right, stuck], signal: controller.signal })).rejects.toThrow("Interrupted.");
    expect([[...server.runs.keys()], [...server.evaluations.keys()], isTold]).toEqual([["s0000 1"], ["s0000 1 right"], true]);
    // What is missing is evaluated of the output that is recorded, once.
    let asked = 0;
    const evaluators = [right, { name: "stuck", evaluate: ({ output, input }: EvaluatorGiven) => (asked += 1) && [output, input].length }];
    for (const labels of [2, 2]) {
      const experiment = await client.evaluateExperiment({ experimentId: EXPERIMENT, evaluators });
      expect((await experiment.summary()).evaluations.size).toBe(labels);
    }
    expect([asked, server.batches]).toEqual([1, [1]]);
  });

  it("by somebody else's run keeps that one, and evaluates it", async () => {
    const task = ({ sourceId, input }: TaskGiven<Example>): number => {
      server.runs.set(`${sourceId} 1`, { source_id: sourceId, repetition: 1, output: 2 * input.n });
      return 7;
    };
    await client.resumeExperiment({ experimentId: EXPERIMENT, task, evaluators: [right] });
    expect([...server.evaluations.values()].map((each) => each.label)).toEqual(Array(10).fill("true"));
  });
});
