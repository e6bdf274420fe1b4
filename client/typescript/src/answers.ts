/**
 * An answer of the server: read in pieces, and never taken for whole where it is not.
 *
 * Owns the end of an answer: whether all of it came in time.
 */
import { notUnderstood, ServerUnavailable } from "./problems.js";
import type { Watch } from "./watches.js";

/** The server did not finish its answer. */
export class CutAnswer extends ServerUnavailable {
  override readonly name: string = "ServerUnavailable";
}

/** An answer; one that is streamed is closed by whoever does not read it to its end. */
export class Answer {
  readonly status: number;
  readonly mediaType: string;
  readonly requestId: string;
  readonly retryAfter: string | null;
  readonly #response: Response;
  readonly #url: string;
  readonly #watch: Watch;
  #body = "";

  constructor(response: Response, url: string, watch: Watch) {
    this.#response = response;
    this.#url = url;
    this.#watch = watch;
    this.status = response.status;
    this.mediaType = (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
    this.requestId = response.headers.get("x-request-id") ?? "";
    this.retryAfter = response.headers.get("retry-after");
  }

  /** The body as text, piece by piece; an answer that is cut raises. */
  async *pieces(): AsyncGenerator<string, void, undefined> {
    const reader = this.#response.body?.getReader();
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    try {
      if (reader) {
        for (;;) {
          this.#watch.restart();
          const piece = await reader.read();
          this.#watch.hold();
          if (piece.done) break;
          const text = decoder.decode(piece.value, { stream: true });
          if (text) yield text;
        }
      }
      const rest = decoder.decode();
      if (rest) yield rest;
    } catch (problem) {
      this.#watch.throwIfAborted();
      const hint = "Ask again; what was read is not all.";
      throw new CutAnswer(`The answer of ${this.#url} was cut: ${this.#watch.said(problem)}.`, { hint, cause: problem });
    } finally {
      this.#watch.end();
      // Nothing is left to read, or nobody wants it: what goes wrong with that is nobody's concern.
      void reader?.cancel().catch(() => undefined);
    }
  }

  /** Reads all of it. */
  async read(): Promise<void> {
    const pieces: string[] = [];
    for await (const piece of this.pieces()) pieces.push(piece);
    this.#body = pieces.join("");
  }

  /** What `read` has read. */
  get body(): string {
    return this.#body;
  }

  /** The body as JSON. */
  json(): unknown {
    try {
      if (this.mediaType === "application/json") return JSON.parse(this.#body) as unknown;
    } catch {
      // Said below.
    }
    throw this.notUnderstood();
  }

  /** The error of an answer that is none of ours. */
  notUnderstood(): Error {
    return notUnderstood(this.status, this.mediaType, this.#body, this.#url);
  }
}
