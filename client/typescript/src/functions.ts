/**
 * Tasks and evaluators: what a function is given, and what becomes of what it returns.
 *
 * Owns their names. Refuses, before anything runs, what is no function, and names that are missing or given twice.
 */
import { canonicalText, MAX_DEPTH } from "./canonical.js";
import { ArgumentInvalid, isObject, shown } from "./problems.js";
import { bytesOf, counted } from "./rows.js";

const DEPTH = MAX_DEPTH - 3; // what it is sent in stands around it
const MOST_BYTES = 16 * 1024 * 1024; // of an output; a body of the server's has at most 32 MiB
const MOST_BYTES_OF_PARTS = 1024 * 1024;
const LARGEST_SCORE = 1e100; // comparisons add squares
const RESULT: Readonly<Record<string, string>> = { score: "number", label: "string", explanation: "string", metadata: "object" };
const KINDS = ["CODE", "LLM", "HUMAN"];

/* eslint-disable @typescript-eslint/no-explicit-any -- what an example holds is known to the one who made it */

/** What a task is given. `expected` and `output` are the example's output; `signal` ends when nobody waits any more. */
export interface TaskGiven<Input = any, Expected = any> {
  readonly input: Input;
  readonly expected: Expected;
  readonly output: Expected;
  readonly metadata: any;
  readonly sourceId: string;
  readonly repetition: number;
  readonly signal: AbortSignal;
}

/** What an evaluator is given: as a task, but `output` is what the task returned. */
export interface EvaluatorGiven<Output = any, Input = any, Expected = any> extends Omit<TaskGiven<Input, Expected>, "output"> {
  readonly output: Output;
}
/* eslint-enable @typescript-eslint/no-explicit-any */

/** Called for every example; gives any JSON value, or a promise of one. */
export type Task<Output = unknown> = (given: TaskGiven) => Output | Promise<Output>;
/** Gives a boolean, a number (a score), a text (a label), an object of score, label, explanation and metadata, or null. */
export type Evaluate<Output = unknown> = (given: EvaluatorGiven<Output>) => unknown;
/** A function that has a name, or one with the name under which its results are kept. */
export type Evaluator<Output = unknown> =
  | Evaluate<Output>
  | { readonly name: string; readonly kind?: "CODE" | "LLM" | "HUMAN"; readonly evaluate: Evaluate<Output> };

/** A function and how it is called. */
export interface Bound {
  readonly name: string;
  readonly kind: string;
  readonly call: (given: TaskGiven) => unknown;
}

/** What an evaluator's return value stands for: its score, label, explanation and metadata, as they are sent. */
export type Result = Readonly<Record<string, unknown>>;

export function boundTask(task: Task | undefined): Bound {
  if (typeof task !== "function") throw new ArgumentInvalid(`The task is a ${typeof task}; a function was expected.`);
  return { name: task.name || "the task", kind: "CODE", call: task };
}

/** Evaluators by their names. */
export function boundEvaluators(evaluators: readonly Evaluator<never>[] = []): Bound[] {
  if (!Array.isArray(evaluators)) throw new ArgumentInvalid("evaluators is an array of functions, or of { name, evaluate }.");
  const names = new Set<string>();
  return (evaluators as Evaluator[]).map((given) => {
    const { evaluate, kind = "CODE" } = typeof given === "function" ? { evaluate: given } : given;
    const { name = "" } = given as { name?: string };
    if (!name || names.has(name)) {
      throw new ArgumentInvalid(`An evaluator's name was ${shown(name)}; each needs one of its own.`, "{ name, evaluate }");
    }
    names.add(name);
    if (typeof evaluate !== "function" || !KINDS.includes(kind)) {
      throw new ArgumentInvalid(`The evaluator ${shown(name)} has no function, or a kind that is none of ${KINDS.join(", ")}.`);
    }
    return { name, kind, call: evaluate };
  });
}

/** The canonical text of a task's return value. Throws where it has none, or is too large to be sent. */
export function outputOf(returned: unknown): string {
  return textOf(returned, MOST_BYTES);
}

/** The score, label and explanation that an evaluator's return value stands for. Throws where it is none. */
export function resultOf(returned: unknown = null): Result {
  if (returned === null) return {};
  if (typeof returned === "boolean") return { score: Number(returned), label: String(returned) };
  const found = JSON.parse(textOf(returned, MOST_BYTES_OF_PARTS)) as unknown;
  if (typeof found === "string") return { label: found };
  if (typeof found === "number") {
    if (Math.abs(found) > LARGEST_SCORE) throw new RangeError("a score lies between -1e100 and 1e100");
    return { score: found };
  }
  if (!isObject(found)) throw new TypeError("an array is no evaluation; a boolean, a number, a text, an object or null is");
  const result: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(found)) {
    const kind = RESULT[name];
    if (!kind) throw new TypeError(`${shown(name)} is no part of an evaluation; these are ${Object.keys(RESULT).join(", ")}`);
    if (item === null) continue;
    const isTruth = typeof item === "boolean" && kind !== "object";
    if (Array.isArray(item) || !(typeof item === kind || isTruth)) throw new TypeError(`${name} was no ${kind}`);
    if (name === "score") Object.assign(result, { ...resultOf(item), ...result });
    else result[name] = isTruth ? `${item}` : item;
  }
  return result;
}

function textOf(value: unknown, most: number): string {
  let text;
  try {
    text = canonicalText(value, DEPTH);
  } catch (problem) {
    throw new TypeError(`what was returned is no JSON value: ${(problem as Error).message}`);
  }
  if (bytesOf(text, most) > most) {
    throw new RangeError(`what was returned has more than ${counted(most)} bytes. Keep it in a file and return its name`);
  }
  return text;
}
