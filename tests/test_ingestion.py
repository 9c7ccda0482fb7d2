"""Ingestion on real files, a real database and a real API: once, with its origin, and nothing lost in silence."""

import gzip
import json
import os
import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession

from lakehouse.errors import cause
from lakehouse.ingestion import (
    Copied,
    Discrepancy,
    Entry,
    EventLog,
    Ingested,
    NewColumns,
    ShopApi,
    arrivals,
    arrive,
    bounds,
    check_delivery,
    copied_files,
    copy_into,
    ingest_new_events,
    ingest_new_files,
    new_tag,
    read_partitioned,
    read_since,
    record,
    schema_versions,
)
from lakehouse.sources import Shop, land
from lakehouse.sources.wallet import WalletServer
from lakehouse.tables import write_once
from servers import connect_server, finished, python
from workbook.servers import Postgres, postgres, shop_api

pytestmark = [pytest.mark.slow_proof("platform"), pytest.mark.usefixtures("few_rows")]


class Place:
    """A landing zone, a table and a checkpoint of one test."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder, self.landing = spark, folder, folder / "landing"
        self.target, self.checkpoint = str(folder / "orders"), str(folder / "checkpoint")
        self.ingest = partial(ingest_new_files, spark, str(self.landing), self.target, self.checkpoint)

    def lands(self, name: str, *lines: str) -> Path:
        return arrive(self.landing / name, "".join(f"{line}\n" for line in lines).encode())

    def table(self, suffix: str = "") -> DataFrame:
        return self.spark.read.format("delta").load(self.target + suffix)

    def rows(self, *columns: str, order: str = "id") -> list[tuple[object, ...]]:
        return [tuple(row) for row in self.table().orderBy(order).selectExpr(*columns).collect()]

    def rescued(self) -> dict[object, dict[str, str]]:
        """What was rescued, by id, without the path, whose last part is checked."""
        found = {}
        for key, text in self.rows("id", "_rescued_data"):
            if text is not None:
                found[key] = json.loads(str(text))
                assert found[key].pop("_file_path").startswith("file:")
        return found


@pytest.fixture
def place(spark: SparkSession, tmp_path: Path) -> Place:
    return Place(spark, tmp_path)


# New files only


def test_a_restart_takes_in_new_files_only(place: Place) -> None:
    place.lands("a.jsonl", '{"id": 1, "quantity": 3}', '{"id": 2, "quantity": null}')
    assert place.ingest() == Ingested(1, 2, 0, 0, (), 0)
    place.lands("deeper/b.jsonl", '{"id": 3, "quantity": 5}')
    assert place.ingest() == Ingested(1, 1, 0, 0, (), 0)
    assert place.ingest() == Ingested(0, 0, 0, 0, (), 0)
    assert place.rows("id", "quantity", "_rescued_data") == [(1, 3, None), (2, None, None), (3, 5, None)]
    assert place.table().columns == [
        *("id", "quantity", "_rescued_data", "_file_path", "_file_modified_at", "_file_size"),
        *("_source", "_row_hash", "_ingested_at", "_batch_id"),
    ]
    origins = place.rows("substring_index(_file_path, '/', -1)", "_file_size", "_batch_id")
    assert origins == [("a.jsonl", 53, 0), ("a.jsonl", 53, 0), ("b.jsonl", 25, 1)]


def test_a_half_written_file_is_not_seen_before_it_is_renamed(place: Place) -> None:
    place.lands("a.jsonl", '{"id": 1}')
    half = place.landing / ".b.jsonl.part"
    half.write_text('{"id": 2}\n{"id"')
    assert place.ingest().files == 1
    half.write_text('{"id": 2}\n{"id": 3}\n')
    half.rename(place.landing / "b.jsonl")
    assert place.ingest().rows == 2
    assert place.rows("id") == [(1,), (2,), (3,)]


def test_a_file_that_changes_after_it_was_read_is_not_read_again(place: Place) -> None:
    place.lands("a.jsonl", '{"id": 1}')
    place.ingest()
    place.lands("a.jsonl", '{"id": 1}', '{"id": 2}')
    assert place.ingest().files == 0


def test_a_deleted_checkpoint_doubles_what_still_lies_there(place: Place) -> None:
    place.lands("a.jsonl", '{"id": 1}')
    place.lands("b.jsonl", '{"id": 2}')
    place.ingest()
    (place.landing / "a.jsonl").unlink()
    shutil.rmtree(place.checkpoint)
    place.lands("c.jsonl", '{"id": 3}')
    assert place.ingest() == Ingested(2, 2, 0, 0, (), 0)
    assert place.rows("id") == [(1,), (2,), (2,), (3,)]


def test_a_backfill_takes_in_old_files_in_batches_of_a_bounded_size(place: Place) -> None:
    for number in range(5):
        place.lands(f"{number}.jsonl", f'{{"id": {number}}}')
    assert place.ingest(files_per_batch=2).files == 5
    assert [number for (number,) in place.rows("_batch_id", order="_batch_id")] == [0, 0, 1, 1, 2]


def test_a_batch_that_was_written_before_its_checkpoint_is_not_written_again(place: Place) -> None:
    place.lands("a.jsonl", '{"id": 1}', "broken")
    place.ingest()
    for commit in Path(place.checkpoint, "commits").glob("*0*"):
        commit.unlink()
    place.ingest()
    assert place.rows("id") == [(1,)]
    assert place.table("_refused").count() == 1
    assert place.table("_audit").count() == 1


# A new column, in four modes


@pytest.fixture
def with_coupon(place: Place) -> Place:
    """A table whose second file has a new column."""
    place.lands("a.jsonl", '{"id": 1, "quantity": 3}')
    place.ingest()
    place.lands("b.jsonl", '{"id": 2, "quantity": 4, "coupon": "WINTER10"}')
    return place


def test_add_columns_gives_the_new_column_a_type_and_the_schema_a_version(with_coupon: Place) -> None:
    assert with_coupon.ingest(evolution="add_columns") == Ingested(1, 1, 0, 0, ("coupon",), 1)
    assert with_coupon.rows("id", "coupon", "_rescued_data") == [(1, None, None), (2, "WINTER10", None)]
    versions = schema_versions(with_coupon.spark, with_coupon.checkpoint)
    assert [version.simpleString() for version in versions] == [
        "struct<id:bigint,quantity:bigint>",
        "struct<id:bigint,quantity:bigint,coupon:string>",
    ]


def test_rescue_keeps_the_schema_and_the_value(with_coupon: Place) -> None:
    assert with_coupon.ingest(evolution="rescue") == Ingested(1, 1, 1, 0, (), 0)
    assert "coupon" not in with_coupon.table().columns
    assert with_coupon.rescued() == {2: {"coupon": "WINTER10"}}


def test_fail_writes_nothing_at_every_run_until_the_column_is_in_the_hints(with_coupon: Place) -> None:
    sentence = (
        r"^b\.jsonl has columns that the schema lacks: coupon\. Nothing of its batch was written: "
        r"give them a type in schema_hints, or take the file away\.$"
    )
    for _ in range(2):
        with pytest.raises(NewColumns, match=sentence):
            with_coupon.ingest(evolution="fail")
        assert with_coupon.rows("id") == [(1,)]
    found = with_coupon.ingest(evolution="fail", schema_hints="coupon STRING")
    assert found == Ingested(1, 1, 0, 0, ("coupon",), 1)
    assert with_coupon.rows("id", "coupon") == [(1, None), (2, "WINTER10")]


def test_fail_goes_on_once_the_file_is_taken_away(with_coupon: Place) -> None:
    with pytest.raises(NewColumns):
        with_coupon.ingest(evolution="fail")
    (with_coupon.landing / "b.jsonl").unlink()
    with_coupon.lands("c.jsonl", '{"id": 3, "quantity": 5}')
    assert with_coupon.ingest(evolution="fail").rows == 1
    assert with_coupon.rows("id") == [(1,), (3,)]


def test_none_ignores_the_column_and_loses_what_does_not_fit(place: Place) -> None:
    place.lands("a.jsonl", '{"id": 1, "quantity": 3}')
    place.ingest(evolution="none")
    place.lands("b.jsonl", '{"id": 2, "quantity": "4 pcs", "coupon": "WINTER10"}')
    assert place.ingest(evolution="none") == Ingested(1, 1, 0, 0, (), 0)
    assert place.rows("id", "quantity") == [(1, 3), (2, None)]
    assert not {"coupon", "_rescued_data"} & set(place.table().columns)


# A type that does not fit


@pytest.mark.parametrize("evolution", ["add_columns", "rescue", "fail"])
def test_a_type_flip_is_rescued_and_widens_nothing(place: Place, evolution: str) -> None:
    place.lands("a.jsonl", '{"id": 1, "quantity": 3}')
    place.ingest(evolution=evolution)
    place.lands(
        "b.jsonl", '{"id": 2, "quantity": "3"}', '{"id": 3, "quantity": 2.5, "ID": 9}', '{"id": 4, "quantity": "three"}'
    )
    assert place.ingest(evolution=evolution) == Ingested(1, 3, 3, 0, (), 0)
    assert place.rows("id", "quantity") == [(1, 3), (2, None), (3, None), (4, None)]
    assert place.rescued() == {2: {"quantity": "3"}, 3: {"quantity": "2.5", "ID": "9"}, 4: {"quantity": "three"}}


def test_hints_give_types_that_inference_cannot_and_nested_values_stay_text(place: Place) -> None:
    place.lands(
        "a.jsonl",
        '{"id": 1, "amount": 7.10, "at": "2026-01-01T09:00:00Z", "tags": ["a"], "buyer": {"city": "Lyon"}}',
        '{"id": 2, "amount": 7.123, "at": "soon", "buyer": {"city": ["Lyon"]}}',
    )
    place.ingest(schema_hints="amount DECIMAL(12,2), at TIMESTAMP, buyer STRUCT<city: INT>, note STRING")
    types = dict(place.table().dtypes)
    assert (types["amount"], types["at"], types["tags"], types["note"]) == (
        *("decimal(12,2)", "timestamp", "string", "string"),
    )
    assert place.rows("amount", "cast(at AS STRING)", "tags") == [
        (Decimal("7.10"), "2026-01-01 09:00:00", '["a"]'),
        (Decimal("7.12"), None, None),
    ]
    assert place.rescued() == {
        1: {"buyer": '{"city":"Lyon"}'},
        2: {"at": "soon", "buyer": '{"city":["Lyon"]}'},
    }


# What cannot be read


def test_broken_lines_and_corrupt_files_are_set_aside_with_a_reason_and_counted(place: Place) -> None:
    place.lands("a.jsonl", '{"id": 1}', '{"id": 2, "na', "", "[3]", '{"id": 4}')
    whole = gzip.compress(b"".join(b'{"id": %d}\n' % number for number in range(5, 2000)), mtime=0)
    arrive(place.landing / "b.jsonl.gz", whole[: len(whole) // 2])
    assert place.ingest() == Ingested(2, 2, 0, 3, (), 0)
    assert place.rows("id") == [(1,), (4,)]
    refused = place.table("_refused").selectExpr("substring_index(_file_path, '/', -1)", "record", "reason")
    assert sorted(map(tuple, refused.collect()), key=str) == [
        ("a.jsonl", "[3]", "not a JSON object"),
        ("a.jsonl", '{"id": 2, "na', "not a JSON object"),
        ("b.jsonl.gz", None, "the file cannot be read to its end"),
    ]


def test_what_is_more_or_less_than_one_json_object_is_refused_with_its_reason(place: Place) -> None:
    behind, twice, none = (
        *("something stands behind the JSON object", "a field comes twice in the JSON object", "not a JSON object"),
    )
    bad = {
        '{"id": 1}{"id": 2}': behind,
        '{"id": 1}, {"id": 2}': behind,
        '{"id": 1}] {"id": 2}': behind,
        '{"id": 1},': behind,
        '{"id": 1, "x": 2, "x": 3}': twice,
        '[{"id": 1}, {"id": 2}]': none,
        '{"id": "\0"}': none,
    }
    place.lands("a.jsonl", *bad, "{'id': 3}", '\t{"id": 4} ')
    arrive(place.landing / "b.jsonl", '{"id": 5}\n{"id": 6}\n'.encode("utf-16"))
    assert place.ingest() == Ingested(2, 2, 0, 9, (), 0)
    assert place.rows("id") == [(3,), (4,)], "names in single quotes are as good as in double ones"
    refused = dict(map(tuple, place.table("_refused").select("record", "reason").collect()))
    assert {record: refused.get(record) for record in bad} == bad
    assert Counter(refused.values()) == {behind: 4, twice: 1, none: 4}, "a line of UTF-16 is no JSON object"


@pytest.mark.parametrize("evolution", ["add_columns", "fail"])
def test_a_field_that_can_be_no_column_is_rescued(place: Place, evolution: str) -> None:
    kept = {"_batch_id": "7", "_c": "8", "a.b": "3", "": "4"}
    place.lands("a.jsonl", json.dumps({"id": 1, "Id": 2, "reason": "late", "record": "gold", "unit price": 5, **kept}))
    place.ingest(evolution=evolution)
    place.lands("b.jsonl", json.dumps({"id": 2, "Id": 3, "_source": "x", "_file_path": "here", "__file_path": "there"}))
    assert place.ingest(evolution=evolution) == Ingested(1, 1, 1, 0, (), 0)
    assert place.rows("reason", "record", "_source", "_batch_id", order="_batch_id") == [
        ("late", "gold", str(place.landing), 0),
        (None, None, str(place.landing), 1),
    ]
    [first, second] = [json.loads(str(text)) for (text,) in place.rows("_rescued_data", order="_batch_id")]
    assert first.pop("_file_path").endswith("a.jsonl") and second.pop("_file_path").endswith("b.jsonl")
    assert first == {"unit price": "5", "id": "1", **kept}
    assert second == {"id": "2", "_source": "x", "__file_path": "here", "___file_path": "there"}


def test_blank_lines_are_no_rows_and_an_empty_object_is_one(place: Place) -> None:
    place.lands("blank.jsonl", "", " ", "\t")
    assert place.ingest() == Ingested(1, 0, 0, 0, (), None)
    place.lands("empty.jsonl", "{}")
    assert place.ingest() == Ingested(1, 1, 0, 0, (), None)
    place.lands("a.jsonl", '{"id": 1}')
    assert place.ingest() == Ingested(1, 1, 0, 0, (), 0)
    assert place.rows("id") == [(None,), (1,)]


def test_hints_for_what_can_be_no_column_are_refused(place: Place) -> None:
    place.lands("a.jsonl", '{"id": 1}')
    with pytest.raises(ValueError, match="schema_hints gives a type to '_source', which cannot be a column"):
        place.ingest(schema_hints="id INT, _source STRING")


def test_a_csv_header_may_have_any_names_and_stand_behind_blank_lines(place: Place) -> None:
    place.lands("blank.csv", "", " ", "")
    place.lands("a.csv", "id,unit price,_source,a`b,_metadata,refused,reason", "1,2,3,4,5,6,7", "8,9")
    place.lands("b.csv", "", "", "name,id", "Zoé,2")
    place.lands("c.csv", "", "id,name", "3,Bob")
    place.lands("wide.csv", "id", ",".join("8" * 30_000))
    assert place.ingest(file_format="csv") == Ingested(5, 3, 1, 2, (), 0)
    assert place.rows("id", "name", "refused", "reason") == [
        ("1", None, "6", "7"),
        ("2", "Zoé", None, None),
        ("3", "Bob", None, None),
    ]
    assert place.rescued() == {"1": {"unit price": "2", "_source": "3", "a`b": "4", "_metadata": "5"}}
    refused = place.table("_refused").select("record", "reason").collect()
    assert set(map(tuple, refused)) == {
        ("8,9", "wrong number of columns"),
        (None, "the file cannot be read to its end"),
    }


def test_csv_is_read_by_the_names_in_each_header(place: Place) -> None:
    place.lands("a.csv", "id,name,day", '1,"Clark, Jr. ""Bob""",2026-01-01', "2,Zoé")
    place.lands("b.csv", "day,id,city", "soon,3,Lyon")
    place.lands("empty.csv")
    found = place.ingest(file_format="csv", schema_hints="day DATE", options={"inferSchema": "true"})
    assert found == Ingested(2, 2, 1, 1, (), 0), "Spark passes over files of no bytes"
    assert place.rows("id", "name", "day", "city") == [
        (1, 'Clark, Jr. "Bob"', date(2026, 1, 1), None),
        (3, None, None, "Lyon"),
    ]
    assert place.rescued() == {3: {"day": "soon"}}
    assert place.table("_refused").selectExpr("record", "reason").collect() == [("2,Zoé", "wrong number of columns")]


def test_parquet_keeps_its_types_and_a_file_with_another_type_is_rescued(place: Place) -> None:
    landing = str(place.landing)
    first = "SELECT 1 AS id, TIMESTAMP '2026-01-01 09:00:00.123456' AS at, 7.10BD AS amount"
    for query in (first, "SELECT 2 AS id, 'soon' AS at"):
        place.spark.sql(query).coalesce(1).write.mode("append").parquet(landing)
        place.ingest(file_format="parquet")
    (place.landing / "c.parquet").write_bytes(b"PAR1 and no more")
    assert place.ingest(file_format="parquet").refused == 1
    assert dict(place.table().dtypes)["amount"] == "decimal(3,2)"
    assert place.rows("id", "cast(at AS STRING)", "amount") == [
        (1, "2026-01-01 09:00:00.123456", Decimal("7.10")),
        (2, None, None),
    ]
    assert place.rescued() == {2: {"at": "soon"}}


def test_an_unknown_mode_is_refused_with_the_known_ones(place: Place) -> None:
    with pytest.raises(ValueError, match="evolution one of add_columns, rescue, fail, none; 'json' and 'merge' were"):
        place.ingest(evolution="merge")


# The books


def test_the_audit_table_says_what_arrived_when_from_where_how_many_and_what_was_refused(place: Place) -> None:
    place.lands("a.jsonl", '{"id": 1, "q": 1}', "broken")
    place.lands("b.jsonl", '{"id": 2, "q": "x"}')
    arrived = datetime(2026, 1, 1, 9).timestamp()
    for name in ("a.jsonl", "b.jsonl"):
        os.utime(place.landing / name, (arrived, arrived))
    audit = str(place.folder / "audit")
    place.ingest(audit=audit, source="payments", schema_hints="q INT")
    record(place.spark, audit, Entry("run-7", "crm", "updated_at >= 2026-01-01", 15, arrived_at=datetime(2026, 1, 2)))
    columns = ("source", "cast(arrived_on AS STRING)", "items", "rows", "rescued", "refused", "reasons")
    assert [tuple(row) for row in arrivals(place.spark, audit).selectExpr(*columns).collect()] == [
        ("crm", "2026-01-02", 1, 15, 0, 0, []),
        ("payments", "2026-01-01", 2, 2, 1, 1, ["not a JSON object"]),
    ]


# The landing zone


def test_a_delivery_is_checked_against_its_manifest(tmp_path: Path) -> None:
    files = land(Shop(0.01), 1, tmp_path)
    manifest = tmp_path / "_manifest" / "2026-01-02.json"
    assert check_delivery(tmp_path, manifest) == []
    [packed] = [file.path for file in files if file.path.endswith("csv")]
    (tmp_path / files[0].path).unlink()
    arrive(tmp_path / packed, b"customer_id\n")
    assert check_delivery(tmp_path, manifest) == [Discrepancy(files[0].path, "missing"), Discrepancy(packed, "changed")]


def test_a_packed_file_that_was_cut_is_unreadable(tmp_path: Path) -> None:
    files = land(Shop(0.01), 0, tmp_path)
    packed = next(file.path for file in files if file.path.endswith(".gz"))
    content = (tmp_path / packed).read_bytes()
    (tmp_path / packed).write_bytes(content[: len(content) // 2])
    assert check_delivery(tmp_path, tmp_path / "_manifest" / "2026-01-01.json") == [Discrepancy(packed, "unreadable")]


# COPY INTO


def test_copy_into_twice_loads_each_file_once(place: Place) -> None:
    copy = partial(copy_into, place.spark, str(place.landing), place.target, "csv", options={"header": "true"})
    place.lands("a.csv", "id", "1", "2")
    place.lands("b.csv", "id", "3")
    place.lands("notes.txt", "none of it")
    assert copy(pattern="*.csv") == Copied(files=2, rows=3, skipped=0)
    assert copy(pattern="*.csv") == Copied(files=0, rows=0, skipped=2)
    place.lands("a.csv", "id", "1", "2", "9")
    place.lands("c.csv", "id,city", "4,Lyon")
    assert copy(pattern="*.csv") == Copied(files=1, rows=1, skipped=2)
    assert place.rows("id", "city") == [("1", None), ("2", None), ("3", None), ("4", "Lyon")]
    names = sorted(path.rpartition("/")[2] for path in copied_files(place.spark, place.target))
    assert names == ["a.csv", "b.csv", "c.csv"]


def test_copy_into_by_force_loads_all_again(place: Place) -> None:
    place.lands("a.jsonl", '{"id": 1}')
    copy = partial(copy_into, place.spark, str(place.landing), place.target, "json")
    copy()
    assert copy(force=True) == Copied(files=1, rows=1, skipped=0)
    assert copy() == Copied(files=0, rows=0, skipped=1)
    assert place.rows("id") == [(1,), (1,)]


# Batches


def test_a_replayed_batch_is_skipped_and_so_is_any_older_one(place: Place) -> None:
    first, second = (place.spark.createDataFrame([(number,)], "id INT") for number in (1, 2))
    write_once(first, place.target, "orders", 1)
    write_once(first, place.target, "orders", 1)
    assert place.rows("id") == [(1,)]
    write_once(second, place.target, "orders", 0)
    assert place.rows("id") == [(1,)], "a smaller version is skipped, though its rows are new"
    write_once(second, place.target, "returns", 0)
    write_once(second, place.target, "orders", 2)
    assert place.rows("id") == [(1,), (2,), (2,)]


# The database


@pytest.fixture(scope="module")
def crm() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


def plan(frame: DataFrame) -> str:
    return frame._jdf.queryExecution().executedPlan().toString()


def test_a_partitioned_read_cuts_the_range_and_loses_no_row(spark: SparkSession, crm: Postgres) -> None:
    crm.apply_day(0)
    table = "(SELECT substr(customer_id, 2)::int AS number, * FROM customers) AS numbered"
    connection = (spark, crm.url, crm.properties)
    assert bounds(*connection, table, "number") == (1, 1000)
    frame = read_partitioned(*connection, table, "number", 1, 1001, 4)
    sizes = frame.selectExpr("spark_partition_id() AS part").groupBy("part").count().orderBy("part")
    assert [tuple(row) for row in sizes.collect()] == [(0, 250), (1, 250), (2, 250), (3, 250)]
    skewed = read_partitioned(*connection, table, "number", 1, 101, 4)
    sizes = skewed.selectExpr("spark_partition_id() AS part").groupBy("part").count().orderBy("part")
    assert [tuple(row) for row in sizes.collect()] == [(0, 25), (1, 25), (2, 25), (3, 925)]


def test_a_date_can_be_the_partition_column(spark: SparkSession, crm: Postgres) -> None:
    crm.apply_day(0)
    connection = (spark, crm.url, crm.properties, "customers", "signed_up_on")
    lower, upper = bounds(*connection)
    frame = read_partitioned(*connection, lower, upper, 3)
    assert (frame.rdd.getNumPartitions(), frame.count()) == (3, 1000)


def test_the_database_filters_and_the_plan_shows_it(spark: SparkSession, crm: Postgres) -> None:
    crm.apply_day(1)
    connection = (spark, crm.url, crm.properties, "customers", "updated_at")
    since = datetime(2025, 12, 31, 14, 1, 27)
    frame = read_since(*connection, since)
    assert "PushedFilters: [*IsNotNull(updated_at), *GreaterThanOrEqual(updated_at,2025-12-31 14:01:27.0)]" in plan(
        frame
    )
    assert frame.count() == 16, "fifteen changes of the day, and the newest row of the day before"
    assert read_since(*connection, None).count() == 1004


def test_a_long_transaction_is_missed_without_an_overlap(spark: SparkSession, crm: Postgres) -> None:
    crm.apply_day(0)
    connection = (spark, crm.url, crm.properties, "customers", "updated_at")
    change = "UPDATE customers SET city = '{}', updated_at = '{}' WHERE customer_id = '{}'"
    with crm.session() as slow:
        slow.execute("BEGIN")
        slow.execute(change.format("Lyon", "2026-01-01 09:00Z", "C0000001"))
        crm.execute(change.format("Paris", "2026-01-01 09:05Z", "C0000002"))
        newest = read_since(*connection, datetime(2025, 12, 31, 23)).agg({"updated_at": "max"}).first()[0]
        slow.execute("COMMIT")
    assert newest == datetime(2026, 1, 1, 9, 5)

    def seen(overlap: timedelta) -> list[tuple[str, str]]:
        rows = read_since(*connection, newest, overlap).orderBy("customer_id").select("customer_id", "city")
        return [tuple(row) for row in rows.collect()]

    assert seen(timedelta(0)) == [("C0000002", "Paris")]
    assert seen(timedelta(minutes=10)) == [("C0000001", "Lyon"), ("C0000002", "Paris")]


# The API


@pytest.fixture(scope="module")
def with_api(spark: SparkSession) -> SparkSession:
    spark.dataSource.register(ShopApi)
    return spark


def test_a_read_survives_429_and_500_and_gets_every_row(with_api: SparkSession) -> None:
    with shop_api(failures={2: 429, 3: 429, 5: 500}) as api:
        found = with_api.read.format("shop_api").options(url=api.url, page_size=40).load().collect()
        assert (len(found), len({row.product_id for row in found})) == (101, 100)
        assert api.answers == {200: 3, 429: 2, 500: 1}
    first = found[0]
    assert first.updated_at == datetime(2024, 12, 1, 9, 24, 38)
    assert isinstance(first.unit_price, Decimal) and isinstance(first.weight_g, int)
    assert {type(row.discontinued_on) for row in found} <= {type(None), date}


def test_tries_are_bounded_and_the_error_says_what_was_answered(with_api: SparkSession) -> None:
    with shop_api(failures=dict.fromkeys(range(1, 100), 500)) as api:
        frame = with_api.read.format("shop_api").options(url=api.url, tries=2).load()
        with pytest.raises(Exception, match="was asked 2 times; the last answer was 500"):
            frame.collect()
        assert api.answers == {500: 2}


def test_a_catalogue_that_has_not_changed_need_not_be_read_and_one_without_tags_always(tmp_path: Path) -> None:
    with shop_api() as api:
        tag = new_tag(api.url, None)
        assert tag and new_tag(api.url, tag) is None
    (tmp_path / "products").touch()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path)) as untagged:
        threading.Thread(target=untagged.serve_forever).start()
        url = f"http://127.0.0.1:{untagged.server_port}/products"
        assert [new_tag(url, None), new_tag(url, "")] == ["", ""]
        untagged.shutdown()


def test_a_wrong_question_is_not_asked_again(with_api: SparkSession) -> None:
    with shop_api() as api:
        frame = with_api.read.format("shop_api").options(url=api.url, page_size=1000).load()
        with pytest.raises(Exception, match=r"answered 400, which no retry will change: .*page_size is 1 to 100"):
            frame.collect()
        assert api.answers == {400: 1}


def test_updated_since_fetches_only_what_changed(with_api: SparkSession) -> None:
    with shop_api(failures={}) as api:
        api.show_day(1)
        options = {"url": api.url, "updated_since": "2026-01-01T00:00:00Z"}
        found = with_api.read.format("shop_api").options(**options).load().select("product_id").collect()
        assert [row.product_id for row in found] == ["P000037", "P000101", "P000059"]
        assert api.answers == {200: 1}


def test_a_stream_of_the_api_takes_up_where_it_stopped(with_api: SparkSession, place: Place) -> None:
    def run() -> None:
        stream = with_api.readStream.format("shop_api").options(url=api.url, page_size=100).load().writeStream
        stream = stream.format("delta").option("checkpointLocation", place.checkpoint).trigger(availableNow=True)
        stream.start(place.target).awaitTermination()

    with shop_api(failures={1: 500}) as api:
        run()
        assert place.table().count() == 101
        api.show_day(1)
        run()
        run()
    assert place.table().where("updated_at >= '2026-01-01'").count() == 3
    assert place.table().count() == 104


# A log of events


@pytest.fixture
def log(tmp_path: Path) -> Iterator[WalletServer]:
    with WalletServer(tmp_path / "log", failures={1: 429, 3: 500}) as server:
        yield server


def taken_in(place: Place, log: WalletServer, **options: int) -> Ingested:
    return ingest_new_events(place.spark, log.url, place.target, place.checkpoint, schema_hints="id BIGINT", **options)


def test_each_event_is_taken_in_once_with_its_address(place: Place, log: WalletServer) -> None:
    log.append("first", ['{"id": 1}', '{"id": 2}'])
    assert taken_in(place, log) == Ingested(1, 2, 0, 0, (), 0)
    log.append("second", ['{"id": 3}'])
    assert taken_in(place, log) == Ingested(1, 1, 0, 0, (), 0)
    assert taken_in(place, log) == Ingested(0, 0, 0, 0, (), 0)
    assert log.answers[429] == log.answers[500] == 1
    addresses = place.rows("id", "_origin", "_batch_id")
    assert addresses == [(n, f"{log.url}?from={n - 1:012d}&limit=1", n // 3) for n in (1, 2, 3)]
    [*items] = place.table("_audit").orderBy("item").select("item", "rows").collect()
    assert [tuple(item) for item in items] == [(f"{log.url}?from=0&limit=2", 2), (f"{log.url}?from=2&limit=1", 1)]


def test_an_event_may_have_new_columns_and_other_types_or_be_none(place: Place, log: WalletServer) -> None:
    log.append("first", ['{"id": 1}'])
    taken_in(place, log)
    log.append("second", ['{"id": "2", "coupon": "X"}', "[3]", '{"id": 4}'])
    assert taken_in(place, log) == Ingested(1, 2, 1, 1, ("coupon",), 1)
    assert place.rows("id", "coupon", order="_origin") == [(1, None), (None, "X"), (4, None)]
    [(text,)] = place.table().where("_rescued_data IS NOT NULL").select("_rescued_data").collect()
    assert json.loads(text) == {"id": "2", "_origin": f"{log.url}?from=000000000001&limit=1"}
    [(record, reason, origin)] = place.table("_refused").select("record", "reason", "_origin").collect()
    assert (record, reason, origin[-7:]) == ("[3]", "not a JSON object", "limit=1")


def test_events_that_were_written_before_the_checkpoint_are_not_written_again(place: Place, log: WalletServer) -> None:
    log.append("first", ['{"id": 1}'])
    taken_in(place, log)
    log.append("second", ['{"id": 2}'])
    taken_in(place, log)
    for commit in Path(place.checkpoint, "commits").glob("*1*"):
        commit.unlink()
    log.append("third", ['{"id": 3}'])
    taken_in(place, log)
    assert place.rows("id") == [(1,), (2,), (3,)]


def test_a_backlog_of_events_comes_in_batches_of_a_bounded_size(place: Place, log: WalletServer) -> None:
    log.append("first", [f'{{"id": {number}}}' for number in range(5)])
    assert taken_in(place, log, events_per_batch=2).files == 3
    assert place.rows("id", "_batch_id") == [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2)]


def test_many_events_come_in_many_requests_and_tasks(place: Place, log: WalletServer) -> None:
    log.append("half", [f'{{"id": {number}}}' for number in range(12_345)])
    log.append("rest", [f'{{"id": {number}}}' for number in range(12_345, 20_001)])
    assert taken_in(place, log).rows == 20_001
    assert place.table().agg({"id": "sum"}).collect() == [(20_000 * 20_001 // 2,)]
    assert place.table().where(f"_origin <> concat('{log.url}?from=', lpad(id, 12, '0'), '&limit=1')").isEmpty()


def test_a_running_stream_gets_the_events_as_they_come(place: Place, log: WalletServer) -> None:
    place.spark.dataSource.register(EventLog)
    stream = place.spark.readStream.format("event_log").option("url", log.url).load().writeStream.format("delta")
    query = stream.option("checkpointLocation", place.checkpoint).start(place.target)
    try:
        for number, event in enumerate(("a", "b")):
            log.append(str(number), [event])
            query.processAllAvailable()
            assert place.rows("number", "event", order="number")[-1] == (number, event)
    finally:
        query.stop()


def test_a_log_that_does_not_answer_is_named(place: Place, log: WalletServer) -> None:
    log.stop()
    with pytest.raises(StreamingQueryException) as error:
        taken_in(place, log)
    assert re.match(rf"ConnectionError: {log.url}\?from=0&limit=0 was asked 5 times", cause(error.value))


# Spark Connect


ON_CONNECT = """
from pathlib import Path
from lakehouse.errors import cause
from lakehouse.ingestion import *
from lakehouse.sources.wallet import WalletServer
from workbook import get_spark
from workbook.servers import postgres, shop_api
spark, folder = get_spark(), Path(FOLDER)
landing, target = str(folder / "landing"), str(folder / "orders")
arrive(folder / "landing" / "a.jsonl", b'{"id": 1, "quantity": 3}\\n')
print(ingest_new_files(spark, landing, target, str(folder / "checkpoint")))
arrive(folder / "landing" / "b.jsonl", b'{"id": 2, "quantity": "x", "coupon": "Y"}\\nbroken\\n')
arrive(folder / "landing" / "c.jsonl.gz", b"no gzip")
try:
    ingest_new_files(spark, landing, target, str(folder / "checkpoint"), evolution="fail")
except NewColumns as error:
    print(error)
print(ingest_new_files(spark, landing, target, str(folder / "checkpoint")))
print(copy_into(spark, landing, "copied", "text", pattern="*.jsonl"))
print(copy_into(spark, landing, "copied", "text", pattern="*.jsonl"))
spark.dataSource.register(ShopApi)
with shop_api() as api, postgres(0.01) as crm:
    print(spark.read.format("shop_api").option("url", api.url).load().count())
    connection = spark, crm.url, crm.properties, "customers", "signed_up_on"
    print(read_partitioned(*connection, *bounds(*connection), 2).count())
print([tuple(row)[2:6] for row in arrivals(spark, target + "_audit").collect()])
with WalletServer(folder / "log") as log:
    log.append("first", ['{"id": 1}', "no object"])
    print(ingest_new_events(spark, log.url, str(folder / "events"), str(folder / "numbers")))
try:
    ingest_new_events(spark, log.url, str(folder / "events"), str(folder / "numbers"))
except Exception as error:
    print(cause(error).replace(log.url, "URL")[:60])
"""


def test_all_of_it_runs_on_spark_connect(tmp_path: Path) -> None:
    with connect_server() as address:
        code = ON_CONNECT.replace("FOLDER", repr(str(tmp_path)))
        [(exit_code, out, error)] = finished([python(code, SPARK_REMOTE=address)])
    assert exit_code == 0, error
    assert out.splitlines() == [
        "Ingested(files=1, rows=1, rescued=0, refused=0, new_columns=(), schema_version=0)",
        "b.jsonl has columns that the schema lacks: coupon. Nothing of its batch was written: "
        "give them a type in schema_hints, or take the file away.",
        "Ingested(files=2, rows=1, rescued=1, refused=2, new_columns=('coupon',), schema_version=1)",
        "Copied(files=2, rows=3, skipped=0)",
        "Copied(files=0, rows=0, skipped=2)",
        "101",
        "100",
        "[(3, 2, 1, 2)]",
        "Ingested(files=1, rows=1, rescued=0, refused=1, new_columns=(), schema_version=0)",
        "ConnectionError: URL?from=0&limit=0 was asked 5 times; the l",
    ]
