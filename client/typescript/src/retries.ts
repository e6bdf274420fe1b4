/**
 * What may be asked again, and when.
 *
 * Owns the rule: a request is sent again only where doing it twice is doing it once, after a pause that doubles, or that the
 * server names.
 */

/** Statuses of a server that may answer in a moment. */
export const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504]);

const LONGEST_PAUSE = 60_000;

/** How often and after which pauses a request is tried again. */
export class Retries {
  readonly tries: number;
  readonly #firstPause: number;
  readonly #pause: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;

  constructor(options: { tries?: number; firstPause?: number; pause?: typeof pause } = {}) {
    this.tries = options.tries ?? 5;
    this.#firstPause = options.firstPause ?? 200;
    this.#pause = options.pause ?? pause;
  }

  /** Waits before the try that follows the `number`-th, counted from 1. */
  async after(number: number, retryAfter: string | null | undefined, signal: AbortSignal | undefined): Promise<void> {
    // Spread out, so that clients who failed together do not come back together.
    const own = this.#firstPause * 2 ** (number - 1) * (0.5 + Math.random() / 2);
    await this.#pause(Math.min(millisecondsOf(retryAfter) ?? own, LONGEST_PAUSE), signal);
  }
}

/** A Retry-After, as seconds or as a date; nothing where there is none that can be read. */
export function millisecondsOf(retryAfter: string | null | undefined): number | undefined {
  const given = retryAfter?.trim();
  if (!given) return undefined;
  if (/^\d+$/.test(given)) return Number(given) * 1000;
  const moment = Date.parse(given);
  return Number.isNaN(moment) ? undefined : Math.max(0, moment - Date.now());
}

/** Waits, or is ended by the signal. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const waiting = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await unlessAborted(waiting, signal).finally(() => {
    clearTimeout(timer);
  });
}

/** What some work comes to, or the signal's reason as soon as there is one: then nobody waits for the work any more. */
export function unlessAborted<Result>(work: Promise<Result>, signal?: AbortSignal): Promise<Result> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const ended = (): void => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller's own reason, whatever it is
      reject(signal.reason);
    };
    if (signal.aborted) ended();
    signal.addEventListener("abort", ended, { once: true });
    void work.then(resolve, reject).finally(() => {
      signal.removeEventListener("abort", ended);
    });
  });
}
