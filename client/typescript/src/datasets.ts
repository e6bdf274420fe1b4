/**
 * A version of a dataset of examples, as TypeScript sees it.
 *
 * Owns `Dataset`: which version it is, its examples, its history and its differences. What it holds never changes: a later upsert
 * makes another version, and another `Dataset`.
 */
import { camelRow, camelRows, type CamelRow, type Schemas } from "./names.js";
import { ArgumentInvalid } from "./problems.js";
import type { Page, Requests } from "./requests.js";
import { segment } from "./transport.js";

const PAGE = 500;

/** How many examples an upsert met, by what became of them. */
export type Summary = Readonly<Schemas["Summary"]>;
/** All that the server knows of a version. */
export type Version = CamelRow<Schemas["Version"]>;
/** What a version did to an example; a deleted one has no content. */
export type HistoryEvent = CamelRow<Schemas["Event"]>;
/** An example that differs between two versions. */
export type Difference = CamelRow<Schemas["Difference"]>;
/** An object of JSON, whatever it holds. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** An example of a version. */
export interface Example {
  readonly sourceId: string;
  readonly input: JsonObject;
  readonly output: JsonObject;
  readonly metadata: JsonObject;
  readonly contentHash: string;
}

/** What changed from one version to another; `differences()` reads the examples that differ. */
export interface Diff {
  readonly base: Version;
  readonly other: Version;
  readonly summary: Readonly<Schemas["DiffSummary"]>;
  differences(): AsyncIterable<Difference>;
}

/** Which version: its number or its id. */
export type VersionChoice = number | string;
/** A dataset by its name or its id, or as it was given by the client. */
export type DatasetRef =
  | string
  | Dataset
  | { readonly datasetId: string; readonly versionId?: string | undefined }
  | { readonly datasetName: string; readonly versionId?: string | undefined };

interface Made {
  readonly name?: string | undefined;
  readonly summary?: Summary | undefined;
  readonly isDryRun: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** A version of a dataset; of an upsert, what it did besides. */
export class Dataset {
  /** Null where a dry run would make the dataset. */
  readonly datasetId: string | null;
  readonly name: string;
  /** Null where there is no version yet. */
  readonly versionId: string | null;
  readonly previousVersionId: string | null;
  readonly createdVersion: boolean;
  readonly createdDataset: boolean;
  readonly dryRun: boolean;
  readonly summary: Summary | undefined;
  readonly #requests: Requests;
  #version: Version | undefined;

  private constructor(requests: Requests, answer: Omit<Schemas["UpsertAnswer"], "summary">, name: string, made: Made) {
    this.#requests = requests;
    this.datasetId = answer.dataset_id;
    this.versionId = answer.version_id;
    this.previousVersionId = answer.previous_version_id;
    this.createdVersion = answer.created_version && !made.isDryRun;
    this.createdDataset = answer.created_dataset && !made.isDryRun;
    this.dryRun = made.isDryRun;
    this.summary = made.summary;
    this.name = name;
  }

  /** The version that an answer to an upsert or a restore names. */
  static async of(requests: Requests, answer: Schemas["UpsertAnswer"], made: Made): Promise<Dataset> {
    let { name } = made;
    if (name === undefined && answer.dataset_id !== null) {
      const found = await requests.read<Schemas["DatasetRow"]>(
        `/v1/datasets/${segment(answer.dataset_id)}`,
        "dataset_slug",
        {},
        made.signal,
      );
      name = found.dataset_slug;
    }
    return new Dataset(requests, answer, name ?? "", made);
  }

  /** A version of a dataset. */
  static async at(requests: Requests, dataset: string, version: string, signal?: AbortSignal): Promise<Dataset> {
    const row = await versionRow(requests, dataset, version, signal);
    const answer = { ...row, created_version: false, created_dataset: false };
    const found = new Dataset(requests, answer, row.dataset_slug, { isDryRun: false });
    found.#version = camelRow(row);
    return found;
  }

  /** All that the server knows of the version: its number, its tags, how many examples it holds. */
  async version(signal?: AbortSignal): Promise<Version> {
    this.#version ??= camelRow(await versionRow(this.#requests, ...this.address(), signal));
    return this.#version;
  }

  /** The examples as they come, ordered by source id. Numbers are as their canonical form reads. */
  async *examples(signal?: AbortSignal): AsyncGenerator<Example, void, undefined> {
    const [dataset, version] = this.address();
    const path = `/v1/datasets/${segment(dataset)}/examples`;
    for await (const row of this.#requests.lines<Schemas["ExampleOfVersion"]>(path, { version }, signal)) {
      const { source_id: sourceId, input, output, metadata, content_hash: contentHash } = row;
      yield { sourceId, input, output, metadata, contentHash };
    }
  }

  /** The ids of the dataset and of the version. */
  address(): [string, string] {
    if (this.datasetId === null || this.versionId === null) {
      throw new ArgumentInvalid(
        "The dataset has no version yet: it was planned (dryRun: true), or nothing was put into it.",
        "Upsert without dryRun.",
      );
    }
    return [this.datasetId, this.versionId];
  }
}

function versionRow(requests: Requests, dataset: string, version: string, signal?: AbortSignal): Promise<Schemas["Version"]> {
  return requests.read(`/v1/datasets/${segment(dataset)}/versions/${segment(version)}`, "version_id", {}, signal);
}

export function versions(requests: Requests, dataset: string, signal?: AbortSignal): AsyncGenerator<Version, void, undefined> {
  return camelRows(requests.pages<Schemas["Version"]>(`/v1/datasets/${segment(dataset)}/versions`, { limit: PAGE }, signal));
}

export function history(
  requests: Requests,
  dataset: string,
  sourceId: string,
  signal?: AbortSignal,
): AsyncGenerator<HistoryEvent, void, undefined> {
  const query = { source_id: sourceId, limit: PAGE };
  return camelRows(requests.pages<Schemas["Event"]>(`/v1/datasets/${segment(dataset)}/history`, query, signal));
}

export async function diff(
  requests: Requests,
  dataset: string,
  base: string,
  other: string,
  signal?: AbortSignal,
): Promise<Diff> {
  const query = { base, other, limit: PAGE };
  const path = `/v1/datasets/${segment(dataset)}/diff`;
  const first = await requests.page<Schemas["DiffPage"] & Page<Schemas["Difference"]>>(path, query, signal);
  return {
    base: camelRow(first.base),
    other: camelRow(first.other),
    summary: first.summary,
    differences: () => camelRows(requests.rest<Schemas["Difference"]>(first, path, query, signal)),
  };
}

/** What names a dataset, and the version where one was named: "latest" otherwise. */
export function addressOf(ref: DatasetRef): { dataset: string; version: string } {
  if (typeof ref === "string") return { dataset: ref, version: "latest" };
  if (ref instanceof Dataset) {
    const [dataset, version] = ref.address();
    return { dataset, version };
  }
  const dataset = "datasetId" in ref ? ref.datasetId : ref.datasetName;
  if (typeof dataset !== "string" || !dataset || ("datasetId" in ref && "datasetName" in ref)) {
    throw new ArgumentInvalid("Exactly one of datasetId and datasetName says which dataset is meant.");
  }
  return { dataset, version: ref.versionId ?? "latest" };
}

/** The one text by which a version is chosen; the latest where nothing is said. */
export function selector(version?: VersionChoice, tag?: string, asOf?: Date | string): string {
  if ([version, tag, asOf].filter((each) => each !== undefined).length > 1) {
    throw new ArgumentInvalid("version, tag and asOf each choose a version; say one of them.");
  }
  if (tag !== undefined) return `tag:${tag}`;
  if (asOf !== undefined) return `as-of:${momentText(asOf)}`;
  if (version === undefined) return "latest";
  if (version === "" || (typeof version === "number" && !Number.isSafeInteger(version))) {
    throw new ArgumentInvalid(`version was ${JSON.stringify(version)}; a number, an id, "latest" or "tag:NAME" was expected.`);
  }
  return String(version);
}

/** A moment as the server reads it; without an offset it is UTC. */
export function momentText(moment: Date | string): string {
  if (typeof moment === "string") {
    // Without an offset, JavaScript would take the time of the place.
    const given = /T\d/.test(moment) && !/(?:Z|[+-]\d\d:?\d\d)$/i.test(moment) ? `${moment}Z` : moment;
    // What JavaScript reads is known to be a time; what is sent has every digit that was given.
    if (/^\d{4}-\d\d-\d\dT/.test(given) && !Number.isNaN(Date.parse(given))) return given;
    return momentText(new Date(given));
  }
  if (Number.isNaN(moment.getTime())) {
    throw new ArgumentInvalid("A time was not understood; one like 2023-01-03T14:30:00Z, or a Date, was expected.");
  }
  return moment.toISOString();
}
