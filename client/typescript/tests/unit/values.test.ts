/** Is everything that JSON would lose or change refused, with its path, and everything else kept? */
import { createContext, runInContext } from "node:vm";

import { describe, expect, it } from "vitest";

import { canonicalText, ContentRefused } from "@stage1/client";
import { RowReader } from "../../src/rows.js";
import { sha256Hex } from "../../src/sha256/node.js";
import { sha256Hex as webHash } from "../../src/sha256/web.js";

function refusal(read: () => unknown): ContentRefused {
  try {
    read();
  } catch (problem) {
    if (problem instanceof ContentRefused) return problem;
    throw problem;
  }
  throw new Error("it was not refused");
}

class Point {
  readonly x = 1;
  toJSON(): string {
    return "point";
  }
}

const sparse: unknown[] = [1];
sparse[2] = 3;
const cycle: Record<string, unknown> = {};
cycle.children = [{ parent: cycle }];
const endless: unknown[] = [];
endless.push(endless);

describe("what JSON would lose or change", () => {
  it.each<[string, unknown, string, string, RegExp]>([
    ["undefined as a value", { a: undefined }, "not_a_json_value", "/a", /Leave the key out, or send null/],
    ["undefined in an array", [1, undefined], "not_a_json_value", "/1", /undefined/],
    ["a gap in an array", { a: sparse }, "not_a_json_value", "/a/1", /gap/],
    ["an array with properties", { m: /a/.exec("a") }, "not_a_json_value", "/m", /besides its items/],
    ["an array with a symbol", { m: Object.assign([1], { [Symbol("x")]: 1 }) }, "not_a_json_value", "/m", /besides its items/],
    ["a function", { a: [() => 1] }, "not_a_json_value", "/a/0", /Function/],
    ["a symbol", [Symbol("x")], "not_a_json_value", "/0", /Symbol/],
    ["a key that is a symbol", { a: { [Symbol("x")]: 1 } }, "key_not_text", "/a", /symbol/],
    ["a BigInt", { a: 1n }, "not_a_json_value", "/a", /BigInt/],
    ["a Date", { "a/b": { "~": new Date(0) } }, "not_a_json_value", "/a~1b/~0", /toISOString/],
    ["a Map", { a: new Map() }, "not_a_json_value", "/a", /fromEntries/],
    ["a Set", { a: new Set() }, "not_a_json_value", "/a", /\[\.\.\.set\]/],
    ["bytes", { a: new Uint8Array(2) }, "not_a_json_value", "/a", /Uint8Array/],
    ["a text in a box", { a: Object("x") as unknown }, "not_a_json_value", "/a", /String/],
    ["an object of a class", { a: new Point() }, "not_a_json_value", "/a", /Point/],
    ["an object made of another", { a: Object.create({ b: 1 }) as unknown }, "not_a_json_value", "/a", /Object/],
    ["an object with toJSON", { a: { toJSON: () => 1 } }, "not_a_json_value", "/a/toJSON", /Function/],
    ["half a pair", { a: "\ud800x" }, "lone_surrogate", "/a", /U\+D800/],
    ["half a pair in a key", { a: { "\udc00": 1 } }, "lone_surrogate", "/a", /"\\udc00"/],
    ["U+0000", ["\0"], "nul_character", "/0", /U\+0000/],
    ["NaN", { a: NaN }, "not_finite", "/a", /NaN/],
    ["infinity", [-Infinity], "not_finite", "/0", /-Infinity/],
    ["2^53", { a: 2 ** 53 }, "unsafe_integer", "/a", /9007199254740992/],
    ["the last below 1e21", -999999999999999900000, "unsafe_integer", "", /Send it as a text/],
    ["a cycle of objects", cycle, "too_deep", "/children/0/parent", /within itself/],
    ["an array within itself", { a: endless }, "too_deep", "/a/0", /within itself/],
  ])("%s", (_, value, code, path, said) => {
    const refused = refusal(() => canonicalText(value));
    expect({ code: refused.code, path: refused.path }).toEqual({ code, path });
    expect(refused.message).toMatch(said);
    expect(refused.message).toMatch(/^[\x20-\x7e]+$/);
  });

  it("is depth beyond the limit, in arrays and objects alike", () => {
    const nested = (depth: number): unknown => (depth ? { k: [nested(depth - 1)] } : 0);
    expect(canonicalText(nested(50))).toContain("0");
    expect(refusal(() => canonicalText([nested(50)]))).toMatchObject({ code: "too_deep", path: `/0${"/k/0".repeat(49)}/k` });
    // Each array stands twice in the one around it: nobody looks at all of the ways to the depth.
    let twice: unknown[] = [];
    for (let depth = 0; depth < 200; depth += 1) twice = [twice, twice];
    expect(refusal(() => canonicalText(twice))).toMatchObject({ code: "too_deep", path: "/0".repeat(100) });
  });
});

describe("what is kept", () => {
  it.each<[string, unknown, string]>([
    ["nothing but null", [null, { a: null }], '[null,{"a":null}]'],
    ["minus zero", [-0, 0], "[0,0]"],
    ["what stands twice without a cycle", ((each) => [each, each])({ a: 1 }), '[{"a":1},{"a":1}]'],
    ["a key that is a prototype elsewhere", JSON.parse('{"__proto__":{"b":1},"constructor":2}'), '{"__proto__":{"b":1},"constructor":2}'],
    ["an object without a prototype", Object.assign(Object.create(null), { b: 1, a: 2 }), '{"a":2,"b":1}'],
    ["an object of another context", runInContext("({ b: [1], a: {} })", createContext()), '{"a":{},"b":[1]}'],
    ["big and small doubles", [1e21, 1e-7, 5e-324, 0.1], "[1e+21,1e-7,5e-324,0.1]"],
    ["keys in the order of UTF-16", { "\uff5e": 1, "\u{1f600}": 2, z: 3 }, '{"z":3,"\u{1f600}":2,"\uff5e":1}'],
  ])("%s", (_, value, text) => {
    expect(canonicalText(value)).toBe(text);
  });
});

describe("rows", () => {
  const read = (row: object, options = {}): unknown => new RowReader(options).read(row, 3);

  it("are the same example by parts and by columns", () => {
    const parts = read({ sourceId: 7, input: { b: 1, a: null }, output: { y: "é" } });
    const columns = { id: "7", a: null, b: 1, y: "é", unused: () => 1 };
    expect(read(columns, { sourceIdKey: "id", inputKeys: ["a", "b"], outputKeys: ["y"] })).toEqual(parts);
    expect(read(columns, { sourceId: (row: typeof columns) => Number(row.id), inputKeys: ["b", "a"], outputKeys: ["y"] })).toEqual(parts);
    expect(parts).toMatchObject({ sourceId: "7", content: '{"input":{"a":null,"b":1},"metadata":{},"output":{"y":"é"}}' });
  });

  it("may have columns of any name", () => {
    const row = JSON.parse('{"sourceId":"a","__proto__":{"x":1}}') as object;
    expect(read(row, { inputKeys: ["__proto__"] })).toMatchObject({ content: '{"input":{"__proto__":{"x":1}},"metadata":{},"output":{}}' });
    expect(() => read({ sourceId: "a" }, { inputKeys: ["toString"] })).toThrow(/has no "toString"/);
  });

  it.each<[string, object, object, string, string | undefined]>([
    ["a value within", { sourceId: "a", input: {}, output: { x: [undefined] } }, {}, "Row 3 (source id \"a\"), /output/x/0", "/output/x/0"],
    ["no object", { sourceId: "a", input: [] }, {}, "/input: an object was expected", "/input"],
    ["no input", { sourceId: "a", output: {} }, {}, "has no input; its keys are sourceId, output", ""],
    ["an unknown field", { sourceId: "a", input: {}, inptu: 1 }, {}, '"inptu", which is no part', ""],
    ["an empty source id", { sourceId: "", input: {} }, {}, "not empty", "/source_id"],
    ["a source id with U+0000", { sourceId: "a\0", input: {} }, {}, "U+0000", "/source_id"],
    ["a long source id", { sourceId: "é".repeat(513), input: {} }, {}, "1,024 bytes", "/source_id"],
    ["a source id with a fraction", { sourceId: 1.5, input: {} }, {}, "was 1.5", undefined],
    ["a source id beyond 2^53", { sourceId: 2 ** 53, input: {} }, {}, "whole number", undefined],
    ["no source id", { id: "a", input: {} }, {}, 'has no "sourceId"; its keys are id, input', undefined],
    ["a missing column", { sourceId: "a" }, { outputKeys: ["y"] }, 'has no "y", which was named for its output', "/output"],
    ["a cycle", { sourceId: "a", input: cycle }, {}, "/input/children/0/parent: the object stands within itself", "/input/children/0/parent"],
  ])("are refused with their place: %s", (_, row, options, said, path) => {
    let problem: unknown;
    try {
      read(row, options);
    } catch (met) {
      problem = met;
    }
    expect(String(problem)).toContain(said);
    expect((problem as Partial<ContentRefused>).path).toBe(path);
  });
});

it("hashes in browsers as in Node", () => {
  for (let length = 0; length < 300; length += 1) {
    const text = "\u00e9\u{1f600}a".repeat(length % 5) + "x".repeat(length);
    expect(webHash(text)).toBe(sha256Hex(text));
  }
});
