"""A log of events over HTTP as a stream: each event once, by its number, which the checkpoint keeps."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import Request

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.streaming.datasource import ReadLimit, ReadMaxRows, SupportsTriggerAvailableNow
from pyspark.sql.types import StructType

from lakehouse import tables
from lakehouse.ingestion.catalogue import fetch
from lakehouse.ingestion.formats import Records, json_schema, with_reasons
from lakehouse.ingestion.loads import Ingested, Load, items_of

EVENT = pa.schema([("number", pa.int64()), ("event", pa.string())])
EVENTS_A_BATCH, EVENTS_A_TASK, EVENTS_A_REQUEST = 1_000_000, 20_000, 1_000


class EventLog(DataSource):
    """The streaming data source `event_log`: one row an event, number BIGINT and event STRING, the text as it was sent.

    Register it once with `spark.dataSource.register(EventLog)`. The option `url` is the address of a log such as the
    wallet provider's: `GET <url>?from=&limit=` answers `{"events": ["…"], "end": 17}`; `events_per_batch` is a million
    unless told. The stream's offset is the number of the next event; the same numbers give the same events, so a batch
    can be read again after a crash.
    """

    @classmethod
    def name(cls) -> str:
        return "event_log"

    def schema(self) -> str:
        return "number BIGINT, event STRING"

    def streamReader(self, schema: StructType) -> "Reader":
        if "url" not in self.options:
            raise ValueError('event_log needs the address of the log: add .option("url", …).')
        return Reader(self.options["url"], int(self.options.get("events_per_batch", EVENTS_A_BATCH)))


class Range(InputPartition):
    """The events from number `first` up to `end`, which is not included: what one task reads."""

    def __init__(self, first: int, end: int) -> None:
        self.first, self.end = first, end


class Reader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    """The events that are new, in ranges that tasks read side by side."""

    def __init__(self, url: str, events_per_batch: int) -> None:
        self.url, self.events_per_batch = url, events_per_batch
        self.last: int | None = None

    def initialOffset(self) -> dict[str, int]:
        return {"next": 0}

    def getDefaultReadLimit(self) -> ReadLimit:
        return ReadMaxRows(self.events_per_batch)

    def prepareForTriggerAvailableNow(self) -> None:
        self.last = self._end()

    def latestOffset(self, start: dict[str, int], limit: ReadLimit) -> dict[str, int]:
        end = self._end() if self.last is None else self.last
        if isinstance(limit, ReadMaxRows):
            end = min(end, start["next"] + limit.max_rows)
        return {"next": end}

    def _end(self) -> int:
        return end_of_log(self.url)

    def partitions(self, start: dict[str, int], end: dict[str, int]) -> list[Range]:
        firsts = range(start["next"], end["next"], EVENTS_A_TASK)
        return [Range(first, min(first + EVENTS_A_TASK, end["next"])) for first in firsts]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        assert isinstance(partition, Range)
        for first in range(partition.first, partition.end, EVENTS_A_REQUEST):
            events = _asked(self.url, first, min(EVENTS_A_REQUEST, partition.end - first))["events"]
            yield pa.record_batch([pa.array(range(first, first + len(events)), pa.int64()), events], schema=EVENT)


def end_of_log(url: str) -> int:
    """The number that the next event of a log will get."""
    return int(_asked(url, 0, 0)["end"])


def _asked(url: str, first: int, limit: int) -> Any:
    """The answer of the log: its `events` from number `first` on, and its `end`."""
    return json.loads(fetch(Request(f"{url}?from={first}&limit={limit}")).body)


def ingest_new_events(
    spark: SparkSession,
    url: str,
    target: str,
    checkpoint: str,
    *,
    schema_hints: str | None = None,
    events_per_batch: int = EVENTS_A_BATCH,
    audit: str | None = None,
    source: str | None = None,
    properties: Mapping[str, str] | None = None,
) -> Ingested:
    """Append the events that are new in a log to the Delta table `target`, then stop.

    An event is a JSON object. New columns are added and what does not fit is rescued, as by `ingest_new_files`, whose
    arguments these are; the checkpoint keeps the number of the next event. Columns added: `_rescued_data` (JSON, with
    `_origin`), `_origin` (the address of the event), `_source`, `_row_hash`, `_ingested_at`, `_batch_id`. Events that
    are no objects go to the table `<target>_refused`. The table `audit` gets one row a batch.
    Raises ValueError for hints that name no column, StreamingQueryException where the log does not answer.
    """
    spark.dataSource.register(EventLog)
    load = Load(
        target,
        checkpoint,
        "add_columns",
        schema_hints,
        audit or f"{target}_audit",
        source or url,
        dict(properties or {}),
        texts=False,
    )
    reader = spark.readStream.format("event_log").options(url=url, events_per_batch=events_per_batch)
    return load.take_in(reader.load(), _Events(load, url).batch)


@dataclass(frozen=True)
class _Events:
    """What a batch of events must know, in plain values: on Spark Connect it runs in another process."""

    load: Load
    url: str

    def batch(self, events: DataFrame, number: int) -> None:
        """Write the events of one batch."""
        # Filled up with zeros, the addresses have the order of the events.
        event = F.format_string(f"{self.url}?from=%012d&limit=1", "number")
        records = with_reasons(events.select("number", F.col("event").alias("_record"), event.alias("_origin")))
        with tables.kept(records) as kept:
            [(first, end)] = kept.agg(F.min("number"), F.max("number") + 1).collect()
            place = F.lit(f"{self.url}?from={first}&limit={end - first}")
            rows = kept.drop("number")
            self.load.write(Records(rows, lambda: json_schema(rows, {})), items_of(rows, place), place, number)
