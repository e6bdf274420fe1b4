/**
 * Experiments as they run: begun, gone on with, evaluated.
 *
 * Owns what an interruption leaves, and where the work comes from: always from what the server says is missing, so that going on
 * is the same as beginning.
 */
import { metadataOf } from "./canonical.js";
import { addressOf, type DatasetRef } from "./datasets.js";
import { Engine, type Limits, type Work } from "./engine.js";
import { Experiment, experimentAt } from "./experiments.js";
import { boundEvaluators, boundTask, type Bound, type Evaluator, type Task } from "./functions.js";
import type { Schemas } from "./names.js";
import { ArgumentInvalid, Interrupted, Stage1Error } from "./problems.js";
import type { Requests } from "./requests.js";
import { Sender, type OnConflict } from "./sending.js";
import { newId, segment } from "./transport.js";
import type { Progress } from "./upserts.js";

const PAGE = 200;

/** How the work is done. */
export interface WorkOptions {
  /** How many tasks are at work at once; 8 where nothing is said. */
  readonly concurrency?: number | undefined;
  /** How many more tries a task or an evaluator has that fails. */
  readonly retries?: number | undefined;
  /** How many milliseconds one try may take. */
  readonly timeoutMs?: number | undefined;
  /** Ends the work; what is done by then is recorded. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: Progress | undefined;
}

/** What a new experiment is told. */
export interface RunOptions<Output = unknown> extends WorkOptions {
  readonly dataset: DatasetRef;
  readonly task: Task<Output>;
  readonly evaluators?: readonly Evaluator<NoInfer<Output>>[] | undefined;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly repetitions?: number | undefined;
}

/** What is gone on with. */
export interface ResumeOptions<Output = unknown> extends WorkOptions {
  readonly experimentId: string;
  readonly task: Task<Output>;
  readonly evaluators?: readonly Evaluator<NoInfer<Output>>[] | undefined;
}

/** What is evaluated. */
export interface EvaluateOptions extends WorkOptions {
  readonly experimentId: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what the task returned is known to the one who made it
  readonly evaluators: readonly Evaluator<any>[];
}

interface Plan extends Limits {
  readonly requests: Requests;
  readonly task: Bound | undefined;
  readonly evaluators: readonly Bound[];
  readonly onConflict: OnConflict;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: Progress | undefined;
}

/** Runs the task on every example of a version and evaluates its outputs. */
export async function runExperiment<Output>(requests: Requests, options: RunOptions<Output>): Promise<Experiment> {
  const { dataset, name, description, metadata, repetitions, signal } = options;
  const plan = planned(requests, options.task, options, "refuse");
  const body = {
    ...addressOf(dataset),
    name,
    description,
    metadata: metadataOf(metadata),
    // The id is made here, so that the same request sent twice makes one experiment.
    experiment_id: newId(),
    repetitions,
  };
  const writing = { has: "experiment_id", isSafe: true, signal };
  const row = await requests.write<Schemas["Experiment"]>("POST", "/v1/experiments", body, writing);
  return carriedOut(plan, new Experiment(requests, row));
}

/** Makes the runs that are missing or failed, and the evaluations that are; what succeeded stays. */
export async function resumeExperiment<Output>(requests: Requests, options: ResumeOptions<Output>): Promise<Experiment> {
  const plan = planned(requests, options.task, options, "keep");
  return carriedOut(plan, await experimentAt(requests, options.experimentId, options.signal));
}

/** Makes the evaluations that are missing or failed, of the outputs that are recorded. */
export async function evaluateExperiment(requests: Requests, options: EvaluateOptions): Promise<Experiment> {
  const plan = planned(requests, undefined, options, "keep");
  return carriedOut(plan, await experimentAt(requests, options.experimentId, options.signal));
}

type Options = WorkOptions & { readonly evaluators?: readonly Evaluator<never>[] | undefined };

/** What is to be done, checked before anything is. */
function planned(requests: Requests, task: Task | undefined, options: Options, onConflict: OnConflict): Plan {
  const { concurrency = 8, retries = 0, timeoutMs, signal, onProgress } = options;
  for (const [name, given, least] of [
    ["concurrency", concurrency, 1],
    ["retries", retries, 0],
    ["timeoutMs", timeoutMs ?? 1, 1],
  ] as const) {
    if (!Number.isInteger(given) || given < least) {
      throw new ArgumentInvalid(`${name} was ${given}; a whole number from ${least} on was expected.`);
    }
  }
  const bound = task || onConflict === "refuse" ? boundTask(task) : undefined;
  const evaluators = boundEvaluators(options.evaluators);
  signal?.throwIfAborted();
  // What tasks made may have cost much: it is not given up because the server is away for a moment.
  return { requests: requests.patient(), task: bound, evaluators, concurrency, retries, timeoutMs, signal, onProgress, onConflict };
}

/** Makes the runs that are missing or failed, then the evaluations that are; whatever ends it names the experiment. */
async function carriedOut(plan: Plan, experiment: Experiment): Promise<Experiment> {
  const { experimentId } = experiment;
  const goesOn = `resumeExperiment({ experimentId: "${experimentId}", ... }) goes on.`;
  let unsent = "";
  try {
    return await allOfIt(plan, experiment);
  } catch (problem) {
    if (problem instanceof Stage1Error) {
      Object.assign(problem, { hint: `${problem.hint} Then ${goesOn}`.trim() });
      unsent = ` The last results could not be sent: ${problem.message}`;
    } else if (problem !== plan.signal?.reason) throw problem;
    if (!plan.signal?.aborted) throw problem;
  }
  const message = `Interrupted. What was done is kept in experiment ${experimentId}; ${goesOn}${unsent}`;
  throw new Interrupted(message, experimentId, plan.signal.reason);
}

async function allOfIt(plan: Plan, { experimentId, counts }: Experiment): Promise<Experiment> {
  const { task, evaluators, onConflict, requests, signal } = plan;
  let isAlone = onConflict === "refuse";
  if (task) {
    const { kept } = await worked(plan, experimentId, missingRuns, "runs", counts.missing + counts.failed);
    isAlone &&= !kept;
  }
  if (evaluators.length && !isAlone) await worked(plan, experimentId, missingEvaluations, "evaluations");
  return experimentAt(requests, experimentId, signal);
}

type Source = (plan: Plan, path: string, signal: AbortSignal) => AsyncGenerator<Work>;

async function worked(plan: Plan, experimentId: string, source: Source, what: string, total?: number): Promise<Sender> {
  const engine = new Engine(plan, (done) => plan.onProgress?.({ what, done, total }));
  const sender = new Sender(plan.requests, experimentId, plan.onConflict, engine.stop);
  const works = (signal: AbortSignal): AsyncGenerator<Work> => source(plan, `/v1/experiments/${segment(experimentId)}`, signal);
  await engine.run(works, sender, plan.signal);
  plan.signal?.throwIfAborted();
  return sender;
}

async function* missingRuns({ requests, task, evaluators }: Plan, path: string, signal: AbortSignal): AsyncGenerator<Work> {
  for await (const row of requests.pages<Schemas["MissingRuns"]>(`${path}/runs/missing`, { limit: PAGE }, signal)) {
    for (const repetition of row.repetitions) yield { ...row, sourceId: row.source_id, repetition, task, evaluators };
  }
}

async function* missingEvaluations({ requests, evaluators }: Plan, path: string, signal: AbortSignal): AsyncGenerator<Work> {
  const query = { name: evaluators.map(({ name }) => name), limit: PAGE };
  for await (const row of requests.pages<Schemas["MissingEvaluations"]>(`${path}/evaluations/missing`, query, signal)) {
    const wanted = evaluators.filter(({ name }) => row.names.includes(name));
    yield { ...row, sourceId: row.source_id, evaluators: wanted, recorded: JSON.stringify(row.run_output) };
  }
}
