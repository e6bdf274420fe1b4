/** The TypeScript client of stage1. `Client` is where to begin. */
export { canonicalText, contentText, MAX_DEPTH } from "./canonical.js";
export { Client, type ClientOptions, type DatasetChoice, type RestoreOptions } from "./client.js";
export type { ComparedExample, ComparedRun, Comparison, EvaluationComparison } from "./comparing.js";
export {
  Dataset,
  type DatasetRef,
  type Diff,
  type Difference,
  type Example,
  type HistoryEvent,
  type JsonObject,
  type Summary,
  type Version,
  type VersionChoice,
} from "./datasets.js";
export type {
  Evaluation,
  EvaluationSummary,
  Experiment,
  ExperimentInfo,
  ExperimentSummary,
  Run,
  RunCounts,
} from "./experiments.js";
export type { Evaluate, Evaluator, EvaluatorGiven, Task, TaskGiven } from "./functions.js";
export { contentHash, sha256Hex } from "./hashing.js";
export {
  AnswerNotUnderstood,
  ArgumentInvalid,
  ContentRefused,
  Interrupted,
  Refused,
  ServerUnavailable,
  Stage1Error,
  type Problem,
  type Reason,
  type ShapeFault,
} from "./problems.js";
export type { ExampleRow } from "./rows.js";
export type { EvaluateOptions, ResumeOptions, RunOptions, WorkOptions } from "./running.js";
export type { Progress, ProgressEvent, UpsertOptions } from "./upserts.js";
