/**
 * The work of an experiment: tasks and evaluators, so many at once, and one sender.
 *
 * Owns what happens to a run: called, tried again, timed, evaluated, handed to the sender. A failing task or evaluator is a
 * result with its message. Work comes as pages that are read when they are wanted. Refuses nothing.
 */
import type { JsonObject } from "./datasets.js";
import { outputOf, resultOf, type Bound, type TaskGiven } from "./functions.js";
import { pause } from "./retries.js";
import type { Outcome, Sender } from "./sending.js";
import { LONGEST_TIMER } from "./watches.js";

const LONGEST_MESSAGE = 4000;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5000;
const LONGEST_TURN = 50; // milliseconds without a turn for anything else

/** One run to make; or one that is recorded, whose evaluations are to be made. */
export interface Work {
  readonly sourceId: string;
  readonly input: JsonObject;
  readonly output: JsonObject;
  readonly metadata: JsonObject;
  readonly repetition: number;
  readonly task?: Bound | undefined;
  readonly evaluators: readonly Bound[];
  /** What a recorded run came to, as JSON. */
  readonly recorded?: string;
}

/** How the work is done. */
export interface Limits {
  readonly concurrency: number;
  readonly retries: number;
  readonly timeoutMs: number | undefined;
}

/** Does work until there is none, or until it is told to stop. */
export class Engine {
  readonly #limits: Limits;
  readonly #noted: (done: number) => void;
  readonly #halt = new AbortController();
  #failure: unknown;
  #done = 0;
  #since = performance.now();

  constructor(limits: Limits, noted: (done: number) => void) {
    this.#limits = limits;
    this.#noted = noted;
  }

  /** Gives the rest of the work up. One failure ends it; the others are its consequences. */
  readonly stop = (problem?: unknown): void => {
    if (!this.#halt.signal.aborted) this.#failure = problem;
    this.#halt.abort();
  };

  /** Does all of the work; what is done is sent, also when the rest is given up. */
  async run(works: (signal: AbortSignal) => AsyncGenerator<Work>, sender: Sender, signal?: AbortSignal): Promise<void> {
    const halt = this.#halt.signal;
    const aborted = (): void => {
      this.stop();
      sender.hurry();
    };
    signal?.addEventListener("abort", aborted);
    if (signal?.aborted) aborted();
    const source = works(halt);
    await Promise.all(Array.from({ length: this.#limits.concurrency }, () => this.#consume(source, sender).catch(this.stop)));
    await sender.end();
    signal?.removeEventListener("abort", aborted);
    // Also where the work was given up before: who ended it is told that its last results are not kept.
    this.#failure ??= sender.failure;
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- what was thrown there, whatever it is
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #consume(works: AsyncGenerator<Work>, sender: Sender): Promise<void> {
    while (!this.#halt.signal.aborted) {
      const next = await works.next();
      if (next.done) return;
      const work = next.value;
      const outcome: Outcome = { evaluations: [] };
      try {
        await this.#do(work, outcome);
      } finally {
        // A run that was made is kept, though not all of its evaluations are.
        if (outcome.run ?? outcome.evaluations[0]) await sender.put(outcome);
      }
      this.#done += 1;
      this.#noted(this.#done);
      await this.#breathe();
    }
  }

  /** Functions that never wait leave no turn to the sender, nor to whoever may want to stop them. */
  async #breathe(): Promise<void> {
    if (performance.now() - this.#since < LONGEST_TURN) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.#since = performance.now();
  }

  async #do(work: Work, outcome: Outcome): Promise<void> {
    const { task, sourceId, repetition } = work;
    const key = { source_id: sourceId, repetition };
    let output = work.recorded;
    if (task) {
      const { result, ...said } = await this.#tried(task, work, undefined, outputOf);
      const text = JSON.stringify({ ...key, ...said });
      outcome.run = result ? `${text.slice(0, -1)},"output":${result}}` : text;
      if (!result) return;
      output = result;
    }
    for (const evaluator of work.evaluators) {
      const { result, ...said } = await this.#tried(evaluator, work, output, resultOf);
      outcome.evaluations.push(JSON.stringify({ ...key, name: evaluator.name, annotator_kind: evaluator.kind, ...said, ...result }));
    }
  }

  async #tried<Read>(bound: Bound, work: Work, output: string | undefined, form: (returned: unknown) => Read): Promise<Tried<Read>> {
    this.#halt.signal.throwIfAborted();
    // Both times are of one clock, which is never set back.
    const began = Date.now();
    const before = performance.now();
    const ended = (): object => ({
      started_at: new Date(began).toISOString(),
      finished_at: new Date(began + (performance.now() - before)).toISOString(),
    });
    for (let tries = 0; ; tries += 1) {
      try {
        return { result: form(await this.#called(bound, work, output)), ...ended() };
      } catch (problem) {
        if (this.#halt.signal.aborted) throw problem;
        if (tries >= this.#limits.retries) return { error: messageOf(problem), ...ended() };
      }
      await pause(Math.min(FIRST_PAUSE * 2 ** tries, LONGEST_PAUSE), this.#halt.signal);
    }
  }

  /** What a function returns, unless the time is up or the work is given up before: then nobody waits for it any more. */
  #called(bound: Bound, work: Work, output: string | undefined): Promise<unknown> {
    const { timeoutMs } = this.#limits;
    const halt = this.#halt.signal;
    const own = new AbortController();
    return new Promise<unknown>((resolve, reject: (reason: Error) => void) => {
      const give = (reason: Error): void => {
        reject(reason);
        own.abort(reason);
      };
      const end = (): void => {
        give(halt.reason as Error);
      };
      const late = (): void => {
        give(new DOMException(`${bound.name} took longer than ${(timeoutMs ?? 0) / 1000} s`, "TimeoutError"));
      };
      const timer = timeoutMs && setTimeout(late, Math.min(timeoutMs, LONGEST_TIMER));
      halt.addEventListener("abort", end);
      void Promise.resolve()
        .then(() => bound.call(givenOf(work, output, own.signal)))
        .then(resolve, reject)
        .finally(() => {
          clearTimeout(timer);
          halt.removeEventListener("abort", end);
        });
    });
  }
}

interface Tried<Read> {
  readonly result?: Read;
  readonly error?: string;
}

/** What is given to a function is its own: it may change it, and the next one sees what the dataset holds. */
function givenOf(work: Work, output: string | undefined, signal: AbortSignal): TaskGiven {
  const { input, output: expected, metadata, sourceId, repetition } = work;
  const own = structuredClone({ input, expected, output: expected, metadata, sourceId, repetition });
  return { ...own, ...(output ? { output: JSON.parse(output) as unknown } : {}), signal };
}

function messageOf(problem: unknown): string {
  let said = "what was thrown has no text";
  try {
    said = problem instanceof Error ? `${problem.name}: ${problem.message}` : String(problem);
  } catch {
    // Anything may be thrown, also what cannot be made a text.
  }
  // Neither U+0000 nor half of a pair can be stored.
  return said.replace(/[\0\s]+/g, " ").slice(0, LONGEST_MESSAGE).toWellFormed().replace(/:? $/, "");
}
