// Call a Forgehook webhook for a document and use the result. Copy this file: it needs Node 18 or
// later and no package. Node 22.18 and later strip its types and run it directly.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const waitSeconds = 50; // of one request: many proxies cut it after 60
const pauses = [200, 400, 800, 1600, 3200]; // milliseconds before each retry

export type Outcome = "delivered" | "skipped" | "failed" | "canceled" | "expired";

/** One call of a webhook. While its outcome is null it is running, and Client.wait awaits it. */
export interface Call<Result = unknown> {
  id: string;
  status: string;
  outcome: Outcome | null;
  statusCode: number | null; // of the endpoint's last response
  result: Result | null; // made of the response by response.result, or the callback's result
  error: { code: string; message: string } | null; // why it failed: "http_400", "timeout"
}

/** What a call is about: a document by id or whole, and more if needed. */
export type Subject = ({ documentId: number } | { document: object }) & {
  masterDocumentId?: number;
  parameterId?: number;
  verificationId?: number;
  workItemId?: number;
  reason?: string;
};

export interface Options {
  wait?: number; // seconds to wait for the outcome; without it, as long as it takes
  idempotencyKey?: string; // finds the same call after a crash; without it, retries share a new key
}

/** A request that the API refused or could not serve. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string; // stable: "unauthorized", "not-found", "invalid"; "" if the response is not the API's
  readonly errors: { location: string; message: string }[]; // the faults of the request

  constructor(status: number, said: Json) {
    const errors: Problem["errors"] = said.errors ?? [];
    const text = [said.title, said.detail].filter(Boolean).join(": ");
    super([`${status} ${text}`, ...errors.map((e) => `${e.location}: ${e.message}`)].join("; "));
    this.status = status;
    this.code = String(said.type ?? "").replace("urn:forgehook:problem:", "");
    this.errors = errors;
  }
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the API's JSON, which Call and Problem describe
type Json = any;

/** Talks to one API with one key. */
export class Client {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, apiKey: string) {
    this.#url = url.replace(/\/+$/, "");
    this.#key = apiKey;
  }

  /** Calls the webhook and waits for the outcome. Result is the unchecked type of call.result. */
  async callWebhook<Result = unknown>(webHookServiceId: number, subject: Subject, options: Options = {}): Promise<Call<Result>> {
    const until = Date.now() + (options.wait ?? Infinity) * 1000;
    const body = JSON.stringify({ webHookServiceId, ...subject });
    const response = await this.#send("POST", "/v1/calls", until, body, options.idempotencyKey ?? randomUUID());
    return this.#awaited(response.calls[0], until);
  }

  /** Waits up to so many seconds for the outcome of a call; with 0 it returns at once. */
  async wait<Result = unknown>(id: string, seconds = Infinity): Promise<Call<Result>> {
    const until = Date.now() + seconds * 1000;
    return this.#awaited(await this.#send("GET", `/v1/calls/${id}`, until), until);
  }

  async #awaited<Result>(call: Json, until: number): Promise<Call<Result>> {
    while (call.outcome === null && Date.now() < until) {
      call = await this.#send("GET", `/v1/calls/${call.id}`, until);
    }
    const { id, status, outcome, result, error } = call;
    return { id, status, outcome, statusCode: call.response?.statusCode ?? null, result, error };
  }

  async #send(method: string, path: string, until: number, body?: string, idempotencyKey?: string): Promise<Json> {
    for (let retry = 0; ; retry++) {
      const headers: Record<string, string> = { "X-Api-Key": this.#key };
      if (body !== undefined) headers["Content-Type"] = "application/json";
      if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
      const seconds = Math.min(waitSeconds, Math.ceil((until - Date.now()) / 1000));
      if (seconds > 0) headers["Prefer"] = `wait=${seconds}`;
      let pause = pauses[retry];
      try {
        // The API never redirects, and a followed redirect would send the key to another host.
        const signal = AbortSignal.timeout((waitSeconds + 30) * 1000);
        const response = await fetch(this.#url + path, { method, headers, body, signal, redirect: "manual" });
        if (response.ok) return await response.json();
        if (pause === undefined || (response.status !== 429 && response.status < 500)) {
          const said = await response.json().catch(() => null); // a proxy's own page
          throw new Problem(response.status, said ?? { title: response.statusText });
        }
        pause = Math.max(pause, Number(response.headers.get("Retry-After") ?? 0) * 1000 || 0);
        await response.body?.cancel();
      } catch (error) {
        // No response: the API may have got the request, so send the same again.
        if (error instanceof Problem || pause === undefined) throw error;
      }
      await sleep(pause);
    }
  }
}
