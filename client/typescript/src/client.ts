/**
 * The client: one object for one server.
 *
 * Owns where the server is (STAGE1_SERVER and STAGE1_TOKEN, where there is an environment) and the list of what can be asked.
 * What it writes is sent again only where that cannot apply twice.
 */
import { metadataOf } from "./canonical.js";
import {
  addressOf,
  Dataset,
  diff,
  history,
  momentText,
  selector,
  versions,
  type DatasetRef,
  type Diff,
  type HistoryEvent,
  type Version,
  type VersionChoice,
} from "./datasets.js";
import type { Comparison } from "./comparing.js";
import type { Experiment } from "./experiments.js";
import { camelRows, type CamelRow, type Schemas } from "./names.js";
import { ArgumentInvalid } from "./problems.js";
import { Requests } from "./requests.js";
import type { ExampleRow } from "./rows.js";
import type { EvaluateOptions, ResumeOptions, RunOptions } from "./running.js";
import { newId, segment, Transport } from "./transport.js";
import { upsert, type UpsertOptions } from "./upserts.js";

const PAGE = 500;
const LONG_PAGE = 5000;
const DEFAULT_URL = "http://127.0.0.1:8321";

/** Where the server is, and how long it may be silent. */
export interface ClientOptions {
  /** STAGE1_SERVER, where it is not given. */
  readonly url?: string | undefined;
  /** STAGE1_TOKEN, where it is not given; "" is none. */
  readonly token?: string | undefined;
  /** How many milliseconds the server may be silent while it answers what is read. */
  readonly timeoutMs?: number | undefined;
  /** The same of what is written. */
  readonly writeTimeoutMs?: number | undefined;
  /** Another `fetch` than the platform's. */
  readonly fetch?: typeof fetch | undefined;
}

/** Which version of which dataset: by number or id, by tag, as of a moment; the latest where nothing is said. */
export interface DatasetChoice {
  readonly name?: string | undefined;
  readonly id?: string | undefined;
  readonly version?: VersionChoice | undefined;
  readonly tag?: string | undefined;
  readonly asOf?: Date | string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a restore is told. */
export interface RestoreOptions {
  readonly dataset: DatasetRef;
  readonly version: VersionChoice;
  readonly expectedVersionId?: string | undefined;
  readonly dryRun?: boolean | undefined;
  readonly description?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A server of stage1. */
export class Client {
  readonly #requests: Requests;

  constructor(options: ClientOptions = {}) {
    const { timeoutMs = 60_000, writeTimeoutMs = 120_000 } = options;
    if (!(timeoutMs > 0) || !(writeTimeoutMs > 0)) {
      throw new ArgumentInvalid("timeoutMs and writeTimeoutMs are milliseconds, more than none.");
    }
    const url = options.url ?? fromEnvironment("STAGE1_SERVER") ?? DEFAULT_URL;
    const token = options.token ?? fromEnvironment("STAGE1_TOKEN");
    this.#requests = new Requests(new Transport(url, token, timeoutMs, options.fetch ?? fetch), writeTimeoutMs);
  }

  get url(): string {
    return this.#requests.transport.url;
  }

  /** The version of stage1 that the server runs. A newer one answers this client as well. */
  async serverVersion(signal?: AbortSignal): Promise<string> {
    return (await this.#requests.read<Schemas["Alive"]>("/health", "version", {}, signal)).version;
  }

  /**
   * Brings a dataset to what the examples say, and gives the version that it is at then.
   *
   * A row is an object with sourceId, input, output and metadata; where `inputKeys`, `outputKeys` or `metadataKeys` are named,
   * these columns are gathered into the three objects. Nothing new makes no version.
   */
  upsertDataset<Row extends object = ExampleRow>(options: UpsertOptions<Row>): Promise<Dataset> {
    return upsert(this.#requests, options);
  }

  /** A version of a dataset. */
  async getDataset(choice: DatasetChoice): Promise<Dataset> {
    const { name, id, version, tag, asOf, signal } = choice;
    const dataset = id ?? name;
    if (!dataset || (id !== undefined && name !== undefined)) {
      throw new ArgumentInvalid("Exactly one of name and id says which dataset is meant.");
    }
    return Dataset.at(this.#requests, dataset, selector(version, tag, asOf), signal);
  }

  /** The rows of the catalog, of every kind. */
  listDatasets(signal?: AbortSignal): AsyncIterable<CamelRow<Schemas["DatasetRow"]>> {
    return camelRows(this.#requests.pages<Schemas["DatasetRow"]>("/v1/datasets", { limit: PAGE }, signal));
  }

  /** The versions of a dataset, the newest first. */
  versions(options: { dataset: DatasetRef; signal?: AbortSignal | undefined }): AsyncIterable<Version> {
    return versions(this.#requests, addressOf(options.dataset).dataset, options.signal);
  }

  /** What happened to an example, the newest first. */
  history(options: {
    dataset: DatasetRef;
    sourceId: string;
    signal?: AbortSignal | undefined;
  }): AsyncIterable<HistoryEvent> {
    return history(this.#requests, addressOf(options.dataset).dataset, options.sourceId, options.signal);
  }

  /** What changed from one version to another. */
  async diffVersions(options: {
    dataset: DatasetRef;
    base: VersionChoice;
    other?: VersionChoice | undefined;
    signal?: AbortSignal | undefined;
  }): Promise<Diff> {
    const { dataset } = addressOf(options.dataset);
    return diff(this.#requests, dataset, selector(options.base), selector(options.other), options.signal);
  }

  /** Names a version of a dataset; a tag that is there is moved. Without `version` it is that of `dataset`. */
  async tag(options: {
    dataset: DatasetRef;
    tag: string;
    version?: VersionChoice | undefined;
    signal?: AbortSignal | undefined;
  }): Promise<void> {
    const { dataset, version } = addressOf(options.dataset);
    const chosen = options.version === undefined ? version : selector(options.version);
    const path = `/v1/datasets/${segment(dataset)}/tags/${segment(options.tag)}`;
    await this.#requests.write("PUT", path, { version: chosen }, { isSafe: true, signal: options.signal });
  }

  /** Takes a tag away. */
  async untag(options: { dataset: DatasetRef; tag: string; signal?: AbortSignal | undefined }): Promise<void> {
    const path = `/v1/datasets/${segment(addressOf(options.dataset).dataset)}/tags/${segment(options.tag)}`;
    await this.#requests.write("DELETE", path, undefined, { isSafe: false, signal: options.signal });
  }

  /** Makes a new version that holds what an earlier one held. */
  async restore(options: RestoreOptions): Promise<Dataset> {
    const { version, expectedVersionId, dryRun = false, description, metadata, signal } = options;
    const said = {
      version: selector(version),
      dry_run: dryRun,
      expected_version_id: expectedVersionId,
      description,
      metadata: metadataOf(metadata),
    };
    const path = `/v1/datasets/${segment(addressOf(options.dataset).dataset)}/restore`;
    const writing = { has: "summary", isSafe: true, key: newId(), signal };
    const answer = await this.#requests.write<Schemas["UpsertAnswer"]>("POST", path, said, writing);
    return Dataset.of(this.#requests, answer, { summary: answer.summary, isDryRun: dryRun, signal });
  }

  /** The bars of a symbol from `from` until before `until`; prices are decimal strings with every digit. */
  readBars(options: {
    symbol: string;
    from?: Date | string | undefined;
    until?: Date | string | undefined;
    signal?: AbortSignal | undefined;
  }): AsyncIterable<CamelRow<Schemas["Bar"]>> {
    const { symbol, from, until, signal } = options;
    const query = {
      symbol,
      from: from === undefined ? undefined : momentText(from),
      until: until === undefined ? undefined : momentText(until),
      limit: LONG_PAGE,
    };
    return camelRows(this.#requests.pages<Schemas["Bar"]>("/v1/bars", query, signal));
  }

  /**
   * Runs the task on every example of a version and evaluates its outputs.
   *
   * A task that fails is a run with its error (after `retries` more tries, each of at most `timeoutMs`), never the end. What is
   * done is recorded as it is done: after `signal` ended it (`Interrupted`), `resumeExperiment` goes on.
   */
  async runExperiment<Output>(options: RunOptions<Output>): Promise<Experiment> {
    return (await experimenting()).runExperiment(this.#requests, options);
  }

  /** Makes the runs that are missing or failed, and the evaluations that are; what succeeded stays. */
  async resumeExperiment<Output>(options: ResumeOptions<Output>): Promise<Experiment> {
    return (await experimenting()).resumeExperiment(this.#requests, options);
  }

  /** Makes the evaluations that are missing or failed, of the outputs that are recorded. */
  async evaluateExperiment(options: EvaluateOptions): Promise<Experiment> {
    return (await experimenting()).evaluateExperiment(this.#requests, options);
  }

  /** An experiment with its results. */
  async getExperiment(options: { experimentId: string; signal?: AbortSignal | undefined }): Promise<Experiment> {
    return (await experimenting()).experimentAt(this.#requests, options.experimentId, options.signal);
  }

  /** Experiments, the newest first; of one dataset where it is named. */
  async *listExperiments(
    options: { dataset?: DatasetRef | undefined; signal?: AbortSignal | undefined } = {},
  ): AsyncIterable<Experiment> {
    const dataset = options.dataset === undefined ? undefined : addressOf(options.dataset).dataset;
    yield* (await experimenting()).experimentsOf(this.#requests, dataset, options.signal);
  }

  /** Two experiments beside each other, example by example. */
  async compareExperiments(options: {
    baseId: string;
    otherId: string;
    signal?: AbortSignal | undefined;
  }): Promise<Comparison> {
    return (await experimenting()).comparison(this.#requests, options.baseId, options.otherId, options.signal);
  }
}

// Loaded when it is first used: more than a third of the whole.
const experimenting = async () => import("./experimenting.js");

function fromEnvironment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.[name];
}
