/**
 * Examples into a dataset: hashed here, so that only what the server has not is sent.
 *
 * Owns the order of the requests. Small sets and new datasets go at once, whole. For others the server is first asked, by ids and
 * hashes, which bodies it needs; where it needs none that is all. A dataset that changes between the two requests is planned for
 * again, a few times, and then sent whole. Refuses, before anything is sent, rows that are no examples and ids that are given
 * twice.
 */
import { metadataOf } from "./canonical.js";
import { Dataset, type Summary } from "./datasets.js";
import type { Schemas } from "./names.js";
import { ArgumentInvalid, Refused } from "./problems.js";
import type { Requests } from "./requests.js";
import { unlessAborted } from "./retries.js";
import { RowReader, type ExampleRow, type RowOptions } from "./rows.js";
import { Spool } from "./spools.js";
import { newId, segment, type Body } from "./transport.js";

const PLANS_FROM = 500; // examples; below, a second request costs more than it saves
const PLANS = 3;
const PLAN = "/v1/datasets/upsert/plan";
const UPSERT = "/v1/datasets/upsert";
const NOTED = 1000; // examples between two words about the progress
const LONGEST_TURN = 50; // milliseconds without a turn for anything else

/** What is being done: what, how many, and of how many where that is known. */
export interface ProgressEvent {
  readonly what: string;
  readonly done: number;
  readonly total: number | undefined;
}
export type Progress = (event: ProgressEvent) => void;

/** What an upsert is told. `mode: "merge"` adds and corrects, `"mirror"` deletes what is not given, too. */
export interface UpsertOptions<Row extends object = ExampleRow> extends RowOptions<Row> {
  readonly name?: string | undefined;
  readonly id?: string | undefined;
  readonly examples: Iterable<Row> | AsyncIterable<Row>;
  readonly mode: "merge" | "mirror";
  /** Refused unless this is the latest version. */
  readonly expectedVersionId?: string | undefined;
  /** Counts, and writes nothing. */
  readonly dryRun?: boolean | undefined;
  /** A mirror of nothing deletes everything. */
  readonly allowEmpty?: boolean | undefined;
  readonly description?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: Progress | undefined;
}

/** Does it, and gives the version that the dataset is at then. */
export async function upsert<Row extends object>(requests: Requests, options: UpsertOptions<Row>): Promise<Dataset> {
  return new Upsert(requests, options).carriedOut();
}

class Upsert<Row extends object> {
  readonly #requests: Requests;
  readonly #options: UpsertOptions<Row>;
  readonly #reader: RowReader<Row>;
  readonly #spool = new Spool();
  readonly #key = newId();
  readonly #total: number | undefined;

  constructor(requests: Requests, options: UpsertOptions<Row>) {
    const { name, id, mode, examples } = options;
    if ((name === undefined) === (id === undefined)) {
      throw new ArgumentInvalid("Exactly one of name and id says which dataset is meant.");
    }
    if (!["merge", "mirror"].includes(mode)) {
      throw new ArgumentInvalid(
        `mode was ${JSON.stringify(mode)}; "merge" or "mirror" was expected.`,
        "Merge adds and corrects, mirror deletes what is not given, too.",
      );
    }
    if (!isRows(examples)) {
      throw new ArgumentInvalid("examples is an iterable of rows: an array, a generator, or an async one.", "[row]");
    }
    this.#requests = requests;
    this.#options = options;
    this.#reader = new RowReader(options);
    this.#total = Array.isArray(examples) ? examples.length : undefined;
  }

  async carriedOut(): Promise<Dataset> {
    const { id, dryRun } = this.#options;
    const request = this.#request();
    // Asked first where there is much to hash: an unknown token or a dataset of another kind is known before.
    const isThere = id !== undefined || (this.#total !== undefined && this.#total < PLANS_FROM) || (await this.#isThere());
    // A source that says nothing is not waited for when the signal comes; what it says later ends it.
    await unlessAborted(this.#fill(), this.#options.signal);
    if (this.#spool.size && (dryRun || (isThere && this.#spool.size >= PLANS_FROM))) {
      const found = await this.#byPlan(request);
      if (found) return found;
    }
    const answer = await this.#upserted(await this.#spool.allOfThem(request), this.#spool.size);
    return this.#dataset(answer, answer.summary);
  }

  async #byPlan(request: object): Promise<Dataset | undefined> {
    for (let plans = 0; plans < PLANS; plans += 1) {
      const plan = await this.#post<Schemas["PlanAnswer"]>(PLAN, await this.#spool.plan(this.#planRequest()), "needed");
      const { new: added, changed, deleted, restored } = plan.summary;
      if (this.#options.dryRun || !(added || changed || deleted || restored)) {
        this.#note("sent", 0, 0);
        return this.#dataset({ ...plan, created_version: false }, plan.summary);
      }
      try {
        return await this.#sent(request, plan);
      } catch (problem) {
        const code = problem instanceof Refused ? problem.code : "";
        const isOvertaken = code === "S1E09" || (code === "S1E02" && this.#options.expectedVersionId === undefined);
        if (!isOvertaken) throw problem;
      }
    }
    return undefined;
  }

  async #sent(request: object, plan: Schemas["PlanAnswer"]): Promise<Dataset> {
    const isMirror = this.#options.mode === "mirror";
    // A merge sends nothing of what is unchanged: that nobody changes it meanwhile is what the expected version is for. A mirror
    // names it by its hash, since what is not named is deleted.
    const guard = isMirror || !plan.version_id ? {} : { expected_version_id: plan.version_id };
    const body = await this.#spool.someOfThem({ ...request, ...guard }, plan.needed, isMirror);
    const answer = await this.#upserted(body, plan.needed.length);
    const { summary } = answer;
    const unchanged = this.#spool.size - summary.new - summary.changed - summary.restored;
    return this.#dataset(answer, isMirror ? summary : { ...summary, unchanged });
  }

  async #isThere(): Promise<boolean> {
    try {
      const path = `/v1/datasets/${segment(this.#options.name ?? "")}`;
      await this.#requests.read<Schemas["DatasetRow"]>(path, "dataset_slug", {}, this.#options.signal);
      return true;
    } catch (problem) {
      // A name that no address can hold, such as one with a slash: the plan, which has it in its body, tells.
      if (problem instanceof Refused && problem.status === 404) return problem.code !== "S1C02";
      if (problem instanceof ArgumentInvalid) return true;
      throw problem;
    }
  }

  async #fill(): Promise<void> {
    const { examples, signal } = this.#options;
    let number = 0;
    let since = performance.now();
    const take = (row: Row): boolean => {
      signal?.throwIfAborted();
      number += 1;
      this.#spool.add(this.#reader.read(row, number), number);
      if (number % NOTED === 0) this.#note("hashed", number, this.#total);
      return performance.now() - since > LONGEST_TURN;
    };
    const breathe = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve));
      since = performance.now();
    };
    signal?.throwIfAborted();
    if (Symbol.asyncIterator in examples) {
      for await (const row of examples) if (take(row)) await breathe();
    } else {
      for (const row of examples) if (take(row)) await breathe();
    }
    if (number % NOTED || !number) this.#note("hashed", number, this.#total);
  }

  #planRequest(): object {
    const { name, id, mode, expectedVersionId } = this.#options;
    return { name, id, mode, expected_version_id: expectedVersionId };
  }

  #request(): object {
    const { description, metadata, dryRun, allowEmpty } = this.#options;
    return {
      ...this.#planRequest(),
      description,
      metadata: metadataOf(metadata),
      dry_run: dryRun,
      allow_empty: allowEmpty,
    };
  }

  async #upserted(body: Body, count: number): Promise<Schemas["UpsertAnswer"]> {
    const answer = await this.#post<Schemas["UpsertAnswer"]>(UPSERT, body, "summary", this.#key);
    this.#note("sent", count, count);
    return answer;
  }

  #post<Read>(path: string, body: Body, has: keyof Read & string, key?: string): Promise<Read> {
    return this.#requests.write<Read>("POST", path, body, { has, isSafe: true, key, signal: this.#options.signal });
  }

  #dataset(answer: Schemas["UpsertAnswer"], summary: Summary): Promise<Dataset> {
    const { name, dryRun, signal } = this.#options;
    return Dataset.of(this.#requests, answer, { name, summary, isDryRun: dryRun ?? false, signal });
  }

  #note(what: string, done: number, total: number | undefined): void {
    this.#options.onProgress?.({ what, done, total });
  }
}

function isRows(given: unknown): boolean {
  return typeof given === "object" && given !== null && (Symbol.iterator in given || Symbol.asyncIterator in given);
}
