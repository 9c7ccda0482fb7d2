"""The catalogue's HTTP service: pages in order of change, tags for unchanged ones, failures on purpose."""

import hashlib
import json
from bisect import bisect_left
from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa

from lakehouse.sources.http import FAILURES, Answer, Service, refused
from lakehouse.sources.landing import json_lines
from lakehouse.sources.shop import Shop

LONG_AGO = "1970-01-01T00:00:00Z"


class ShopServer(Service):
    """A running catalogue service, one resource: `GET <url>?page_size=&cursor=&updated_since=`.

    It answers `{"items": […], "next_cursor": "…"}`; the items are rows of the table `products` in order of
    `updated_at` and `product_id`, at most `page_size` of them (20 unless told, 100 at most). `next_cursor` is null on
    the last page. `updated_since` is an instant with its zone and keeps the rows that are not older.

    A page comes with an `ETag`, another one as soon as anything in the catalogue is another.
    """

    def __init__(self, shop: Shop, failures: Mapping[int, int] = FAILURES) -> None:
        self._shop = shop
        super().__init__("products", failures)
        self.show_day(0)

    def show_day(self, day: int) -> None:
        """Show the catalogue as it is at the end of a day."""
        found = pa.concat_tables(self._shop.products(day))
        found = found.sort_by([("updated_at", "ascending"), ("product_id", "ascending")])
        times: list[datetime] = found["updated_at"].to_pylist()
        items: list[str] = json_lines(found).to_pylist()
        content = hashlib.sha256("\n".join(items).encode())
        with self._lock:
            self._times, self._items, self._content = times, items, content

    def found(self, asked: Mapping[str, str]) -> Answer:
        """A page of the catalogue."""
        try:
            size, start = int(asked.get("page_size", 20)), int(asked.get("cursor", 0))
            since = datetime.fromisoformat(asked.get("updated_since", LONG_AGO).replace("Z", "+00:00"))
            first = bisect_left(self._times, since) + start
        except (ValueError, TypeError):
            return refused(400, "page_size and cursor are whole numbers, updated_since is an instant with its zone")
        if not 1 <= size <= 100 or start < 0:
            return refused(400, "page_size is 1 to 100, and cursor comes from next_cursor")
        items = ", ".join(self._items[first : first + size])
        cursor = json.dumps(str(start + size) if first + size < len(self._items) else None)
        return Answer(200, f'{{"items": [{items}], "next_cursor": {cursor}}}', self._tag(asked))

    def _tag(self, asked: Mapping[str, str]) -> str:
        """The tag of a page: another one for another page, and for another catalogue."""
        content = self._content.copy()
        content.update(json.dumps(sorted(asked.items())).encode())
        return f'"{content.hexdigest()[:32]}"'
