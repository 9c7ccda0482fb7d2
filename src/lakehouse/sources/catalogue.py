"""The catalogue's HTTP service: pages in order of change, tags for unchanged ones, failures on purpose."""

import hashlib
import json
import re
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pyarrow as pa

from lakehouse.sources.landing import json_lines
from lakehouse.sources.shop import Shop

LONG_AGO = "1970-01-01T00:00:00Z"
FAILURES: Mapping[int, int] = MappingProxyType({2: 429, 4: 500})
"""The status of the requests that fail unless told otherwise, by their number since the start."""


class Answer(NamedTuple):
    """What a request gets: status, body as JSON (empty for 304) and the page's tag (200 and 304 only)."""

    status: int
    body: str
    tag: str = ""


class ShopServer:
    """A running catalogue service, one resource: `GET <url>?page_size=&cursor=&updated_since=`.

    It answers `{"items": […], "next_cursor": "…"}`; the items are rows of the table `products` in order of
    `updated_at` and `product_id`, at most `page_size` of them (20 unless told, 100 at most). `next_cursor` is null on
    the last page. `updated_since` is an instant with its zone and keeps the rows that are not older. A 429 comes with
    `Retry-After: 0`; what cannot be answered is a 400 or a 404 with `{"error": "…"}`.

    A page comes with an `ETag`, another one as soon as anything in the catalogue is another. A request with
    `If-None-Match: <that tag>` gets a 304 without a body until then. HEAD is GET without the body.

    `answers` counts the requests by status. `failures` gives the status of the requests that fail on purpose, by their
    number since the start.
    """

    def __init__(self, shop: Shop, failures: Mapping[int, int] = FAILURES) -> None:
        self.answers: Counter[int] = Counter()
        self._shop = shop
        self._failures = dict(failures)
        self._lock = threading.Lock()
        self.show_day(0)
        catalogue = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.wfile.write(self._head())

            def do_HEAD(self) -> None:
                self._head()

            def _head(self) -> bytes:
                """Send the status and the headers. Returns the body."""
                answer = catalogue._answer(self.path, self.headers.get("If-None-Match", ""))
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
        """The address of the catalogue."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/products"

    def show_day(self, day: int) -> None:
        """Show the catalogue as it is at the end of a day."""
        found = pa.concat_tables(self._shop.products(day))
        found = found.sort_by([("updated_at", "ascending"), ("product_id", "ascending")])
        times: list[datetime] = found["updated_at"].to_pylist()
        items: list[str] = json_lines(found).to_pylist()
        content = hashlib.sha256("\n".join(items).encode())
        with self._lock:
            self._times, self._items, self._content = times, items, content

    def stop(self) -> None:
        """End the server. A second call does nothing."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> "ShopServer":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _answer(self, path: str, known: str) -> Answer:
        """The answer to a request for a path, by a client who says in `If-None-Match` which pages it knows."""
        with self._lock:
            number = self.answers.total() + 1
            answer = self._page(path)
            if answer.tag and (known.strip() == "*" or answer.tag in re.findall(r'"[^"]*"', known)):
                answer = Answer(304, "", answer.tag)
            if planted := self._failures.get(number):
                answer = _error(planted, f"request {number} fails on purpose")
            self.answers[answer.status] += 1
        return answer

    def _page(self, path: str) -> Answer:
        parts = urlsplit(path)
        if parts.path != "/products":
            return _error(404, "there is only /products")
        asked = dict(parse_qsl(parts.query))
        try:
            size, start = int(asked.get("page_size", 20)), int(asked.get("cursor", 0))
            since = datetime.fromisoformat(asked.get("updated_since", LONG_AGO).replace("Z", "+00:00"))
            first = bisect_left(self._times, since) + start
        except (ValueError, TypeError):
            return _error(400, "page_size and cursor are whole numbers, updated_since is an instant with its zone")
        if not 1 <= size <= 100 or start < 0:
            return _error(400, "page_size is 1 to 100, and cursor comes from next_cursor")
        items = ", ".join(self._items[first : first + size])
        cursor = json.dumps(str(start + size) if first + size < len(self._items) else None)
        return Answer(200, f'{{"items": [{items}], "next_cursor": {cursor}}}', self._tag(path))

    def _tag(self, path: str) -> str:
        """The tag of a page: another one for another path, and for another catalogue."""
        content = self._content.copy()
        content.update(f"\n{path}".encode())
        return f'"{content.hexdigest()[:32]}"'


def _error(status: int, reason: str) -> Answer:
    return Answer(status, json.dumps({"error": reason}))
