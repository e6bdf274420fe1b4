/**
 * What experiments need, as one part: a page that only reads and upserts does not load it.
 */
export { comparison } from "./comparing.js";
export { experimentAt, experimentsOf } from "./experiments.js";
export { evaluateExperiment, resumeExperiment, runExperiment } from "./running.js";
