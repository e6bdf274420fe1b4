/** Does the client ask again where twice is once, and nowhere else; and does every answer become the right error? */
import { afterEach, describe, expect, it } from "vitest";

import { AnswerNotUnderstood, ArgumentInvalid, Client, Refused, ServerUnavailable } from "@stage1/client";
import { Requests } from "../../src/requests.js";
import { millisecondsOf, Retries } from "../../src/retries.js";
import { segment, Transport, type Query } from "../../src/transport.js";
import { cut, cutWithin, json, Scripted, type Answering } from "./scripted.js";

const started: Scripted[] = [];
const paused: number[] = [];
afterEach(async () => {
  paused.length = 0;
  await Promise.all(started.splice(0).map((each) => each.close()));
});

async function asking(script: Answering[], timeoutMs = 50_000): Promise<{ server: Scripted; requests: Requests }> {
  const server = await Scripted.of(...script);
  started.push(server);
  const pause = (milliseconds: number): Promise<void> => {
    paused.push(milliseconds);
    return Promise.resolve();
  };
  const transport = new Transport(server.url, "t0ken", timeoutMs, fetch, new Retries({ pause }));
  return { server, requests: new Requests(transport, timeoutMs) };
}

const read = (requests: Requests, query: Query = {}, signal?: AbortSignal): Promise<{ ok: number }> =>
  requests.read("/x", "ok", query, signal);
const page = (text: string, status: number): Answering => (response) => {
  response.writeHead(status, { "Content-Type": "text/html" }).end(text);
};
const silent: Answering = () => undefined;
/** What is asked of somebody who never answers; it does not matter whether the time is up before anything was sent. */
function unanswered(): { asked: () => number; requests: Requests } {
  let asked = 0;
  const waiting = (_: unknown, { signal }: RequestInit = {}): Promise<Response> => {
    asked += 1;
    return new Promise((__, reject) => signal?.addEventListener("abort", () => { reject(signal.reason as Error); }));
  };
  const retries = new Retries({ pause: () => Promise.resolve() });
  const transport = new Transport("http://127.0.0.1:1", "", 20, waiting, retries);
  return { asked: () => asked, requests: new Requests(transport, 20) };
}

describe("asks again", () => {
  it.each<[string, Answering]>([
    ["503 and 429", json({ title: "later" }, 429)],
    ["a cut before the answer", cut],
    ["a cut within the answer", cutWithin],
  ])("what is read, after %s", async (_, fault) => {
    const { server, requests } = await asking([fault, json({ title: "busy" }, 503), json({ ok: 1 })]);
    expect(await read(requests, { a: "1 2", b: undefined, c: ["x", "y"] })).toEqual({ ok: 1 });
    expect(server.sent.map((sent) => sent.path)).toEqual(Array<string>(3).fill("/x?a=1+2&c=x&c=y"));
    expect(server.sent[0]?.headers).toMatchObject({ authorization: "Bearer t0ken", "accept-encoding": "identity" });
    expect(paused).toHaveLength(2);
    expect(paused[0]).toBeGreaterThanOrEqual(100);
    expect(paused[0]).toBeLessThanOrEqual(200);
  });

  it("what is written with a key, under the same key", async () => {
    const { server, requests } = await asking([cut, json({ title: "busy" }, 503, { "Retry-After": "7" }), json({ ok: 1 })]);
    expect(await requests.write("POST", "/x", { a: 1 }, { has: "ok", isSafe: false, key: "k1" })).toEqual({ ok: 1 });
    expect(server.sent.map((sent) => [sent.headers["idempotency-key"], sent.body])).toEqual(Array(3).fill(["k1", '{"a":1}']));
    expect(paused[1]).toBe(7000);
  });

  it("five times and no more", async () => {
    const { server, requests } = await asking(Array<Answering>(9).fill(json({ title: "busy", code: "S1H09" }, 503)));
    await expect(read(requests)).rejects.toMatchObject({ name: "Refused", status: 503, code: "S1H09" });
    expect(server.sent).toHaveLength(5);
  });

  it("once only where the time was up", async () => {
    const { asked, requests } = unanswered();
    await expect(read(requests)).rejects.toThrow(/did not answer in 2 tries: the time was up/);
    expect(asked()).toBe(2);
  });

  it("nobody too early, however long may be waited", async () => {
    const slowly: Answering = (response, sent) =>
      setTimeout(() => {
        json({ version: "1" })(response, sent);
      }, 30);
    const { server } = await asking([slowly]);
    expect(await new Client({ url: server.url, token: "", timeoutMs: Infinity }).serverVersion()).toBe("1");
    expect(server.sent).toHaveLength(1);
  });
});

describe("does not ask again", () => {
  it.each<[string, Answering]>([
    ["a cut before the answer", cut],
    ["a cut within the answer", cutWithin],
    ["503", json({ title: "busy" }, 503)],
  ])("what may apply twice, after %s", async (_, fault) => {
    const { server, requests } = await asking([fault, json({})]);
    await expect(requests.write("DELETE", "/x", undefined, { isSafe: false })).rejects.toBeInstanceOf(ServerUnavailable);
    expect(server.sent).toHaveLength(1);
  });

  it("what may apply twice, after silence", async () => {
    const { asked, requests } = unanswered();
    await expect(requests.write("DELETE", "/x", undefined, { isSafe: false })).rejects.toThrow(/look before you|time was up/);
    expect(asked()).toBe(1);
  });

  it("what the server refuses, and says all that it said", async () => {
    const problem = { title: "t", detail: "The dataset changed.", code: "S1E02", hint: "Read it again.", current_version_id: "v" };
    const { server, requests } = await asking([json(problem, 409, { "X-Request-Id": "r1" })]);
    const refused = await read(requests).catch((met: unknown) => met);
    expect(refused).toBeInstanceOf(Refused);
    expect(refused).toMatchObject({ status: 409, code: "S1E02", hint: "Read it again.", requestId: "r1", problem });
    expect((refused as Refused).message).toBe("The dataset changed.");
    expect(server.sent).toHaveLength(1);
  });
});

describe("an answer that is none of ours", () => {
  it.each<[string, Answering, new (...given: never[]) => Error, RegExp]>([
    ["a page in place of JSON", page("<html>proxy", 200), AnswerNotUnderstood, /status 200 and text\/html \("<html>proxy"\)/],
    ["a page that refuses", page("<html>no", 404), AnswerNotUnderstood, /status 404/],
    ["JSON that is cut", (response) => response.writeHead(200, { "Content-Type": "application/json" }).end("{"), AnswerNotUnderstood, /JSON/],
    ["a redirection", (response) => response.writeHead(302, { Location: "/y" }).end(), AnswerNotUnderstood, /redirection/],
    ["a page of another version", json({ rows: [] }), AnswerNotUnderstood, /has no next_cursor/],
    ["a page without items", json({ next_cursor: null }), AnswerNotUnderstood, /has no items/],
  ])("is an error: %s", async (_, answer, kind, said) => {
    const { requests } = await asking([answer]);
    const problem = await requests.page("/x", {}).catch((met: unknown) => met);
    expect(problem).toBeInstanceOf(kind);
    expect(String(problem)).toMatch(said);
  });

  it("is unavailability where a proxy says so", async () => {
    const { requests } = await asking(Array<Answering>(5).fill(page("<html>bad gateway", 502)));
    await expect(read(requests)).rejects.toBeInstanceOf(ServerUnavailable);
  });
});

describe("lines", () => {
  it("come as they are, wherever the pieces part", async () => {
    const text = '{"a":"é1"}\n{"a":"2"}\n\n'.replace("\n\n", "\n") + '{"a":"3"}';
    const { requests } = await asking([
      (response) => {
        response.writeHead(200, { "Content-Type": "application/x-ndjson" });
        for (const byte of Buffer.from(text)) response.write(Buffer.of(byte));
        response.end();
      },
    ]);
    const found: unknown[] = [];
    for await (const line of requests.lines("/x", {})) found.push(line);
    expect(found).toEqual([{ a: "é1" }, { a: "2" }, { a: "3" }]);
  });

  it.each<[string, string, string, RegExp]>([
    ["another form", "", "text/html", /status 200 and text\/html/],
    ["a page", '{"items":[],"next_cursor":null}', "application/json", /application\/json/],
    ["no object", "null\n", "application/x-ndjson", /a line that is no object of JSON/],
  ])("are no others: %s", async (_, text, type, said) => {
    const { requests } = await asking([(response) => response.writeHead(200, { "Content-Type": type }).end(text)]);
    await expect(requests.lines("/x", {}).next()).rejects.toThrow(said);
  });

  it("that are cut are an error, never the end", async () => {
    const { requests } = await asking([
      (response) => {
        response.writeHead(200, { "Content-Type": "application/x-ndjson" });
        response.write('{"a":1}\n', () => response.socket?.destroy());
      },
    ]);
    const read = async (): Promise<void> => {
      for await (const line of requests.lines("/x", {})) expect(line).toEqual({ a: 1 });
    };
    await expect(read()).rejects.toThrow(/was cut/);
  });
});

describe("the caller's signal", () => {
  it("ends what is waited for, with the caller's reason", async () => {
    const { server, requests } = await asking([silent]);
    const ending = new AbortController();
    const asked = read(requests, {}, ending.signal);
    setTimeout(() => {
      ending.abort(new Error("enough"));
    }, 20);
    await expect(asked).rejects.toThrow("enough");
    expect(server.sent.length).toBeLessThanOrEqual(1);
    await expect(read(requests, {}, ending.signal)).rejects.toThrow("enough");
  });
});

describe("addresses", () => {
  it.each(["", "127.0.0.1:8321", "ftp://x", "http://u:secret@x", "http://x/?a=1", "http://x/#a"])("refuses %j", (url) => {
    expect(() => new Client({ url, token: "" })).toThrow(ArgumentInvalid);
    expect(() => new Client({ url, token: "" })).not.toThrow(/secret/);
  });

  it("says when nobody is there", async () => {
    const server = await Scripted.of();
    const { url } = server;
    await server.close();
    const transport = new Transport(url, undefined, 20_000, fetch, new Retries({ pause: () => Promise.resolve() }));
    const write = new Requests(transport, 20_000).write("POST", "/x", {}, { isSafe: false });
    await expect(write).rejects.toThrow(/cannot be reached in 5 tries: .*ECONNREFUSED/);
  });

  it("keeps every name one segment", () => {
    expect(segment("a/b ?#%é")).toBe("a%2Fb%20%3F%23%25%C3%A9");
    for (const name of ["", ".", ".."]) expect(() => segment(name)).toThrow(ArgumentInvalid);
    expect(() => segment("\ud800")).toThrow(ArgumentInvalid);
  });

  it("reads a Retry-After of either form", () => {
    expect(millisecondsOf("3")).toBe(3000);
    expect(millisecondsOf(new Date(Date.now() + 60_000).toUTCString())).toBeGreaterThan(50_000);
    expect(millisecondsOf("soon")).toBeUndefined();
    expect(millisecondsOf(null)).toBeUndefined();
  });
});
