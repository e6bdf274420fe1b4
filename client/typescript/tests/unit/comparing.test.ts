/** Are the figures of a comparison those of Student, and does it read as in Python? */
import { expect, it } from "vitest";

import { compared, Comparison, tOf } from "../../src/comparing.js";
import type { Schemas } from "../../src/names.js";
import { Requests } from "../../src/requests.js";
import { Transport } from "../../src/transport.js";

const row = (more: object): Schemas["ComparedEvaluation"] => ({
  ...{ name: "right", base_count: 40, base_mean: 0.5, other_count: 40, other_mean: 0.75, paired_count: 36 },
  ...{ paired_delta_mean: 0.25, paired_delta_sd: 0.5, better: 10, worse: 1, equal: 25 },
  ...more,
});

it("gives the interval of the paired difference", () => {
  const found = compared(row({}));
  expect(found.standardError).toBeCloseTo(0.5 / 6, 12);
  expect(found.interval?.[0]).toBeCloseTo(0.25 - (2.030108 * 0.5) / 6, 6);
  expect(found).toMatchObject({ delta: 0.25, isClear: true, baseMean: 0.5, pairedCount: 36 });
  expect(compared(row({ paired_delta_sd: 5 })).isClear).toBe(false);
  expect(compared(row({ paired_count: 1, paired_delta_sd: null }))).toMatchObject({ interval: null, standardError: null });
});

it.each([
  [1, 12.706205],
  [20, 2.085963],
  [21, 2.079614],
  [60, 2.000298],
  [1000, 1.962339],
])("knows Student's t of %d degrees", (freedom, value) => {
  expect(tOf(freedom)).toBeCloseTo(value, 4);
});

it("reads as a table", () => {
  const about = (name: string, version: number): Schemas["Experiment"] =>
    ({ name, experiment_id: name.repeat(3), dataset_slug: "set", version_sequence: version }) as Schemas["Experiment"];
  const answer = { base: about("a", 1), other: about("b", 2), evaluations: [row({})] };
  const requests = new Requests(new Transport("http://127.0.0.1:1", "", 1, fetch), 1);
  expect(String(new Comparison(requests, answer)).split("\n")).toEqual([
    "base  a aaa, set version 1",
    "other b bbb, set version 2",
    "  evaluation  base  other  paired  delta  std. error  better  worse  95 % interval",
    "  right        0.5   0.75      36  +0.25     0.08333      10      1  +0.08082 to +0.4192",
  ]);
});
