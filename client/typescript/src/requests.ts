/**
 * The forms of request that every part of the client makes: read, page through, stream lines, write.
 *
 * Owns how cursors are followed and lines are cut. Knows no path.
 */
import { AnswerNotUnderstood, isObject } from "./problems.js";
import { jsonBody, type Body, type Query, type Transport } from "./transport.js";

export const NDJSON = "application/x-ndjson";
const TRIES_OF_LONG_WORK = 9; // with at most 51 s of pauses between them

/** A page as the server gives it. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
}

/** How something is written: `has` is a field that the answer must have, `key` makes a repetition known as one. */
export interface Writing {
  readonly has?: string | undefined;
  readonly isSafe: boolean;
  readonly key?: string | undefined;
  readonly query?: Query | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Requests to a server, by their form. */
export class Requests {
  readonly transport: Transport;
  readonly #writeTimeoutMs: number;
  readonly #tries: number | undefined;

  constructor(transport: Transport, writeTimeoutMs: number, tries?: number) {
    this.transport = transport;
    this.#writeTimeoutMs = writeTimeoutMs;
    this.#tries = tries;
  }

  /** The same for long work: a server that is started anew is waited for. */
  patient(): Requests {
    return new Requests(this.transport, this.#writeTimeoutMs, TRIES_OF_LONG_WORK);
  }

  /** A JSON answer that has this field: what another server says is not taken for one. */
  async read<Read>(path: string, has: keyof Read & string, query?: Query, signal?: AbortSignal): Promise<Read> {
    const answer = await this.transport.ask("GET", path, { query, signal, isSafe: true, tries: this.#tries });
    return having(answer.json(), path, has) as Read;
  }

  /** A page as it is. */
  async page<Read extends Page<unknown>>(path: string, query: Query, signal?: AbortSignal): Promise<Read> {
    const page = await this.read<Read>(path, "next_cursor", query, signal);
    if (!Array.isArray(page.items)) having({}, path, "items");
    return page;
  }

  /** The items of a page that was read, and of all pages after it. */
  async *rest<Item>(first: Page<Item>, path: string, query: Query, signal?: AbortSignal): AsyncGenerator<Item, void, undefined> {
    for (let page = first; ; page = await this.page<Page<Item>>(path, { ...query, cursor: page.next_cursor }, signal)) {
      yield* page.items;
      if (!page.next_cursor) return;
    }
  }

  /** The items of all pages. */
  async *pages<Item>(path: string, query: Query, signal?: AbortSignal): AsyncGenerator<Item, void, undefined> {
    yield* this.rest(await this.page<Page<Item>>(path, query, signal), path, query, signal);
  }

  /** The lines of an NDJSON answer, each as soon as it is there. */
  async *lines<Line>(path: string, query: Query, signal?: AbortSignal): AsyncGenerator<Line, void, undefined> {
    const answer = await this.transport.ask("GET", path, { query, signal, accept: NDJSON, isSafe: true, isStreamed: true });
    if (answer.mediaType !== NDJSON) {
      await answer.read();
      throw answer.notUnderstood();
    }
    const waiting: string[] = [];
    for await (const piece of answer.pieces()) {
      const lines = piece.split("\n");
      const last = lines.pop() ?? "";
      for (const line of lines) {
        waiting.push(line);
        yield lineOf(waiting.splice(0).join(""), path) as Line;
      }
      waiting.push(last);
    }
    const rest = waiting.join("");
    if (rest) yield lineOf(rest, path) as Line;
  }

  /** A JSON answer to something that changes; nothing where nothing is to be in it. */
  async write<Written>(method: string, path: string, body: Body | object | undefined, writing: Writing): Promise<Written> {
    const { has, key, query, signal } = writing;
    const answer = await this.transport.ask(method, path, {
      query,
      body: body === undefined || isBody(body) ? body : jsonBody(body),
      headers: key ? { "Idempotency-Key": key } : undefined,
      isSafe: writing.isSafe || key !== undefined,
      timeoutMs: this.#writeTimeoutMs,
      tries: this.#tries,
      signal,
    });
    return (has === undefined ? undefined : having(answer.json(), path, has)) as Written;
  }
}

function isBody(given: Body | object): given is Body {
  return "content" in given && "mediaType" in given;
}

function having(found: unknown, path: string, has: string): object {
  if (!isObject(found) || !(has in found)) {
    throw new AnswerNotUnderstood(`${path} answered with JSON that has no ${has}.`, "Is the server of another version?");
  }
  return found;
}

function lineOf(text: string, path: string): unknown {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    // Said below.
  }
  if (isObject(found)) return found;
  throw new AnswerNotUnderstood(`${path} answered with a line that is no object of JSON.`, "Is the server of another version?");
}
