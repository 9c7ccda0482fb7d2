"""The shop's HTTP API as a data source of Spark: paged, patient with an overloaded server, and asking only for news."""

import json
import time
from collections.abc import Iterator
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from pyspark.sql.datasource import DataSource, DataSourceReader, SimpleDataSourceStreamReader
from pyspark.sql.types import StructType

SCHEMA = (
    "product_id STRING, name STRING, category STRING, unit_price DECIMAL(12,2), weight_g BIGINT, "
    "discontinued_on DATE, updated_at TIMESTAMP"
)
NOT_MODIFIED = 304
FIRST_WAIT, LONGEST_WAIT, PATIENCE = 0.1, 30.0, 30.0  # seconds
LONG_AGO = datetime(1970, 1, 1, tzinfo=timezone.utc)

Row = tuple[Any, ...]


class ShopApi(DataSource):
    """The data source `shop_api`: the shop's catalogue, one row a product of a page, in order of `updated_at`.

    Register it once with `spark.dataSource.register(ShopApi)`. Columns: product_id, name, category, unit_price (EUR),
    weight_g, discontinued_on, updated_at. A product may come twice, where pages overlap. Options:

    * `url`: the address, such as `shop_api().url` of `workbook.servers`;
    * `page_size`: rows a request, 50 unless told;
    * `updated_since`: an instant with its zone, such as `2026-01-01T00:00:00Z`; only rows that are not older;
    * `tries`: how often one page is asked for before the read fails, 5 unless told.

    Read with a schema that has `_page STRING` besides, each row comes with the address of its page.

    A page can only be asked for with the cursor of the one before, so a read is one task. As a stream its offset is the
    newest `updated_at`; rows that appear later with that same instant are not seen.
    """

    @classmethod
    def name(cls) -> str:
        return "shop_api"

    def schema(self) -> str:
        return SCHEMA

    def reader(self, schema: StructType) -> "Reader":
        return Reader(dict(self.options), "_page" in schema.names)

    def simpleStreamReader(self, schema: StructType) -> "StreamReader":
        return StreamReader(dict(self.options))


class Reader(DataSourceReader):
    """The rows that the API has now."""

    def __init__(self, options: dict[str, str], with_page: bool) -> None:
        self.options, self.with_page = options, with_page

    def read(self, partition: object) -> Iterator[Row]:
        for address, rows in pages(self.options):
            yield from ((*row, address) for row in rows) if self.with_page else rows


class StreamReader(SimpleDataSourceStreamReader):
    """The rows that are newer than the last ones."""

    def __init__(self, options: dict[str, str]) -> None:
        self.options = options

    def initialOffset(self) -> dict[str, str]:
        return {"newest": LONG_AGO.isoformat()}

    def read(self, start: dict[str, str]) -> tuple[Iterator[Row], dict[str, str]]:
        seen = datetime.fromisoformat(start["newest"])
        found = pages({**self.options, "updated_since": start["newest"]})
        rows = [row for _, page in found for row in page if row[-1] > seen]
        newest = max((row[-1] for row in rows), default=seen)
        return iter(rows), {"newest": newest.isoformat()}

    def readBetweenOffsets(self, start: dict[str, str], end: dict[str, str]) -> Iterator[Row]:
        rows, _ = self.read(start)
        return (row for row in rows if row[-1] <= datetime.fromisoformat(end["newest"]))


def pages(options: dict[str, str]) -> Iterator[tuple[str, list[Row]]]:
    """Each page of the catalogue: its address, and its items in the order of SCHEMA. For `options` see ShopApi."""
    if "url" not in options:
        raise ValueError('shop_api needs the address of the API: add .option("url", …).')
    asked = {"page_size": options.get("page_size", "50")}
    if "updated_since" in options:
        asked["updated_since"] = options["updated_since"]
    while True:
        address = f"{options['url']}?{urlencode(asked)}"
        page = json.loads(fetch(Request(address), int(options.get("tries", "5"))).body, parse_float=Decimal)
        yield address, [_row(item) for item in page["items"]]
        if page["next_cursor"] is None:
            return
        asked["cursor"] = page["next_cursor"]


def new_tag(url: str, known: str | None) -> str | None:
    """The tag of the catalogue as it is now, None if that is `known`: then nothing in it has changed.

    An empty text is the tag of a catalogue that gives none: whether it has changed nobody knows. It asks for the head
    of the first page, and like a reader is patient. Raises ConnectionError as `fetch` does.
    """
    answer = fetch(Request(url, method="HEAD", headers={"If-None-Match": known} if known else {}))
    return None if answer.status == NOT_MODIFIED else answer.tag or ""


class Answer(NamedTuple):
    """What a request got: a page and its tag. The body of a 304 is empty."""

    status: int
    body: bytes
    tag: str | None


def fetch(request: Request, tries: int = 5) -> Answer:
    """The answer to a request. A 429, a 5xx or no answer at all is tried again, `tries` times in all.

    Any other status is final. Waits as long as `Retry-After` says, or else twice as long each time, from a tenth of a
    second to half a minute. Raises ConnectionError with the last answer.
    """
    address = request.full_url
    for attempt in range(tries):
        try:
            with urlopen(request, timeout=PATIENCE) as answer:
                return Answer(answer.status, answer.read(), answer.headers.get("ETag"))
        except HTTPError as error:
            said, wait = str(error.code), error.headers.get("Retry-After")
            if error.code == NOT_MODIFIED:
                return Answer(NOT_MODIFIED, b"", error.headers.get("ETag"))
            if error.code != 429 and error.code < 500:
                reason = error.read().decode(errors="replace")
                raise ConnectionError(f"{address} answered {said}, which no retry will change: {reason}") from None
        except (URLError, TimeoutError) as error:
            said, wait = f"nothing ({error})", None
        if attempt + 1 < tries:
            time.sleep(_seconds(wait, attempt))
    raise ConnectionError(f"{address} was asked {tries} times; the last answer was {said}.")


def _seconds(retry_after: str | None, attempt: int) -> float:
    wanted = float(retry_after) if retry_after and retry_after.isdigit() else FIRST_WAIT * 2**attempt
    return min(wanted, LONGEST_WAIT)


def _row(item: dict[str, Any]) -> Row:
    """An item in the order of SCHEMA. A price may be a whole number in JSON."""
    left = item["discontinued_on"]
    return (
        item["product_id"],
        item["name"],
        item["category"],
        Decimal(item["unit_price"]),
        item["weight_g"],
        left and date.fromisoformat(left),
        datetime.fromisoformat(item["updated_at"].replace("Z", "+00:00")),
    )
