/**
 * Canonical JSON (RFC 8785): equal contents are equal texts, in every language.
 *
 * Owns the writing of canonical text and the refusal of what JSON would lose or change, each with its path. Only plain objects,
 * arrays and primitives are values: what else there is becomes nothing that every reader reads alike.
 */
import { ContentRefused, isObject, shown, type Reason } from "./problems.js";

/** Arrays and objects within each other. */
export const MAX_DEPTH = 100;

// From here on, JavaScript writes an exponent, so that no reader takes the number for an exact integer.
const EXPONENT_FROM = 1e21;

const NOT_PLAIN = /[\0-\x1f"\\\ud800-\udfff]/;
const MOST_NAMES = 2000;

/** A value, or one in it, has no canonical form. */
class NotCanonical extends Error {
  readonly code: Reason;
  /** Whether it is about a key: the path then leads to the object that holds it. */
  isOfKey: boolean;
  /** The way from the whole value to it, once every object around has added its step. */
  readonly steps: (string | number)[] = [];

  constructor(code: Reason, message: string, isOfKey = false) {
    super(message);
    this.code = code;
    this.isOfKey = isOfKey;
  }

  /** The same refusal, seen from the object or array around it. */
  within(step: string | number): this {
    if (this.isOfKey) this.isOfKey = false;
    else this.steps.unshift(step);
    return this;
  }
}

/** The canonical text of a value. Throws `ContentRefused` with the path to what has none. */
export function canonicalText(value: unknown, maxDepth: number = MAX_DEPTH): string {
  return refusing(() => written(value, maxDepth), value);
}

/** The content of an example: three objects, of which an absent one is empty. */
export function contentText(input: object, output?: object | null, metadata?: object | null): string {
  const content = { input, metadata: metadata ?? {}, output: output ?? {} };
  return refusing(() => {
    for (const [name, part] of Object.entries(content)) {
      if (!isObject(part)) throw new NotCanonical("not_a_json_value", "an object was expected, such as {}.").within(name);
    }
    return written(content, MAX_DEPTH);
  }, content);
}

/** Metadata as they are sent. Throws where JSON would lose some of them. */
export function metadataOf(metadata: Readonly<Record<string, unknown>> | undefined): unknown {
  return metadata && (JSON.parse(canonicalText({ metadata })) as { metadata: unknown }).metadata;
}

function refusing(write: () => string, value: unknown): string {
  try {
    return write();
  } catch (problem) {
    if (!(problem instanceof NotCanonical)) throw problem;
    const cycle = problem.code === "too_deep" ? cycleOn(problem.steps, value) : undefined;
    const path = pathOf(cycle ?? problem.steps);
    throw new ContentRefused(`${path || "the value"}: ${cycle ? HOLDS_ITSELF : problem.message}`, problem.code, path);
  }
}

const HOLDS_ITSELF = "the object stands within itself. Send a copy without the way back.";

/** The part of a way into the depth that leads back to an object on it. */
function cycleOn(steps: readonly (string | number)[], value: unknown): readonly (string | number)[] | undefined {
  const around = new Set<unknown>();
  let each = value;
  for (const [place, step] of steps.entries()) {
    if (around.has(each)) return steps.slice(0, place);
    around.add(each);
    each = (each as Record<string | number, unknown>)[step];
  }
  return undefined;
}

/** A place as a JSON pointer (RFC 6901). */
function pathOf(steps: readonly (string | number)[]): string {
  return steps.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The canonical text of a value, with refusals that do not know the whole. */
function written(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return writtenText(value);
    case "number":
      return Number.isSafeInteger(value) ? String(value) : writtenNumber(value);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      return Array.isArray(value) ? writtenArray(value, depth) : writtenObject(value as Record<string, unknown>, depth);
    default:
      throw new NotCanonical("not_a_json_value", whyNot(value));
  }
}

function writtenText(text: string): string {
  if (!NOT_PLAIN.test(text)) return `"${text}"`;
  if (text.includes("\0")) {
    throw new NotCanonical("nul_character", "the text holds U+0000, which PostgreSQL cannot store. Take the character out.");
  }
  const lone = /\p{Surrogate}/u.exec(text);
  if (lone) {
    const unit = lone[0].charCodeAt(0).toString(16).toUpperCase();
    const message = `the text holds U+${unit}, half of a pair without its other half: the text was cut, or is not Unicode.`;
    throw new NotCanonical("lone_surrogate", message);
  }
  return JSON.stringify(text);
}

function writtenNumber(value: number): string {
  if (!Number.isFinite(value)) {
    throw new NotCanonical("not_finite", `${value} is no JSON number. Send null, or leave it out.`);
  }
  if (Number.isInteger(value) && Math.abs(value) < EXPONENT_FROM) {
    const message = `${value} is beyond 2^53 - 1, where integers and doubles part. Send it as a text.`;
    throw new NotCanonical("unsafe_integer", message);
  }
  return String(value);
}

function writtenArray(value: readonly unknown[], depth: number): string {
  if (depth <= 0) throw tooDeep();
  let text = "[";
  let place = 0;
  try {
    for (; place < value.length; place += 1) {
      const item = value[place];
      if (item === undefined && !Object.hasOwn(value, place)) throw new NotCanonical("not_a_json_value", GAP);
      text += (place ? "," : "") + written(item, depth - 1);
    }
  } catch (problem) {
    throw problem instanceof NotCanonical ? problem.within(place) : problem;
  }
  // An array may have properties besides, as the matches of a regular expression do.
  if (Object.keys(value).length !== place || Object.getOwnPropertySymbols(value).length) {
    throw new NotCanonical("not_a_json_value", "the array has properties besides its items. Send [...it].");
  }
  return `${text}]`;
}

const GAP = "the array has a gap, and undefined is no JSON value. Fill it with null.";

function writtenObject(value: Record<string, unknown>, depth: number): string {
  if (depth <= 0) throw tooDeep();
  if (!isPlain(value)) throw new NotCanonical("not_a_json_value", whyNot(value));
  if (Object.getOwnPropertySymbols(value).length) {
    throw new NotCanonical("key_not_text", "a key is a symbol; the keys of a JSON object are texts.");
  }
  const names = sorted(Object.keys(value));
  let text = "{";
  let name = "";
  try {
    for (name of names) text += (text.length > 1 ? "," : "") + writtenName(name) + written(value[name], depth - 1);
  } catch (problem) {
    throw problem instanceof NotCanonical ? problem.within(name) : problem;
  }
  return `${text}}`;
}

// By UTF-16 code units, which is how JavaScript compares. Most objects of a set have the same keys in the same order.
function sorted(names: string[]): string[] {
  let last = "";
  for (const name of names) {
    if (name < last) return names.sort();
    last = name;
  }
  return names;
}

const writtenNames = new Map<string, string>();

function writtenName(name: string): string {
  const known = writtenNames.get(name);
  if (known !== undefined) return known;
  try {
    const found = `${writtenText(name)}:`;
    if (writtenNames.size < MOST_NAMES) writtenNames.set(name, found);
    return found;
  } catch (problem) {
    if (!(problem instanceof NotCanonical)) throw problem;
    throw new NotCanonical(problem.code, `of the key ${shown(name)}: ${problem.message}`, true);
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  // The Object of another window, or of another context of Node.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, "isPrototypeOf");
}

function tooDeep(): NotCanonical {
  return new NotCanonical("too_deep", "arrays and objects stand too deep within each other. Flatten the document.");
}

const ADVICE: Readonly<Record<string, string>> = {
  BigInt: "Make it a number where it is a safe integer, else a text.",
  Date: "Make it a text, such as toISOString() gives.",
  Function: "Leave the key out.",
  Map: "Make it an object: Object.fromEntries(map).",
  Set: "Make it an array: [...set].",
  Symbol: "Make it a text.",
};

function whyNot(value: unknown): string {
  if (value === undefined) return "undefined is no JSON value. Leave the key out, or send null.";
  const made: unknown = (value as { constructor?: unknown }).constructor;
  const kind = typeof value === "function" ? "Function" : typeof made === "function" && made.name ? made.name : "class of its own";
  return `a ${kind} is no JSON value. ${ADVICE[kind] ?? "Make it a plain object, an array, a text or a number."}`;
}
