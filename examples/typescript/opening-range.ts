/**
 * Opening-range breakouts as a versioned dataset: examples, an experiment, corrections and new days, the experiment again.
 *
 *     make example/typescript
 *
 * The bars are those of the demo: synthetic, so what wins here wins nowhere else. Prices are exact decimals from the database to
 * the example, where they stand as texts: the same bars give the same content hashes in every language.
 */
import { Client, type Dataset, type EvaluatorGiven, type ExampleRow } from "@stage1/client";

const SYMBOL = "DEMO-AAPL";
const [OPEN, RANGE_ENDS, LAST_ENTRY, CLOSE] = ["14:30", "15:00", "20:00", "21:00"]; // UTC; the demo knows no summer time
const PLACES = 9; // of a price

interface Bar {
  readonly day: string;
  readonly minute: string;
  readonly high: bigint; // prices in units of 1e-9: whole numbers lose no digit
  readonly low: bigint;
  readonly close: bigint;
  readonly volume: number;
}

interface Input {
  readonly high: string;
  readonly low: string;
  readonly side: string;
  readonly minute: string;
  readonly entry: string;
}
interface Outcome {
  readonly exit: string;
  readonly gain: string;
  readonly won: boolean;
}
interface Decision {
  readonly take: boolean;
}

/** One example a day: the first close beyond the range of the first half hour, and what it came to at the close. */
function* breakouts(bars: readonly Bar[], thin = 0): Generator<ExampleRow> {
  for (const [day, minutes] of byDay(bars)) {
    const opening = minutes.filter(({ minute }) => OPEN <= minute && minute < RANGE_ENDS);
    const high = opening.reduce((most, bar) => (bar.high > most ? bar.high : most), opening[0]?.high ?? 0n);
    const low = opening.reduce((least, bar) => (bar.low < least ? bar.low : least), opening[0]?.low ?? 0n);
    const later = minutes.filter(({ minute }) => RANGE_ENDS <= minute && minute < CLOSE);
    const entry = later.find(({ minute, close }) => minute < LAST_ENTRY && (close < low || close > high));
    const exit = later.filter(({ volume }) => volume >= thin).at(-1); // a bar with less than `thin` traded is no close
    if (!opening.length || !entry || !exit) continue;
    const side = entry.close > high ? "up" : "down";
    const gain = side === "up" ? exit.close - entry.close : entry.close - exit.close;
    yield {
      sourceId: `${SYMBOL} ${day}`,
      input: { high: text(high), low: text(low), side, minute: entry.minute, entry: text(entry.close) },
      output: { exit: text(exit.close), gain: text(gain), won: gain > 0n },
      metadata: { symbol: SYMBOL, day, bars: minutes.length },
    };
  }
}

function byDay(bars: readonly Bar[]): Map<string, Bar[]> {
  const days = new Map<string, Bar[]>();
  for (const bar of bars) days.set(bar.day, [...(days.get(bar.day) ?? []), bar]);
  return days;
}

/** A decimal as a whole number of its smallest units. */
function units(price: string): bigint {
  const [whole = "", fraction = ""] = price.split(".");
  return BigInt(whole + fraction.padEnd(PLACES, "0"));
}

/** Every digit, and no zero behind the last one. */
function text(price: bigint): string {
  const digits = (price < 0n ? -price : price).toString().padStart(PLACES + 1, "0");
  const found = `${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`.replace(/\.?0+$/, "");
  return price < 0n ? `-${found}` : found;
}

/** The rule that is tried: what breaks out before half past three goes on. */
const early = ({ input }: { input: Input }): Decision => ({ take: input.minute < "15:30" });
/** Another one: what breaks out of a narrow range does. */
const narrow = ({ input }: { input: Input }): Decision => ({ take: units(input.high) - units(input.low) < units("0.08") });

type Judged = EvaluatorGiven<Decision, Input, Outcome>;
const right = ({ output, expected }: Judged): boolean => output.take === expected.won;
const gain = ({ output, expected }: Judged): number => (output.take ? Number(expected.gain) : 0);
const evaluators = [right, gain];

const counted = ({ summary }: Dataset): string =>
  Object.entries(summary ?? {})
    .map(([what, count]) => `${String(count)} ${what}`)
    .join(", ");

const client = new Client();
const name = `opening-range-typescript-${new Date().toISOString().replace(/[-:Z]/g, "").replace(/[T.]/g, "-")}`;
const bars: Bar[] = [];
for await (const bar of client.readBars({ symbol: SYMBOL, from: "2023-01-01", until: "2023-07-01" })) {
  const [day = "", minute = ""] = [bar.ts.slice(0, 10), bar.ts.slice(11, 16)];
  bars.push({ day, minute, high: units(bar.high), low: units(bar.low), close: units(bar.close), volume: Number(bar.volume) });
}
console.log(`${bars.length.toLocaleString("en-US")} bars of ${SYMBOL} in half a year`);

console.log("\n# The first quarter, as a dataset");
const examples = [...breakouts(bars.filter(({ day }) => day < "2023-04-01"))];
const first = await client.upsertDataset({ name, examples, mode: "mirror", description: "the first quarter" });
console.log(`${first.name}, version ${(await first.version()).sequence}: ${counted(first)}`);
const again = await client.upsertDataset({ name, examples, mode: "mirror" });
console.log(`the same once more: still version ${(await again.version()).sequence}, ${counted(again)}`);

console.log("\n# An experiment on it");
const base = await client.runExperiment({ dataset: first, task: early, evaluators, name: "early" });
console.log(await base.describe());

console.log("\n# The dataset evolves: thin closes are corrected, the second quarter is added");
const second = await client.upsertDataset({
  name,
  examples: breakouts(bars, 100),
  mode: "mirror",
  expectedVersionId: first.versionId ?? undefined,
});
console.log(`${second.name}, version ${(await second.version()).sequence}: ${counted(second)}`);
const corrected: string[] = [];
const diff = await client.diffVersions({ dataset: second, base: 1, other: 2 });
for await (const { sourceId, change } of diff.differences()) if (change === "changed") corrected.push(sourceId);
const [one = ""] = corrected;
const exits: unknown[] = [];
for await (const { output } of client.history({ dataset: second, sourceId: one })) exits.unshift(output?.["exit"]);
console.log(
  `one of the ${corrected.length} that were corrected: ${one} closed at ${String(exits[0])} in version 1, ` +
    `and at ${String(exits[1])} in version 2`,
);

console.log("\n# The same rule on the new version: what is unchanged comes to the same");
const other = await client.runExperiment({ dataset: second, task: early, evaluators, name: "early" });
console.log(String(await client.compareExperiments({ baseId: base.experimentId, otherId: other.experimentId })));

console.log("\n# Another rule on the new version");
const tried = await client.runExperiment({ dataset: second, task: narrow, evaluators, name: "narrow" });
console.log(String(await client.compareExperiments({ baseId: other.experimentId, otherId: tried.experimentId })));

console.log("\n# The versions");
for await (const { sequence, exampleCount, versionId } of client.versions({ dataset: name })) {
  console.log(`version ${sequence}: ${exampleCount} examples, ${versionId}`);
}
