/**
 * The time limit of a request, and the caller's wish to end it.
 *
 * Owns why a request ended: the caller's signal, the time, or something else.
 */

/** The longest that a timer can wait, in milliseconds: one that is told more does not wait at all. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** Ends a request when nothing was heard for so long, or when the caller says so. */
export class Watch {
  readonly #controller = new AbortController();
  readonly #given: AbortSignal | undefined;
  readonly #patience: number;
  readonly #passed = (): void => {
    this.#controller.abort(this.#given?.reason);
  };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isUp = false;
  #isOver = false;

  /** `first` is the patience until the answer begins, `patience` the one between two of its pieces. */
  constructor(first: number, patience: number, given: AbortSignal | undefined) {
    this.#given = given;
    this.#patience = patience;
    given?.addEventListener("abort", this.#passed, { once: true });
    if (given?.aborted) this.#passed();
    else this.#start(first);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it was the time that ended the request. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** The server's turn: a piece of the answer is waited for. */
  restart(): void {
    if (!this.#isOver) this.#start(this.#patience);
  }

  /** The caller's turn: however long it takes, the server is not silent. */
  hold(): void {
    clearTimeout(this.#timer);
  }

  /** Nothing is waited for any more. */
  end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#given?.removeEventListener("abort", this.#passed);
  }

  /** Throws the caller's reason where the caller ended the request. */
  throwIfAborted(): void {
    this.#given?.throwIfAborted();
  }

  /** Why a request failed, as a part of a sentence. */
  said(problem: unknown): string {
    if (this.#isUp) return "the time was up";
    const found = deepest(problem);
    return found.message || found.name;
  }

  #start(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#isUp = true;
      this.#controller.abort();
    }, Math.min(milliseconds, LONGEST_TIMER));
  }
}

const NEVER_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);

/** Whether it is certain that the server has nothing of a request; a browser tells nothing, Node the code of the cause. */
export function wasNeverSent(problem: unknown): boolean {
  for (let each: unknown = problem; each instanceof Error; each = each.cause) {
    if ("code" in each && NEVER_SENT.has(String(each.code))) return true;
  }
  return false;
}

function deepest(problem: unknown): Error {
  let found = problem instanceof Error ? problem : new Error(String(problem));
  while (found.cause instanceof Error) found = found.cause;
  return found;
}
