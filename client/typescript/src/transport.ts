/**
 * HTTP to one server by `fetch`, and the same request again where that is safe.
 *
 * Owns addresses and headers. Knows nothing of datasets. Refuses an address that is not http or https, and answers that are
 * not the server's.
 */
import { Answer, CutAnswer } from "./answers.js";
import { AnswerNotUnderstood, ArgumentInvalid, problemIn, ServerUnavailable } from "./problems.js";
import { PASSING, Retries } from "./retries.js";
import { Watch, wasNeverSent } from "./watches.js";

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);
const SLOWEST_UPLOAD = 50; // bytes a millisecond
const PAST_TIMES = 1; // how often a request is sent again whose time was up

/** What a request carries. */
export interface Body {
  readonly content: string | Blob;
  readonly length: number;
  readonly mediaType: string;
  readonly encoding?: string;
}

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** How a request is asked. `isSafe`: to do it twice is to do it once. */
export interface Asked {
  readonly query?: Query | undefined;
  readonly body?: Body | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly accept?: string | undefined;
  readonly isSafe: boolean;
  readonly isStreamed?: boolean | undefined;
  readonly timeoutMs?: number | undefined;
  readonly tries?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A small body; what is large goes as lines. */
export function jsonBody(value: unknown): Body {
  const content = JSON.stringify(value);
  return { content, length: content.length, mediaType: "application/json" };
}

/** A server's address, and the token for it. */
export class Transport {
  readonly url: string;
  readonly #fetch: typeof fetch;
  readonly #token: string | undefined;
  readonly #timeoutMs: number;
  readonly #retries: Retries;
  readonly #isNear: boolean;

  constructor(url: string, token: string | undefined, timeoutMs: number, by: typeof fetch, retries = new Retries()) {
    const found = addressOf(url);
    if (token && !/^[\x21-\x7e]+$/.test(token)) {
      throw new ArgumentInvalid("The token holds a character that no token has.", "Copy it whole: it is one word.");
    }
    this.url = found.href.replace(/\/+$/, "");
    this.#isNear = LOOPBACK.has(found.hostname);
    this.#token = token;
    this.#timeoutMs = timeoutMs;
    this.#fetch = by;
    this.#retries = retries;
  }

  /** The answer, where it is none that refuses. */
  async ask(method: string, path: string, asked: Asked): Promise<Answer> {
    const { isSafe, signal, tries = this.#retries.tries } = asked;
    let slow = 0;
    for (let number = 1; ; number += 1) {
      let retryAfter: string | null = null;
      try {
        const answer = await this.#exchange(method, path, asked);
        if (isGood(answer) && asked.isStreamed) return answer;
        await answer.read();
        if (isGood(answer)) return answer;
        if (!isSafe || !PASSING.has(answer.status) || number >= tries) throw this.#refusal(answer);
        retryAfter = answer.retryAfter;
      } catch (problem) {
        if (problem instanceof CutAnswer) {
          if (!isSafe || number >= tries) throw problem;
        } else if (problem instanceof Cut) {
          slow += Number(problem.isSlow);
          if (number >= tries || slow > PAST_TIMES || (problem.wasSent && !isSafe)) {
            throw this.#unavailable(problem, isSafe, number);
          }
        } else throw problem;
      }
      await this.#retries.after(number, retryAfter, signal);
    }
  }

  async #exchange(method: string, path: string, asked: Asked): Promise<Answer> {
    const patience = asked.timeoutMs ?? this.#timeoutMs;
    const watch = new Watch(patience + (asked.body?.length ?? 0) / SLOWEST_UPLOAD, patience, asked.signal);
    try {
      asked.signal?.throwIfAborted();
      const by = this.#fetch; // a browser's fetch is none of an object's methods
      const response = await by(this.url + path + queryText(asked.query), {
        method,
        headers: this.#headers(asked),
        body: asked.body?.content ?? null,
        redirect: "manual",
        credentials: "omit",
        cache: "no-store",
        signal: watch.signal,
      });
      watch.hold();
      return new Answer(response, this.url, watch);
    } catch (problem) {
      watch.end();
      watch.throwIfAborted();
      throw new Cut(watch.said(problem), problem, { isSlow: watch.isUp, wasSent: !wasNeverSent(problem) });
    }
  }

  #headers(asked: Asked): Record<string, string> {
    const headers: Record<string, string> = { Accept: asked.accept ?? "application/json", "X-Request-Id": newId() };
    // On one machine, packing takes longer than sending. A browser decides this for itself.
    if (this.#isNear) headers["Accept-Encoding"] = "identity";
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    if (asked.body) headers["Content-Type"] = asked.body.mediaType;
    if (asked.body?.encoding) headers["Content-Encoding"] = asked.body.encoding;
    return { ...headers, ...asked.headers };
  }

  #refusal(answer: Answer): Error {
    if (answer.status < 400) {
      const status = answer.status ? `status ${answer.status}, a redirection` : "a redirection";
      return new AnswerNotUnderstood(
        `${this.url} answered with ${status}, which is not followed.`,
        "Name the address that it leads to: STAGE1_SERVER, or new Client({ url }).",
      );
    }
    return problemIn(answer.status, answer.mediaType, answer.body, this.url, answer.requestId);
  }

  #unavailable(cut: Cut, isSafe: boolean, tries: number): ServerUnavailable {
    const times = tries > 1 ? ` in ${tries} tries` : "";
    if (!cut.wasSent) {
      const hint = "Start it with `stage1 serve`, or name another: STAGE1_SERVER, or new Client({ url }).";
      return new ServerUnavailable(`${this.url} cannot be reached${times}: ${cut.message}.`, { hint, cause: cut.cause });
    }
    const hint = isSafe
      ? "Nothing is done twice if you ask again."
      : "Whether it was done is not known: look before you ask again.";
    return new ServerUnavailable(`${this.url} did not answer${times}: ${cut.message}.`, { hint, cause: cut.cause });
  }
}

/** A text as one segment of a path. */
export function segment(text: string): string {
  if (!text.isWellFormed()) throw new ArgumentInvalid("A name holds half of a pair of characters without its other half.");
  // A URL takes these for steps up and down, however they are written, and nothing for another address.
  if (["", ".", ".."].includes(text)) throw new ArgumentInvalid(`The name "${text}" cannot be part of an address.`);
  return encodeURIComponent(text);
}

/** An id that nobody else makes; a page that came by http has no `randomUUID`. */
export function newId(): string {
  const digits = Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => (byte & 15).toString(16)).join("");
  return digits.replace(/(.{8})(.{4}).(.{3}).(.{3})/, "$1-$2-4$3-8$4-");
}

/** The connection ended, or never began. */
class Cut extends Error {
  readonly isSlow: boolean;
  readonly wasSent: boolean;

  constructor(message: string, cause: unknown, how: { isSlow: boolean; wasSent: boolean }) {
    super(message, { cause });
    this.isSlow = how.isSlow;
    this.wasSent = how.wasSent;
  }
}

function isGood(answer: Answer): boolean {
  return answer.status >= 200 && answer.status < 300;
}

function addressOf(url: string): URL {
  const found = URL.canParse(url) ? new URL(url) : undefined;
  if (!found || !/^https?:$/.test(found.protocol) || found.search || found.hash || found.username || found.password) {
    // The address itself is not repeated: it may hold a password.
    throw new ArgumentInvalid(
      "The server's address was not understood; one like http://127.0.0.1:8321 was expected, without a password in it.",
      "STAGE1_SERVER, or new Client({ url }); a token goes into STAGE1_TOKEN, or new Client({ token }).",
    );
  }
  return found;
}

function queryText(query: Query | undefined): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const each of Array.isArray(value) ? (value as readonly string[]) : value === undefined ? [] : [value]) {
      found.append(name, String(each));
    }
  }
  const text = found.toString();
  return text ? `?${text}` : "";
}
