/** Is the canonical text of a value the one of RFC 8785, and is refused what other languages refuse? The vectors are shared. */
import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { canonicalText, contentHash, contentText, ContentRefused, sha256Hex } from "@stage1/client";
import { sha256Hex as webHash } from "../../src/sha256/web.js";

interface Vector {
  readonly name: string;
  readonly text: string;
  readonly canonical: string;
  readonly sha256: string;
  readonly refused?: string;
  readonly pointer: string;
  readonly seen_in?: string;
}

interface Vectors {
  readonly texts: readonly Vector[];
  readonly bytes: readonly { name: string; hex: string; refused: string }[];
  readonly numbers: readonly { bits: string; canonical?: string; refused?: string }[];
  readonly contents: readonly { name: string; input: object; output?: object; metadata?: object; canonical: string; sha256: string }[];
}

const path = new URL("../../../../tests/vectors/canonical_json.json", import.meta.url);
const vectors = JSON.parse(readFileSync(path, "utf8")) as Vectors;

function refusal(read: () => unknown): { code: string; path: string } {
  try {
    read();
  } catch (problem) {
    if (problem instanceof ContentRefused) return { code: problem.code, path: problem.path };
    throw problem;
  }
  throw new Error("it was not refused");
}

describe("texts", () => {
  it.each(vectors.texts.filter((vector) => !vector.refused))("$name", (vector) => {
    expect(canonicalText(JSON.parse(vector.text))).toBe(vector.canonical);
    expect(canonicalText(JSON.parse(vector.canonical))).toBe(vector.canonical);
    expect(sha256Hex(vector.canonical)).toBe(vector.sha256);
    expect(webHash(vector.canonical)).toBe(vector.sha256);
  });

  // What has been parsed by other means shows no fault of its text any more.
  it.each(vectors.texts.filter((vector) => vector.refused && !vector.seen_in))("refuses $name", (vector) => {
    const value: unknown = JSON.parse(vector.text);
    expect(refusal(() => canonicalText(value))).toEqual({ code: vector.refused, path: vector.pointer });
  });

  it.each(vectors.texts.filter((vector) => vector.refused === "not_json"))("is no JSON here either: $name", (vector) => {
    expect(() => JSON.parse(vector.text) as unknown).toThrow(SyntaxError);
  });
});

it.each(vectors.bytes)("is no UTF-8 here either: $name", ({ hex }) => {
  expect(() => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(hex, "hex"))).toThrow(TypeError);
});

it.each(vectors.numbers)("the double $bits", ({ bits, canonical, refused }) => {
  const value = Buffer.from(bits, "hex").readDoubleBE();
  if (refused) expect(refusal(() => canonicalText({ a: [0, value] }))).toEqual({ code: refused, path: "/a/1" });
  else expect(canonicalText(value)).toBe(canonical);
});

it.each(vectors.contents)("the content $name", ({ input, output, metadata, canonical, sha256 }) => {
  expect(contentText(input, output, metadata)).toBe(canonical);
  expect(contentHash(input, output, metadata)).toBe(sha256);
});
