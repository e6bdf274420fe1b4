/**
 * An experiment and its results, as TypeScript sees them.
 *
 * Owns `Experiment` and the table that it describes itself by: how many runs succeeded, which errors there were, what each
 * evaluation came to.
 */
import { camelRow, type CamelRow, type Schemas } from "./names.js";
import type { Requests } from "./requests.js";
import { segment } from "./transport.js";

const PAGE = 250; // outputs may be large
const KIND = 60;
const SHOWN = 5;

/** All that the server knows of an experiment. */
export type ExperimentInfo = CamelRow<Schemas["Experiment"]>;
/** An evaluation of a run, as it is recorded. */
export type Evaluation = CamelRow<Schemas["Evaluation"]>;
/** A run as it is recorded, with its evaluations. */
export type Run = Omit<CamelRow<Schemas["Run"]>, "evaluations"> & { readonly evaluations: readonly Evaluation[] };

/** How many runs there are, by what became of them. */
export interface RunCounts {
  readonly expected: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly missing: number;
}

/** What the results of one evaluation come to; `mean` is null without scores. */
export interface EvaluationSummary {
  readonly scores: number;
  readonly mean: number | null;
  readonly labels: ReadonlyMap<string, number>;
  readonly errors: number;
}

/** What the runs of an experiment come to. */
export interface ExperimentSummary {
  readonly errorKinds: ReadonlyMap<string, number>;
  readonly evaluations: ReadonlyMap<string, EvaluationSummary>;
}

/** An experiment on one version of a dataset. `await experiment.describe()` shows what its runs came to. */
export class Experiment {
  readonly info: ExperimentInfo;
  readonly #requests: Requests;

  constructor(requests: Requests, row: Schemas["Experiment"]) {
    this.#requests = requests;
    this.info = camelRow(row);
  }

  get experimentId(): string {
    return this.info.experimentId;
  }

  get name(): string | null {
    return this.info.name;
  }

  get datasetId(): string {
    return this.info.datasetId;
  }

  /** The version of the dataset that it ran on. */
  get versionId(): string {
    return this.info.versionId;
  }

  /** How many runs there were when the experiment was looked at. */
  get counts(): RunCounts {
    const { expectedRunCount, successfulRunCount, failedRunCount, missingRunCount } = this.info;
    return { expected: expectedRunCount, succeeded: successfulRunCount, failed: failedRunCount, missing: missingRunCount };
  }

  /** What the runs came to, read from the server. */
  async summary(signal?: AbortSignal): Promise<ExperimentSummary> {
    const errorKinds = new Map<string, number>();
    const evaluations = new Map<string, EvaluationSummary>();
    for await (const run of this.runs(signal)) {
      if (run.error !== null) addOne(errorKinds, run.error.replace(/:.*/s, "").slice(0, KIND));
      for (const { name, score, label, error } of run.evaluations) {
        const before = evaluations.get(name) ?? { scores: 0, mean: null, labels: new Map<string, number>(), errors: 0 };
        const scores = before.scores + Number(score !== null);
        const mean = score === null ? before.mean : (before.mean ?? 0) + (score - (before.mean ?? 0)) / scores;
        if (label !== null) addOne(before.labels, label);
        evaluations.set(name, { scores, mean, labels: before.labels, errors: before.errors + Number(error !== null) });
      }
    }
    return { errorKinds, evaluations };
  }

  /** The runs that are recorded, each with its evaluations. */
  async *runs(signal?: AbortSignal): AsyncGenerator<Run, void, undefined> {
    const path = `/v1/experiments/${segment(this.experimentId)}/runs`;
    for await (const row of this.#requests.pages<Schemas["Run"]>(path, { limit: PAGE }, signal)) {
      yield { ...camelRow(row), evaluations: row.evaluations.map(camelRow) };
    }
  }

  /** The results as lines of text. */
  async describe(signal?: AbortSignal): Promise<string> {
    return lines(this.info, this.counts, await this.summary(signal)).join("\n");
  }
}

/** An experiment, by its id. */
export async function experimentAt(requests: Requests, id: string, signal?: AbortSignal): Promise<Experiment> {
  const path = `/v1/experiments/${segment(id)}`;
  return new Experiment(requests, await requests.read<Schemas["Experiment"]>(path, "experiment_id", {}, signal));
}

/** Experiments, the newest first; of one dataset where it is named. */
export async function* experimentsOf(requests: Requests, dataset?: string, signal?: AbortSignal): AsyncGenerator<Experiment> {
  for await (const row of requests.pages<Schemas["Experiment"]>("/v1/experiments", { dataset, limit: PAGE }, signal)) {
    yield new Experiment(requests, row);
  }
}

function lines(info: ExperimentInfo, counts: RunCounts, summary: ExperimentSummary): string[] {
  const { expected, succeeded, failed, missing } = counts;
  const rows = [["evaluation", "scores", "mean", "errors", "labels"]];
  for (const [name, each] of [...summary.evaluations].sort(byName)) {
    const labels = most(each.labels).map(([label, count]) => `${label} ${count}`);
    rows.push([name, `${each.scores}`, short(each.mean), `${each.errors}`, labels.join(", ")]);
  }
  return [
    `experiment ${info.name ? `${info.name} ` : ""}${info.experimentId}`,
    `  on       ${info.datasetSlug}, version ${info.versionSequence}`,
    `  runs     ${succeeded} of ${expected} succeeded, ${failed} failed, ${missing} missing`,
    ...most(summary.errorKinds).map(([kind, count]) => `  errors   ${count} x ${kind}`),
    ...table(rows),
  ];
}

function addOne(counts: ReadonlyMap<string, number>, name: string): void {
  (counts as Map<string, number>).set(name, (counts.get(name) ?? 0) + 1);
}

function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1;
}

/** Of the same number in the order of their names, whatever came first. */
function most(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].sort((one, other) => other[1] - one[1] || byName(one, other)).slice(0, SHOWN);
}

/** Rows below their head as aligned lines; the first column is text, the rest numbers but for the last. */
export function table(rows: readonly (readonly string[])[]): string[] {
  if (rows.length < 2) return [];
  const padded = (text: string, column: number, row: readonly string[]): string => {
    const width = Math.max(...rows.map((each) => each[column]?.length ?? 0));
    if (!column) return text.padEnd(width);
    return column === row.length - 1 ? text : text.padStart(width);
  };
  return rows.map((row) => `  ${row.map(padded).join("  ")}`.trimEnd());
}

/** A number with four digits; nothing where there is none. */
export function short(value: number | null): string {
  return value === null ? "" : String(Number(value.toPrecision(4)));
}
