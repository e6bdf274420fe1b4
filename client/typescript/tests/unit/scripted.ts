/** A server that answers as a script says, one answer for each request, and keeps what it was sent. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export type Answering = (response: ServerResponse, sent: Sent) => void;

export class Scripted {
  readonly sent: Sent[] = [];
  readonly #server: Server;
  readonly #script: Answering[];

  private constructor(script: readonly Answering[]) {
    this.#script = [...script];
    this.#server = createServer((request, response) => {
      this.#take(request, response);
    });
  }

  static async of(...script: Answering[]): Promise<Scripted> {
    const made = new Scripted(script);
    await new Promise<void>((resolve) => made.#server.listen(0, "127.0.0.1", resolve));
    return made;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const raw = Buffer.concat(pieces);
      const body = (request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw).toString();
      const sent = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body };
      this.sent.push(sent);
      const answer = this.#script.shift();
      if (answer) answer(response, sent);
      else response.writeHead(500).end("the script is over");
    });
  }
}

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Answering {
  return (response) => {
    const type = status < 400 ? "application/json" : "application/problem+json";
    response.writeHead(status, { "Content-Type": type, ...headers }).end(JSON.stringify(value));
  };
}

/** Ends the connection before the answer begins. */
export const cut: Answering = (response) => {
  response.socket?.destroy();
};

/** Ends the connection within the answer. */
export const cutWithin: Answering = (response) => {
  response.writeHead(200, { "Content-Type": "application/json", "Content-Length": "100" });
  response.write("{", () => response.socket?.destroy());
};
