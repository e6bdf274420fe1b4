/** An experiment in memory, answering as the server does, with faults: for what the runner makes of them. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

export const EXPERIMENT = "11111111-1111-4111-8111-111111111111";

/** What goes wrong with a request; "after" and "within" happen when the server has done what was asked. */
export type Fault = "before" | "after" | "within" | "html" | "silent" | { status: number; headers?: Record<string, string>; code?: string };

interface Recorded {
  source_id: string;
  repetition: number;
  output?: unknown;
  error?: string;
  name?: string;
  label?: string;
  score?: number;
}

export class ExperimentServer {
  examples = 10;
  repetitions = 1;
  readonly runs = new Map<string, Recorded>();
  readonly evaluations = new Map<string, Recorded>();
  readonly batches: number[] = [];
  /** How often each run was recorded, and each evaluation. */
  readonly times = new Map<string, number>();
  readonly experiments = new Set<unknown>();
  readonly asked: string[] = [];
  /** What is to happen to the next request of that end of a path. */
  readonly faults = new Map<string, Fault[]>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        const raw = Buffer.concat(pieces);
        const text = (request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw).toString();
        this.#answer(response, new URL(request.url ?? "", this.url), text ? JSON.parse(text) : undefined);
      });
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(response: ServerResponse, { pathname, searchParams }: URL, body: unknown): void {
    const name = pathname.replace(/^\/v1\/experiments(\/[^/]+)?/, "");
    this.asked.push(name);
    const fault = this.faults.get(name)?.shift();
    if (typeof fault === "object") {
      const { status, headers, code } = fault;
      response.writeHead(status, { "Content-Type": "application/problem+json", ...headers });
      response.end(JSON.stringify({ title: "No.", detail: "Not so.", code }));
      return;
    }
    if (fault === "silent") return;
    if (fault === "before") {
      response.socket?.destroy();
      return;
    }
    if (fault === "html") {
      response.writeHead(200, { "Content-Type": "text/html" }).end("<html>Log in");
      return;
    }
    const answer = JSON.stringify(this.#answers(name, searchParams, body));
    if (fault === "after") {
      response.socket?.destroy();
      return;
    }
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(answer) });
    if (fault === "within") response.write(answer.slice(0, 5), () => response.socket?.destroy());
    else response.end(answer);
  }

  #answers(name: string, query: URLSearchParams, body: unknown): unknown {
    switch (name) {
      case "":
        if (body) this.experiments.add((body as { experiment_id: string }).experiment_id);
        return this.#info();
      case "/runs/missing":
        return this.#missingRuns(Number(query.get("cursor") ?? 0));
      case "/runs/batch":
        return this.#recorded(body as { runs: Recorded[]; on_conflict: string });
      case "/evaluations/batch":
        return this.#evaluated(body as { evaluations: Recorded[] });
      case "/evaluations/missing":
        return { items: this.#missingEvaluations(query.getAll("name")), next_cursor: null };
      default:
        return { items: this.#all(), next_cursor: null };
    }
  }

  #info(): object {
    const failed = [...this.runs.values()].filter((run) => run.error !== undefined).length;
    const expected = this.examples * this.repetitions;
    return {
      experiment_id: EXPERIMENT,
      dataset_id: "d",
      dataset_slug: "set",
      version_id: "v",
      version_sequence: 3,
      name: "first",
      expected_run_count: expected,
      successful_run_count: this.runs.size - failed,
      failed_run_count: failed,
      missing_run_count: expected - this.runs.size,
    };
  }

  #example(n: number): object {
    const source_id = `s${String(n).padStart(4, "0")}`;
    return { source_id, input: { n }, output: { double: 2 * n }, metadata: {}, content_hash: "h" };
  }

  #missingRuns(begin: number): object {
    const until = Math.min(begin + 4, this.examples); // small pages
    const items = [];
    for (let n = begin; n < until; n += 1) {
      const example = this.#example(n) as { source_id: string };
      const all = Array.from({ length: this.repetitions }, (_, place) => place + 1);
      const repetitions = all.filter((each) => (this.runs.get(keyOf(example.source_id, each)) ?? { error: "" }).error !== undefined);
      if (repetitions.length) items.push({ ...example, repetitions });
    }
    return { items, next_cursor: until < this.examples ? String(until) : null };
  }

  #recorded(given: { runs: Recorded[]; on_conflict: string }): object {
    const counts = { recorded: 0, replaced: 0, unchanged: 0, kept: 0 };
    this.batches.push(given.runs.length);
    for (const run of given.runs) {
      const key = keyOf(run.source_id, run.repetition);
      const before = this.runs.get(key);
      if (before && before.error === undefined) {
        counts[JSON.stringify(before.output) === JSON.stringify(run.output) ? "unchanged" : "kept"] += 1;
        continue;
      }
      counts[before ? "replaced" : "recorded"] += 1;
      this.runs.set(key, run);
      this.times.set(key, (this.times.get(key) ?? 0) + 1);
    }
    if (counts.kept && given.on_conflict !== "keep") throw new Error("a run was to be replaced");
    return counts;
  }

  #evaluated({ evaluations }: { evaluations: Recorded[] }): object {
    for (const each of evaluations) {
      const key = keyOf(each.source_id, each.repetition);
      const run = this.runs.get(key);
      if (!run || run.error !== undefined) throw new Error(`${key} is no success`);
      this.evaluations.set(`${key} ${each.name ?? ""}`, each);
    }
    return { recorded: evaluations.length, replaced: 0, unchanged: 0 };
  }

  #missingEvaluations(names: readonly string[]): unknown[] {
    return [...this.runs].flatMap(([key, run]) => {
      const left = names.filter((name) => (this.evaluations.get(`${key} ${name}`) as { error?: string } | undefined)?.error !== undefined || !this.evaluations.has(`${key} ${name}`));
      const example = this.#example(Number(run.source_id.slice(1)));
      const { repetition, output } = run;
      return run.error === undefined && left.length ? [{ ...example, run_id: 1, repetition, run_output: output, names: left }] : [];
    });
  }

  #all(): unknown[] {
    return [...this.runs].map(([key, run]) => {
      const evaluations = [...this.evaluations].filter(([of]) => of.startsWith(`${key} `)).map(([, each]) => ({ error: null, score: null, label: null, ...each }));
      return { error: null, output: null, attempt: 1, recorded_at: null, ...run, evaluations };
    });
  }
}

export function keyOf(sourceId: string, repetition: number): string {
  return `${sourceId} ${repetition}`;
}

export interface Example {
  n: number;
}

/** The task of these tests, and whether its output is what the example expects. */
export const double = ({ input }: { input: Example }): number => 2 * input.n;
export const right = ({ output, expected }: { output: number; expected: { double: number } }): boolean =>
  output === expected.double;
