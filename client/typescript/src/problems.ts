/**
 * The errors of the client.
 *
 * Owns the reading of problems (RFC 9457): what the server refuses becomes `Refused`, with the code of the server's error
 * table. What only somebody who asks by HTTP can meet are `ServerUnavailable` and `AnswerNotUnderstood`; what is refused here,
 * before anything is sent, are `ContentRefused` and `ArgumentInvalid`.
 */

/** What every error of the client is: a sentence, and where there is one what to do. */
export class Stage1Error extends Error {
  // Written out in every class: a bundler may give the classes other names.
  override readonly name: string = "Stage1Error";
  readonly hint: string;

  constructor(message: string, hint = "", options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }
}

/** An argument is none that the function takes. */
export class ArgumentInvalid extends Stage1Error {
  override readonly name: string = "ArgumentInvalid";
}

/** Why a value has no canonical form: the codes that all clients and the server share. */
export type Reason =
  | "too_deep"
  | "duplicate_key"
  | "key_not_text"
  | "not_a_json_value"
  | "lone_surrogate"
  | "nul_character"
  | "not_finite"
  | "unsafe_integer";

/** What stands in an example but is no value, and so has a code of its own. */
export type ShapeFault = "bad_source_id" | "missing_field" | "unknown_field" | "not_an_object" | "too_large" | "source_id_repeated";

/** A value that would not arrive as it is; nothing was sent. `path` (RFC 6901) leads to it, in the row of that number. */
export class ContentRefused extends Stage1Error {
  override readonly name: string = "ContentRefused";
  readonly code: Reason | ShapeFault;
  readonly path: string;
  readonly row: number | undefined;

  constructor(message: string, code: Reason | ShapeFault, path: string, more: { row?: number; hint?: string } = {}) {
    super(message, more.hint);
    this.code = code;
    this.path = path;
    this.row = more.row;
  }
}

/** A problem as the server writes it. */
export interface Problem {
  readonly type?: string;
  readonly title?: string;
  readonly status?: number;
  readonly detail?: string;
  readonly code?: string;
  readonly hint?: string;
  readonly instance?: string;
  readonly pointer?: string;
  readonly errors?: readonly { readonly pointer?: string; readonly detail?: string }[];
  readonly [more: string]: unknown;
}

/** The server refused the request. A newer server may have codes that are not known here. */
export class Refused extends Stage1Error {
  override readonly name: string = "Refused";
  readonly status: number;
  readonly code: string;
  /** Where in the request, as a JSON pointer. */
  readonly pointer: string;
  /** What the server's log has about it. */
  readonly requestId: string;
  readonly problem: Problem;

  constructor(status: number, problem: Problem, requestId: string) {
    const message = textOf(problem.detail) || textOf(problem.title) || `The server answered with status ${status}.`;
    super(message, textOf(problem.hint));
    this.status = status;
    this.code = textOf(problem.code);
    this.requestId = requestId || textOf(problem.instance);
    const first: unknown = Array.isArray(problem.errors) ? problem.errors[0] : undefined;
    this.pointer = textOf(problem.pointer) || (isObject(first) ? textOf(first.pointer) : "");
    this.problem = problem;
  }
}

/** The server could not be reached, did not finish its answer, or cannot serve now, in several tries. */
export class ServerUnavailable extends Stage1Error {
  override readonly name: string = "ServerUnavailable";
  /** The status of its answer, if there was one. */
  readonly status: number | undefined;
  readonly requestId: string;

  constructor(message: string, more: { hint?: string; status?: number; requestId?: string; cause?: unknown } = {}) {
    super(message, more.hint, more);
    this.status = more.status;
    this.requestId = more.requestId ?? "";
  }
}

/** The answer is not one that a server of stage1 gives. */
export class AnswerNotUnderstood extends Stage1Error {
  override readonly name: string = "AnswerNotUnderstood";
}

/** The signal ended the work: what was done is recorded, and `resumeExperiment({ experimentId, ... })` goes on. */
export class Interrupted extends Stage1Error {
  override readonly name: string = "Interrupted";
  readonly experimentId: string;

  constructor(message: string, experimentId: string, cause: unknown) {
    super(message, "", { cause });
    this.experimentId = experimentId;
  }
}

const UNAVAILABLE = new Set([429, 502, 503, 504]);

/** The error of an answer that is no JSON of ours: a proxy's page, mostly. */
export function notUnderstood(status: number, mediaType: string, body: string, url: string): Stage1Error {
  const begins = shown((body.slice(0, 80).split("\n")[0] ?? "").trim());
  const message = `${url} answered with status ${status} and ${mediaType || "no media type"} (${begins}), where JSON was expected.`;
  const hint = "Either STAGE1_SERVER names no server of stage1, or what stands before it (a proxy) answered in its place.";
  return UNAVAILABLE.has(status) ? new ServerUnavailable(message, { hint, status }) : new AnswerNotUnderstood(message, hint);
}

/** The error of an answer whose status says that it is a refusal. */
export function problemIn(status: number, mediaType: string, body: string, url: string, requestId: string): Stage1Error {
  let found: unknown;
  try {
    found = JSON.parse(body);
  } catch {
    return notUnderstood(status, mediaType, body, url);
  }
  if (!isObject(found) || !["title", "detail", "code"].some((name) => name in found)) {
    return notUnderstood(status, mediaType, body, url);
  }
  const refused = new Refused(status, found, requestId);
  if (refused.code || !UNAVAILABLE.has(status)) return refused;
  return new ServerUnavailable(refused.message, { hint: refused.hint, status, requestId: refused.requestId });
}

/** Whether a value is an object of JSON. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text as it may stand in a sentence: printable ASCII, and not too long. */
export function shown(text: string): string {
  const cut = text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}...`;
  return JSON.stringify(cut).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const LONGEST_SHOWN = 40;

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
