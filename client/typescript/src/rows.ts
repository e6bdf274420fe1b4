/**
 * Rows as examples.
 *
 * A row is an object with `sourceId`, `input`, and where wanted `output` and `metadata`, which are objects; where keys are named,
 * the columns of `inputKeys`, `outputKeys` and `metadataKeys` are gathered into the three objects instead. A source id is a text;
 * a whole number becomes one. Refuses a row with its number, its source id and the path in it.
 */
import { canonicalText, contentText } from "./canonical.js";
import { sha256Hex } from "./hashing.js";
import { ArgumentInvalid, ContentRefused, shown } from "./problems.js";

const MAX_SOURCE_ID_BYTES = 1024;
const PARTS = ["input", "output", "metadata"];
const KNOWN = ["sourceId", "contentHash", ...PARTS];
const MAX_UTF8 = 3; // bytes of a UTF-16 unit, at most

/** A row that has the parts of an example. */
export interface ExampleRow {
  readonly sourceId: string | number;
  readonly input: object;
  readonly output?: object | null | undefined;
  readonly metadata?: object | null | undefined;
}

/** How a row is read: where its source id stands, and which columns make up its three objects. */
export interface RowOptions<Row extends object = object> {
  /** The column of the source id; `sourceId` unless it is named. */
  readonly sourceIdKey?: string | undefined;
  /** Makes the source id of a row. */
  readonly sourceId?: ((row: Row) => string | number) | undefined;
  readonly inputKeys?: readonly string[] | undefined;
  readonly outputKeys?: readonly string[] | undefined;
  readonly metadataKeys?: readonly string[] | undefined;
}

/** An example as it is stored: its content as canonical text, and the hash of it. */
export interface Prepared {
  readonly sourceId: string;
  readonly content: string;
  readonly contentHash: string;
}

type Columns = Readonly<Record<string, unknown>>;
type Parts = Parameters<typeof contentText>;

/** Reads rows of one form. */
export class RowReader<Row extends object> {
  readonly #key: string;
  readonly #made: ((row: Row) => unknown) | undefined;
  readonly #gathered: readonly (readonly string[])[] | undefined;

  constructor(options: RowOptions<Row>) {
    const { sourceId, sourceIdKey, inputKeys, outputKeys, metadataKeys } = options;
    if (sourceId !== undefined && sourceIdKey !== undefined) {
      throw new ArgumentInvalid("sourceIdKey and sourceId each say what names a row; say one of them.");
    }
    if (sourceId !== undefined && typeof sourceId !== "function") {
      throw new ArgumentInvalid("sourceId is a function that makes the source id of a row.", "sourceIdKey names a column.");
    }
    this.#made = sourceId;
    this.#key = sourceIdKey ?? "sourceId";
    const keys = [inputKeys, outputKeys, metadataKeys];
    if (keys.some((each) => each !== undefined && !isNames(each))) {
      throw new ArgumentInvalid("inputKeys, outputKeys and metadataKeys are names of columns: arrays of texts.");
    }
    this.#gathered = keys.some(Boolean) ? keys.map((each) => each ?? []) : undefined;
  }

  /** The example that a row is; rows are counted from 1. */
  read(row: Row, number: number): Prepared {
    if (typeof row !== "object" || (row as unknown) === null || Array.isArray(row)) {
      throw new ArgumentInvalid(`Row ${counted(number)} is no object; one with ${this.#key} and input was expected.`);
    }
    const columns = row as Columns;
    const sourceId = this.#sourceId(row, number);
    const parts = this.#gathered ? this.#gather(columns, number, sourceId) : this.#given(columns, number, sourceId);
    const content = inRow(number, sourceId, () => contentText(...parts));
    return { sourceId, content, contentHash: sha256Hex(content) };
  }

  #sourceId(row: Row, number: number): string {
    const columns = row as Columns;
    if (!this.#made && !Object.hasOwn(row, this.#key)) {
      throw new ArgumentInvalid(
        `Row ${counted(number)} has no ${shown(this.#key)}; its keys are ${Object.keys(row).join(", ")}.`,
        "sourceIdKey names the column of the source id; sourceId is a function that makes it of the row.",
      );
    }
    const given = this.#made ? this.#made(row) : columns[this.#key];
    if (typeof given !== "string" && !Number.isSafeInteger(given)) {
      const kind = typeof given === "number" ? String(given) : given === null ? "null" : `a ${typeof given}`;
      throw new ArgumentInvalid(`The source id of row ${counted(number)} was ${kind}; a text or a whole number was expected.`);
    }
    const found = String(given);
    const fault = found ? "has at most 1,024 bytes in UTF-8" : "is a text that is not empty";
    inRow(number, found, () => canonicalText({ source_id: found }));
    if (!found || bytesOf(found, MAX_SOURCE_ID_BYTES) > MAX_SOURCE_ID_BYTES) {
      const message = `${place(number, found)}, /source_id: a source id ${fault}.`;
      throw new ContentRefused(message, "bad_source_id", "/source_id", { row: number });
    }
    return found;
  }

  #given(columns: Columns, number: number, sourceId: string): Parts {
    if (columns.input === undefined) {
      throw new ContentRefused(
        `${place(number, sourceId)} has no input; its keys are ${Object.keys(columns).join(", ")}.`,
        "missing_field",
        "",
        { row: number, hint: "inputKeys, outputKeys and metadataKeys say which columns belong where." },
      );
    }
    const unknown = this.#made ? undefined : Object.keys(columns).find((name) => !KNOWN.includes(name) && name !== this.#key);
    if (unknown !== undefined) {
      throw new ContentRefused(
        `${place(number, sourceId)} has ${shown(unknown)}, which is no part of an example.`,
        "unknown_field",
        "",
        { row: number, hint: "Put it into input, output or metadata, or name the columns: inputKeys, outputKeys, metadataKeys." },
      );
    }
    return [columns.input, columns.output, columns.metadata] as Parts;
  }

  #gather(columns: Columns, number: number, sourceId: string): Parts {
    return (this.#gathered ?? []).map((names, part) => {
      // Without a prototype, so that a column may have any name.
      const found = Object.create(null) as Record<string, unknown>;
      for (const name of names) {
        if (!Object.hasOwn(columns, name)) {
          const belongs = PARTS[part] ?? "";
          const message = `${place(number, sourceId)} has no ${shown(name)}, which was named for its ${belongs}.`;
          throw new ContentRefused(message, "missing_field", `/${belongs}`, { row: number, hint: "null says that there is none." });
        }
        found[name] = columns[name];
      }
      return found;
    }) as unknown as Parts;
  }
}

/** How many bytes a text has in UTF-8, exactly where that may be more than `most`. */
export function bytesOf(text: string, most: number): number {
  return text.length * MAX_UTF8 <= most ? text.length : new TextEncoder().encode(text).length;
}

/** A row as sentences name it. */
export function place(number: number, sourceId: string): string {
  return `Row ${counted(number)} (source id ${shown(sourceId)})`;
}

/** A number as sentences write it. */
export function counted(number: number): string {
  return number.toLocaleString("en-US");
}

/** What is refused in a row says which one it is. */
function inRow(number: number, sourceId: string, write: () => string): string {
  try {
    return write();
  } catch (problem) {
    if (!(problem instanceof ContentRefused)) throw problem;
    const { message, code, path } = problem;
    throw new ContentRefused(`${place(number, sourceId)}, ${message}`, code, path, { row: number });
  }
}

function isNames(given: unknown): given is readonly string[] {
  return Array.isArray(given) && given.every((name) => typeof name === "string");
}
