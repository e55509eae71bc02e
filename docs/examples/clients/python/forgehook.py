"""Call a Forgehook webhook for a document and use the result.

Copy this file: it needs only Python 3.9 or later. As a program it takes the id of a webhook, and a
document by id or as JSON, and prints the outcome and the result:

    FORGEHOOK_URL=http://127.0.0.1:8080 FORGEHOOK_API_KEY=fh_... python3 forgehook.py 48100 9001
"""
from __future__ import annotations

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any

WAIT = 50  # seconds that one request waits: many proxies cut it after 60
PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2)  # seconds before each retry


@dataclass(frozen=True)
class Call:
    """One call of a webhook. While its outcome is None it is running, and Client.wait awaits it."""

    id: str
    status: str
    outcome: str | None  # delivered, skipped, failed, canceled or expired
    status_code: int | None  # of the endpoint's last response
    result: Any  # made of the response by response.result, or the callback's result
    error_code: str | None  # why it failed: "http_400", "timeout"
    error: str | None


@dataclass(eq=False)
class Problem(Exception):
    """A request that the API refused or could not serve."""

    status: int
    code: str  # stable: "unauthorized", "not-found", "invalid"; "" if the response is not the API's
    text: str
    errors: tuple[str, ...] = ()  # the faults of the request, each with its path

    def __str__(self) -> str:
        return "; ".join((f"{self.status} {self.text}", *self.errors))


class Client:
    """Talks to one API with one key. It is thread-safe."""

    def __init__(self, url: str, api_key: str) -> None:
        self._url, self._key = url.rstrip("/"), api_key
        self._opener = urllib.request.build_opener(_NoRedirect)

    def call_webhook(self, webhook: int, document: int | dict[str, Any], *, wait: float = float("inf"),
                     idempotency_key: str | None = None, **subject: Any) -> Call:
        """Calls the webhook for a document, by id or whole, and waits `wait` seconds at most.

        The same idempotency key returns the same call, even after a crash; without one, retries of
        this request share a new key. The subject may also have masterDocumentId, parameterId,
        verificationId, workItemId and reason.
        """
        until = time.monotonic() + wait
        which = "documentId" if isinstance(document, int) else "document"
        body = {"webHookServiceId": webhook, which: document, **subject}
        response = self._send("POST", "/v1/calls", until, body, idempotency_key or str(uuid.uuid4()))
        return self._awaited(response["calls"][0], until)

    def wait(self, call_id: str, wait: float = float("inf")) -> Call:
        """Waits up to `wait` seconds for the outcome of a call; with 0 it returns at once."""
        until = time.monotonic() + wait
        return self._awaited(self._send("GET", f"/v1/calls/{call_id}", until), until)

    def _awaited(self, call: dict[str, Any], until: float) -> Call:
        while call["outcome"] is None and time.monotonic() < until:
            call = self._send("GET", f"/v1/calls/{call['id']}", until)
        error, response = call["error"] or {}, call["response"] or {}
        return Call(call["id"], call["status"], call["outcome"], response.get("statusCode"), call["result"],
                    error.get("code"), error.get("message"))

    def _send(self, method: str, path: str, until: float, body: Any = None, idempotency_key: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        for pause in (*PAUSES, None):
            headers = {"X-Api-Key": self._key, "Content-Type": "application/json"}
            if idempotency_key:
                headers["Idempotency-Key"] = idempotency_key
            seconds = int(min(WAIT, until - time.monotonic() + 0.999))
            if seconds > 0:
                headers["Prefer"] = f"wait={seconds}"
            request = urllib.request.Request(self._url + path, data, headers, method=method)
            try:
                with self._opener.open(request, timeout=WAIT + 30) as response:
                    return json.load(response)
            except urllib.error.HTTPError as refused:
                if pause is None or (refused.code != 429 and refused.code < 500):
                    raise _problem(refused) from None
                after = refused.headers.get("Retry-After", "")
                pause = max(pause, int(after) if after.isdigit() else 0)
            except (OSError, http.client.HTTPException):  # the API may have got it: send the same again
                if pause is None:
                    raise
            time.sleep(pause)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The API never redirects, and a followed redirect would send the key to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _problem(refused: urllib.error.HTTPError) -> Problem:
    try:
        said = json.load(refused)
        errors = tuple(f"{e['location']}: {e['message']}" for e in said.get("errors") or ())
        return Problem(refused.code, said["type"].rsplit(":", 1)[-1], f"{said['title']}: {said['detail']}", errors)
    except (ValueError, KeyError, AttributeError, TypeError):  # a proxy's own page
        return Problem(refused.code, "", refused.reason)


if __name__ == "__main__":
    try:
        done = Client(os.environ["FORGEHOOK_URL"], os.environ["FORGEHOOK_API_KEY"]).call_webhook(int(sys.argv[1]), json.loads(sys.argv[2]))
    except Problem as problem:
        sys.exit(f"problem {problem.code}: {problem}")
    print("outcome:", done.outcome)
    print("result:", json.dumps(done.result))
    if done.error:
        print(f"error: {done.error_code}: {done.error}")
