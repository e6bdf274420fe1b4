/**
 * Two experiments beside each other: per evaluation the means and the paired difference, with how sure it is.
 *
 * Owns the interval. Paired are the examples whose content is the same in both versions, each by the mean of its repetitions;
 * the server counts and sums.
 */
import { short, table, type ExperimentInfo } from "./experiments.js";
import { camelRow, type CamelRow, type Schemas } from "./names.js";
import type { Page, Requests } from "./requests.js";
import { segment } from "./transport.js";

const PAGE = 500;

// Student's t at 97.5 %, by degrees of freedom from 1; beyond, the expansion below is exact to five digits.
const T = [
  ...[12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139],
  ...[2.200985, 2.178813, 2.160369, 2.144787, 2.13145, 2.119905, 2.109816, 2.100922, 2.093024, 2.085963],
];
const Z = 1.959963984540054;

/** What one evaluation came to in both experiments. */
export interface EvaluationComparison {
  readonly name: string;
  readonly baseCount: number;
  readonly baseMean: number | null;
  readonly otherCount: number;
  readonly otherMean: number | null;
  readonly pairedCount: number;
  /** other - base, mean over the paired examples. */
  readonly delta: number | null;
  readonly standardError: number | null;
  /** Of the delta, 95 %. */
  readonly interval: readonly [number, number] | null;
  readonly better: number;
  readonly worse: number;
  readonly equal: number;
  /** Whether the interval leaves zero out. */
  readonly isClear: boolean;
}

/** A run within a comparison. */
export type ComparedRun = CamelRow<Schemas["ComparedRun"]>;
/** An example with the runs of both; `contentDiffers` marks those whose content changed in between. */
export type ComparedExample = Omit<CamelRow<Schemas["ComparedExample"]>, "baseRuns" | "otherRuns"> & {
  readonly baseRuns: readonly ComparedRun[];
  readonly otherRuns: readonly ComparedRun[];
};

/** Two experiments of one dataset. `examples()` reads the examples; as a text it is the summary. */
export class Comparison {
  readonly base: ExperimentInfo;
  readonly other: ExperimentInfo;
  readonly evaluations: readonly EvaluationComparison[];
  readonly #requests: Requests;

  constructor(requests: Requests, answer: Omit<Schemas["Comparison"], "items" | "next_cursor">) {
    this.#requests = requests;
    this.base = camelRow(answer.base);
    this.other = camelRow(answer.other);
    this.evaluations = answer.evaluations.map(compared);
  }

  /** The examples, each with the runs of both. */
  async *examples(signal?: AbortSignal): AsyncGenerator<ComparedExample, void, undefined> {
    const path = pathOf(this.base.experimentId, this.other.experimentId);
    for await (const row of this.#requests.pages<Schemas["ComparedExample"]>(path, { limit: PAGE }, signal)) {
      yield { ...camelRow(row), baseRuns: row.base_runs.map(camelRow), otherRuns: row.other_runs.map(camelRow) };
    }
  }

  toString(): string {
    const head = [`base  ${named(this.base)}`, `other ${named(this.other)}`];
    const rows = [["evaluation", "base", "other", "paired", "delta", "std. error", "better", "worse", "95 % interval"]];
    for (const each of this.evaluations) {
      const means = [short(each.baseMean), short(each.otherMean), `${each.pairedCount}`];
      const deltas = [signed(each.delta), short(each.standardError), `${each.better}`, `${each.worse}`];
      const interval = each.interval ? each.interval.map(signed).join(" to ") : "";
      rows.push([each.name, ...means, ...deltas, interval]);
    }
    return [...head, ...table(rows)].join("\n");
  }
}

/** The comparison of two experiments, by their ids. */
export async function comparison(requests: Requests, base: string, other: string, signal?: AbortSignal): Promise<Comparison> {
  type First = Schemas["Comparison"] & Page<Schemas["ComparedExample"]>;
  return new Comparison(requests, await requests.page<First>(pathOf(base, other), { limit: 1 }, signal));
}

/** An evaluation's figures, with the standard error and the interval of their difference. */
export function compared(row: Schemas["ComparedEvaluation"]): EvaluationComparison {
  const { paired_delta_mean: delta, paired_delta_sd: deviation, ...rest } = row;
  const count = row.paired_count;
  let standardError: number | null = null;
  let interval: [number, number] | null = null;
  if (count > 1 && delta !== null && deviation !== null) {
    standardError = deviation / Math.sqrt(count);
    const reach = tOf(count - 1) * standardError;
    interval = [delta - reach, delta + reach];
  }
  const isClear = interval !== null && (interval[0] > 0 || interval[1] < 0);
  return { ...camelRow(rest), delta, standardError, interval, isClear };
}

/** Student's t at 97.5 %: few pairs are less sure than the normal distribution says. */
export function tOf(freedom: number): number {
  const known = T[freedom - 1];
  if (known !== undefined) return known;
  const [z, n] = [Z, freedom];
  // Cornish and Fisher's expansion.
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + first / n + second / n ** 2 + third / n ** 3;
}

function pathOf(base: string, other: string): string {
  return `/v1/experiments/${segment(base)}/compare/${segment(other)}`;
}

function named(experiment: ExperimentInfo): string {
  const name = experiment.name ? `${experiment.name} ` : "";
  return `${name}${experiment.experimentId}, ${experiment.datasetSlug} version ${experiment.versionSequence}`;
}

function signed(value: number | null): string {
  return value === null ? "" : `${value < 0 ? "" : "+"}${short(value)}`;
}
