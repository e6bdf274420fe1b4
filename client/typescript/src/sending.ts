/**
 * Runs and evaluations on their way to the server: gathered, and sent together.
 *
 * Owns the batches: so many runs, so many bytes or so much time, whichever comes first. Evaluations follow the runs that they
 * are of. Bounded: whoever hands in more waits. Refuses nothing: what the server refuses ends the experiment's work.
 */
import type { Schemas } from "./names.js";
import { ServerUnavailable } from "./problems.js";
import type { Requests } from "./requests.js";
import type { Body } from "./transport.js";

const BATCH = 200;
const BATCH_LENGTH = 4 * 1024 * 1024;
const MILLISECONDS = 500;
const LAST_MILLISECONDS = 10_000; // that the results on their way have, once nobody makes others
const LEAST = 512; // what a run or an evaluation counts beside its text, so that a batch has not too many
const WORTH_PACKING = 32 * 1024;

/** A run and its evaluations as JSON, or evaluations alone of a run that is recorded already; filled as they are made. */
export interface Outcome {
  run?: string;
  readonly evaluations: string[];
}

/** What to do where a run is recorded already with another output. */
export type OnConflict = "refuse" | "keep";

/** Sends what is put in, one batch after the other. */
export class Sender {
  /** How many runs somebody else had recorded before. */
  kept = 0;
  /** Why a batch could not be sent. */
  failure: unknown;
  readonly #requests: Requests;
  readonly #path: string;
  readonly #onConflict: OnConflict;
  readonly #failed: (problem: unknown) => void;
  #sending: Promise<unknown> = Promise.resolve();
  #underWay = 0;
  #waiting: Outcome[] = [];
  #length = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last: ReturnType<typeof setTimeout> | undefined;
  readonly #late = new AbortController();

  /** `failed` is called when a batch could not be sent. */
  constructor(requests: Requests, experimentId: string, onConflict: OnConflict, failed: (problem: unknown) => void) {
    this.#requests = requests;
    this.#path = `/v1/experiments/${experimentId}`;
    this.#onConflict = onConflict;
    this.#failed = failed;
  }

  /** Hands an outcome in; waits while too many are on their way. After a failure nothing is taken any more. */
  async put(outcome: Outcome): Promise<void> {
    while (this.#underWay > 1) await this.#sending;
    this.#waiting.push(outcome);
    for (const each of [outcome.run ?? "", ...outcome.evaluations]) this.#length += each.length + LEAST;
    if (this.#length >= BATCH_LENGTH || this.#waiting.length >= BATCH) void this.flush();
    // The time of a batch begins with its first run.
    else this.#timer ??= setTimeout(() => void this.flush(), MILLISECONDS);
  }

  /** The work was ended: what is on its way has a little time left, whatever the server does. */
  hurry(): void {
    const late = (): void => {
      this.#late.abort(new ServerUnavailable(`the server did not answer in ${LAST_MILLISECONDS / 1000} s.`));
    };
    this.#last ??= setTimeout(late, LAST_MILLISECONDS);
  }

  /** Sends the rest. */
  async end(): Promise<void> {
    await this.flush();
    clearTimeout(this.#last);
  }

  /** Sends what waits, after what was sent before. */
  flush(): Promise<unknown> {
    clearTimeout(this.#timer);
    const batch = this.#waiting;
    this.#timer = undefined;
    this.#waiting = [];
    this.#length = 0;
    this.#underWay += 1;
    this.#sending = this.#sending
      .then(() => (this.failure === undefined ? this.#send(batch) : undefined))
      .catch((problem: unknown) => {
        this.failure = problem;
        this.#failed(problem);
      })
      .finally(() => (this.#underWay -= 1));
    return this.#sending;
  }

  async #send(batch: readonly Outcome[]): Promise<void> {
    const runs = batch.flatMap(({ run }) => (run === undefined ? [] : [run]));
    const evaluations = batch.flatMap((each) => each.evaluations);
    if (runs.length) {
      const text = `{"on_conflict":"${this.#onConflict}","runs":[${runs.join(",")}]}`;
      const { kept } = await this.#post<Schemas["RunCounts"]>("runs/batch", "kept", text);
      this.kept += kept;
      // Somebody else's runs stand in the place of some of these, and which ones is not said: their evaluations are made later,
      // of the outputs that are recorded.
      if (kept) return;
    }
    if (evaluations.length) await this.#post("evaluations/batch", "recorded", `{"evaluations":[${evaluations.join(",")}]}`);
  }

  async #post<Read>(path: string, has: string, text: string): Promise<Read> {
    return this.#requests.write<Read>("POST", `${this.#path}/${path}`, await bodyOf(text), {
      has,
      isSafe: true,
      signal: this.#late.signal,
    });
  }
}

async function bodyOf(text: string): Promise<Body> {
  const mediaType = "application/json";
  if (text.length < WORTH_PACKING) return { content: text, length: text.length, mediaType };
  const content = await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).blob();
  return { content, length: content.size, mediaType, encoding: "gzip" };
}
