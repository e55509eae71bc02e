// Call a Forgehook webhook for a document and use the answer. Copy this file: it needs Node 18 or later and no package.
// Its types can be stripped: Node 22.18 and later run it as it is.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const waitSeconds = 50; // that one request waits: many proxies cut what says nothing for 60
const pauses = [200, 400, 800, 1600, 3200]; // milliseconds before each retry

export type Outcome = "delivered" | "skipped" | "failed" | "canceled" | "expired";

/** One call of a webhook. While its outcome is null it is under way, and Client.wait awaits it. */
export interface Call<Result = unknown> {
  id: string;
  status: string;
  outcome: Outcome | null;
  statusCode: number | null; // of the endpoint's last answer
  result: Result | null; // what the webhook's response.result made of the answer, or what the endpoint called back
  error: { code: string; message: string } | null; // why it failed: "http_400", "timeout"
}

/** What a call is about: a document, by its id or whole, and perhaps more. */
export type Subject = ({ documentId: number } | { document: object }) & {
  masterDocumentId?: number;
  parameterId?: number;
  verificationId?: number;
  workItemId?: number;
  reason?: string;
};

export interface Options {
  wait?: number; // seconds to wait for the outcome; without it, as long as it takes
  idempotencyKey?: string; // the same key answers the same call, also after a crash; without it, retries share one of their own
}

/** The API's answer when it did not do what was asked. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string; // stable: "unauthorized", "not-found", "invalid"; "" where the answer is not the API's
  readonly errors: { location: string; message: string }[]; // what is wrong with the request

  constructor(status: number, said: Answer) {
    const errors: Problem["errors"] = said.errors ?? [];
    const text = [said.title, said.detail].filter(Boolean).join(": ");
    super([`${status} ${text}`, ...errors.map((e) => `${e.location}: ${e.message}`)].join("; "));
    this.status = status;
    this.code = String(said.type ?? "").replace("urn:forgehook:problem:", "");
    this.errors = errors;
  }
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of the API, whose shape Call and Problem say
type Answer = any;

/** Talks to one API with one key. */
export class Client {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, apiKey: string) {
    this.#url = url.replace(/\/+$/, "");
    this.#key = apiKey;
  }

  /** Calls the webhook and waits for the outcome. Result is the type of what its response.result gives; nothing checks it. */
  async callWebhook<Result = unknown>(webHookServiceId: number, subject: Subject, options: Options = {}): Promise<Call<Result>> {
    const until = Date.now() + (options.wait ?? Infinity) * 1000;
    const body = JSON.stringify({ webHookServiceId, ...subject });
    const answer = await this.#send("POST", "/v1/calls", until, body, options.idempotencyKey ?? randomUUID());
    return this.#awaited(answer.calls[0], until);
  }

  /** Waits up to so many seconds for the outcome of a call; 0 says how it stands. */
  async wait<Result = unknown>(id: string, seconds = Infinity): Promise<Call<Result>> {
    const until = Date.now() + seconds * 1000;
    return this.#awaited(await this.#send("GET", `/v1/calls/${id}`, until), until);
  }

  async #awaited<Result>(call: Answer, until: number): Promise<Call<Result>> {
    while (call.outcome === null && Date.now() < until) {
      call = await this.#send("GET", `/v1/calls/${call.id}`, until);
    }
    const { id, status, outcome, result, error } = call;
    return { id, status, outcome, statusCode: call.response?.statusCode ?? null, result, error };
  }

  async #send(method: string, path: string, until: number, body?: string, idempotencyKey?: string): Promise<Answer> {
    for (let retry = 0; ; retry++) {
      const headers: Record<string, string> = { "X-Api-Key": this.#key };
      if (body !== undefined) headers["Content-Type"] = "application/json";
      if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
      const seconds = Math.min(waitSeconds, Math.ceil((until - Date.now()) / 1000));
      if (seconds > 0) headers["Prefer"] = `wait=${seconds}`;
      let pause = pauses[retry];
      try {
        // The API never redirects; following one would take the key elsewhere.
        const signal = AbortSignal.timeout((waitSeconds + 30) * 1000);
        const answer = await fetch(this.#url + path, { method, headers, body, signal, redirect: "manual" });
        if (answer.ok) return await answer.json();
        if (pause === undefined || (answer.status !== 429 && answer.status < 500)) {
          const said = await answer.json().catch(() => null); // a proxy answers with a page of its own
          throw new Problem(answer.status, said ?? { title: answer.statusText });
        }
        pause = Math.max(pause, Number(answer.headers.get("Retry-After") ?? 0) * 1000 || 0);
        await answer.body?.cancel();
      } catch (error) {
        // No answer: whether it was heard is unknown, so ask the same again.
        if (error instanceof Problem || pause === undefined) throw error;
      }
      await sleep(pause);
    }
  }
}
