/**
 * Examples on their way: hashed once, then sent whole, in part, or as hashes alone.
 *
 * Owns the bodies of requests that are made of them. Refuses a source id that is given twice, before anything is sent.
 */
import { ContentRefused, shown } from "./problems.js";
import { NDJSON } from "./requests.js";
import { bytesOf, counted, place, type Prepared } from "./rows.js";
import type { Body } from "./transport.js";

const MAX_LINE_BYTES = 4 * 1024 * 1024;
const AROUND = 200; // bytes of a line beside its content and its source id, at most
const BLOCK = 1 << 16;

/** The examples of one upsert. */
export class Spool {
  readonly #places = new Map<string, number>(); // source ids, in the order in which they came
  readonly #contents: string[] = [];
  readonly #hashes: string[] = [];

  get size(): number {
    return this.#places.size;
  }

  /** Takes an example in. */
  add(example: Prepared, number: number): void {
    const { sourceId, content, contentHash } = example;
    const first = this.#places.get(sourceId);
    if (first !== undefined) {
      const rows = `The rows ${counted(first + 1)} and ${counted(number)} have one source id, ${shown(sourceId)}.`;
      const hint = "A source id names one example. Nothing was sent.";
      throw new ContentRefused(rows, "source_id_repeated", "", { row: number, hint });
    }
    if (bytesOf(content, MAX_LINE_BYTES - AROUND) > MAX_LINE_BYTES - AROUND - sourceId.length) {
      const message = `${place(number, sourceId)} has too many bytes as JSON; the most is ${counted(MAX_LINE_BYTES)}.`;
      const hint = "Keep what is large in a file and name it in the example.";
      throw new ContentRefused(message, "too_large", "", { row: number, hint });
    }
    this.#places.set(sourceId, this.#contents.length);
    this.#contents.push(content);
    this.#hashes.push(contentHash);
  }

  /** The body that asks which examples are needed: ids and hashes. */
  plan(request: object): Promise<Body> {
    return packed(request, this.#lines(() => false));
  }

  /** The body that holds every example. */
  allOfThem(request: object): Promise<Body> {
    return packed(request, this.#lines(() => true));
  }

  /** The body that holds the examples that are needed, and of the rest the hashes, or nothing. */
  someOfThem(request: object, needed: readonly string[], withHashes: boolean): Promise<Body> {
    const wanted = new Set(needed.map((sourceId) => this.#places.get(sourceId)));
    return packed(request, this.#lines((at) => wanted.has(at) || (withHashes ? false : undefined)));
  }

  /** `isWhole` says of a place whether it goes whole, as its hash, or not at all. */
  *#lines(isWhole: (at: number) => boolean | undefined): Generator<string, void, undefined> {
    for (const [sourceId, at] of this.#places) {
      const whole = isWhole(at);
      const content = whole ? `${this.#contents[at]?.slice(1, -1) ?? ""},` : "";
      if (whole !== undefined) {
        yield `{"content_hash":"${this.#hashes[at] ?? ""}",${content}"source_id":${JSON.stringify(sourceId)}}\n`;
      }
    }
  }
}

/** A request and what it is about as lines, compressed. */
export async function packed(request: object, lines: Iterable<string>): Promise<Body> {
  const pack = new CompressionStream("gzip");
  const writer = pack.writable.getWriter();
  const encoder = new TextEncoder();
  const reading = new Response(pack.readable).blob();
  let waiting = `${JSON.stringify(request)}\n`;
  for (const line of lines) {
    waiting += line;
    if (waiting.length >= BLOCK) {
      await writer.write(encoder.encode(waiting));
      waiting = "";
    }
  }
  await writer.write(encoder.encode(waiting));
  await writer.close();
  const content = await reading;
  return { content, length: content.size, mediaType: NDJSON, encoding: "gzip" };
}
