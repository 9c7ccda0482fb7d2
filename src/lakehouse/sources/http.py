"""A small HTTP service of this machine: one resource to read, tags for what has not changed, failures on purpose."""

import json
import re
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlsplit

FAILURES: Mapping[int, int] = MappingProxyType({2: 429, 4: 500})
"""The status of the requests that fail unless told otherwise, by their number since the start."""


Running = TypeVar("Running", bound="Service")


class Answer(NamedTuple):
    """What a request gets: status, body (empty for 304), and the tag of what may be asked for again (200 and 304)."""

    status: int
    body: str
    tag: str = ""


def refused(status: int, reason: str) -> Answer:
    """The answer to a request that cannot be answered."""
    return Answer(status, json.dumps({"error": reason}))


class Service(ABC):
    """A running service with one resource, on a free port of 127.0.0.1. `found` says what is there.

    What has a tag comes with an `ETag`, and a request with `If-None-Match: <that tag>` gets a 304 without a body. HEAD
    is GET without the body. A 429 comes with `Retry-After: 0`; what cannot be answered is a 400 or a 404 with
    `{"error": "…"}`. `answers` counts the requests by status. `failures` gives the status of the requests that fail on
    purpose, by their number since the start.
    """

    def __init__(self, name: str, failures: Mapping[int, int] = FAILURES) -> None:
        self.answers: Counter[int] = Counter()
        self._name = name
        self._failures = dict(failures)
        self._lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.wfile.write(self._head())

            def do_HEAD(self) -> None:
                self._head()

            def _head(self) -> bytes:
                """Send the status and the headers. Returns the body."""
                answer = service._answer(self.path, self.headers.get("If-None-Match", ""))
                content = answer.body.encode()
                self.send_response(answer.status)
                if answer.status == 429:
                    self.send_header("Retry-After", "0")
                if answer.tag:
                    self.send_header("ETag", answer.tag)
                if answer.status != 304:
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                return content

            def log_message(self, *words: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        """The address of the resource."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{self._name}"

    @abstractmethod
    def found(self, asked: Mapping[str, str]) -> Answer:
        """What is there for the parameters of a request. One request is answered at a time."""

    def stop(self) -> None:
        """End the server. A second call does nothing."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self: Running) -> Running:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _answer(self, path: str, known: str) -> Answer:
        """The answer to a request for a path, by a client who says in `If-None-Match` which pages it knows."""
        with self._lock:
            number = self.answers.total() + 1
            parts = urlsplit(path)
            is_here = parts.path == f"/{self._name}"
            answer = (
                self.found(dict(parse_qsl(parts.query))) if is_here else refused(404, f"there is only /{self._name}")
            )
            if answer.tag and (known.strip() == "*" or answer.tag in re.findall(r'"[^"]*"', known)):
                answer = Answer(304, "", answer.tag)
            if planted := self._failures.get(number):
                answer = refused(planted, f"request {number} fails on purpose")
            self.answers[answer.status] += 1
        return answer
