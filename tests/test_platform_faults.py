"""The platform under faults: killed, without a source, fed with rubbish, run twice at once, read while rebuilt."""

import fcntl
import gzip
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import DataPlatformOrchestrator, books, bronze, clustering, erasure, gold, live, serving, silver, tables
from lakehouse.addresses import Addresses
from lakehouse.errors import PlatformError
from lakehouse.lake import Lake
from lakehouse.live import Live
from lakehouse.outcome import Book, Increment, LayerFailed, Measured, PlatformResult, Progress
from lakehouse.places import Places
from lakehouse.silver import audit
from lakehouse.sources import SourceSystems
from lakehouse.sources.ports import free_port
from platforms import SCALE, SEED, grow_a_small_forest

pytestmark = pytest.mark.slow_proof("platform")

SCHEMA = "the_shop"


class Shop:
    """A platform on source systems that stay up between its runs, so that a test can break them."""

    def __init__(self, spark: SparkSession, base: Path, systems: SourceSystems) -> None:
        self.spark, self.base, self.systems = spark, base, systems
        self.addresses: Addresses = systems.addresses
        self.lake = Lake(spark, Places(str(base), schema=SCHEMA))
        self.day = 0

    def next_day(self) -> None:
        """Let the sources deliver another day: something new for the next run."""
        self.day += 1
        self.systems.deliver(self.day)

    def run(self, **changed: str) -> PlatformResult:
        addresses = replace(self.addresses, **changed)  # type: ignore[arg-type]
        return self.platform(addresses=addresses).run_full_pipeline()

    def platform(self, **given: Any) -> DataPlatformOrchestrator:
        given = {"schema": SCHEMA, "addresses": self.addresses, "as_of": date(2026, 1, 1), **given}
        return DataPlatformOrchestrator(self.spark, self.base, **given)

    def gold(self) -> dict[str, list[str]]:
        """The rows of every table of gold, as sorted texts."""
        return {
            table.name: sorted(map(str, self.lake.read(f"gold/{table.name}").collect())) for table in gold.GOLD_TABLES
        }

    def lands(self, name: str, content: bytes) -> None:
        path = self.base / "landing" / "payments" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A platform that has the initial load, and whatever earlier tests have delivered: nothing is left to be done."""
    base = tmp_path_factory.mktemp("shop")
    spark.sql(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    with SourceSystems(base / "landing", SCALE, SEED) as systems, pytest.MonkeyPatch.context() as small:
        grow_a_small_forest(small)
        built = Shop(spark, base, systems)
        systems.deliver(built.day)
        built.run()
        yield built


def revenues(shop: Shop) -> tuple[int, object, object]:
    """The newest release, and the revenue of all time by day and by product, as of it."""
    release = serving.newest_release(shop.lake)
    sums = []
    for name in ("daily_sales", "product_performance"):
        rows = serving.released(shop.lake, name, release).agg(F.sum("revenue_eur")).collect()
        sums.append(rows[0][0])
    return release["release"], *sums


def failures(shop: Shop) -> list[tuple[str, str]]:
    """The layers that have failed, and what was noted of it, in order of time."""
    failed = shop.lake.read("audit/operations").where("status = 'failed'").orderBy("at")
    return [(note["layer"], note["message"]) for note in failed.collect()]


def test_a_source_that_is_down_is_named_and_what_is_above_keeps_its_state(shop: Shop) -> None:
    before, failed = revenues(shop), failures(shop)
    shop.next_day()
    nobody = f"http://127.0.0.1:{free_port()}/products"
    said = r"The layer bronze failed: .*products.*silver of .* UTC \(0 h \d+ min ago\)"
    with pytest.raises(LayerFailed, match=said) as error:
        shop.run(catalogue_url=nobody)
    assert error.value.layer == "bronze"
    assert revenues(shop) == before
    with pytest.raises(PlatformError, match="Silver lacks rows that bronze has of the CRM"):
        erasure.forget(shop.lake, "C0000001")
    noted = failures(shop)[len(failed) :]
    assert [(layer, "products" in message) for layer, message in noted] == [("bronze", True)]
    assert shop.run().balanced


def test_a_layer_that_failed_is_resumed_and_readers_never_see_a_mixture(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.next_day()
    seen: set[tuple[int, object, object]] = {revenues(shop)}
    with monkeypatch.context() as broken:
        broken.setattr(gold, "refresh", lambda *arguments: 1 / 0)
        with pytest.raises(LayerFailed, match=r"The layer gold failed: ZeroDivisionError.*serving of"):
            shop.run()
    seen.add(revenues(shop))
    assert len(seen) == 1, "serving changed although gold failed"
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(revenues(shop))

    reader = threading.Thread(target=read)
    reader.start()
    shown = api_releases(shop)
    try:
        with monkeypatch.context() as unreachable:
            unreachable.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
            unreachable.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
            said = r"The layer ml failed: MLflow's store http://127.0.0.1:9 does not .* What was there is kept: api of"
            with pytest.raises(LayerFailed, match=said):
                shop.run()
        assert api_releases(shop) == shown
        result = shop.run()
        rebuild(shop)
    finally:
        done.set()
        reader.join()
    seen.add(revenues(shop))
    assert not result.nothing_new
    assert [layer.name for layer in result.layers if layer.rows] == ["ml", "api"]
    assert api_releases(shop) == shown + 1
    assert len(seen) == 2, "each release has one state"
    assert all(by_day == by_product for _, by_day, by_product in seen)


def rebuild(shop: Shop) -> None:
    gold.rebuild(shop.lake, shop.lake.versions("silver", gold.INPUTS))


def api_releases(shop: Shop) -> int:
    return shop.lake.read("api/releases").count()


def whose(shop: Shop, customer_id: str) -> dict[str, int]:
    """How many rows of each table that is about customers are one customer's, with the records that were refused."""
    counts = []
    for name in (
        *("bronze/customer_changes", "silver/customer_changes", "silver/customers"),
        *("silver/quarantine", "silver/duplicates", "gold/customer_360"),
        *("ml/features", "ml/predictions", "ml/recommendations"),
    ):
        rows = shop.lake.read(name)
        if "record" in rows.columns:
            theirs = (F.col("source") == "customer_changes") & F.col("record").contains(customer_id)
        else:
            theirs = F.col("customer_id") == customer_id
        counts.append(rows.agg(F.lit(name).alias("table"), F.count_if(theirs).alias("rows")))
    return {row["table"]: row["rows"] for row in reduce(DataFrame.union, counts).collect()}


def payments_of(shop: Shop, customer_id: str) -> int:
    rows = shop.lake.read("silver/transactions")
    return rows.where(F.col("customer_id") == customer_id).count()


@dataclass(frozen=True)
class Forgotten:
    """A customer who was forgotten, what there was of them before, and what the first erasure and a second one did."""

    customer_id: str
    before: dict[str, int]
    paid: int
    erased: dict[str, int]
    again: dict[str, int]


@pytest.fixture(scope="module")
def forgotten(shop: Shop) -> Forgotten:
    """A customer whose newest change the CRM would deliver once more; the layers above silver do not know yet."""
    changed = shop.lake.read("bronze/customer_changes").groupBy("customer_id")
    known = shop.lake.read("ml/recommendations").select("customer_id")
    newest = changed.agg(F.max("recorded_at").alias("at")).join(known, "customer_id", "left_semi")
    [(customer_id,)] = newest.orderBy(F.desc("at"), "customer_id").limit(1).select("customer_id").collect()
    before, paid = whose(shop, customer_id), payments_of(shop, customer_id)
    shop.systems.forget(customer_id)
    erased = erasure.forget(shop.lake, customer_id.lower())
    return Forgotten(customer_id, before, paid, erased, erasure.forget(shop.lake, customer_id))


def test_who_is_forgotten_is_in_no_table_and_does_not_come_back(shop: Shop, forgotten: Forgotten) -> None:
    before = forgotten.before
    assert {name for name, rows in before.items() if rows} >= {
        *("bronze/customer_changes", "silver/customer_changes", "silver/customers", "gold/customer_360"),
        *("ml/features", "ml/predictions", "ml/recommendations"),
    }
    assert forgotten.erased == {name: rows for name, rows in before.items() if name.startswith(("bronze", "silver"))}
    assert set(forgotten.again.values()) == {0}
    noted = shop.lake.read(bronze.ARRIVALS).where("item = 'erased on request'")
    assert [row["rows"] for row in noted.collect()] == [-before["bronze/customer_changes"]]

    sales = shop.gold()["daily_sales"]
    shop.next_day()
    assert shop.run().balanced
    assert shop.gold()["daily_sales"] != sales
    assert set(whose(shop, forgotten.customer_id).values()) == {0}
    assert payments_of(shop, forgotten.customer_id) >= forgotten.paid > 0


def test_only_who_can_be_known_is_forgotten(spark: SparkSession, tmp_path: Path) -> None:
    nothing = Lake(spark, Places(str(tmp_path)))
    with pytest.raises(PlatformError, match="There is nothing to forget under"):
        erasure.forget(nothing, "C0000001")
    with pytest.raises(PlatformError, match="is no id of a customer"):
        erasure.forget(nothing, "C1' OR '1' = '1")


@pytest.mark.usefixtures("forgotten")
def test_a_rebuild_makes_what_was_kept_up_to_date_key_by_key(shop: Shop) -> None:
    """After an initial load, a customer who is forgotten, a rebuild, and another day."""
    rebuild(shop)
    shop.next_day()
    assert shop.run().balanced
    kept = shop.gold()
    assert all(kept.values())
    rebuild(shop)
    assert shop.gold() == kept


def batches_done(shop: Shop) -> dict[str, int]:
    """The newest batch that each layer has done, by the journal."""
    done = shop.lake.read("audit/operations").where("status = 'done'")
    return {note["layer"]: note["batch"] for note in done.groupBy("layer").agg(F.max("batch").alias("batch")).collect()}


def test_a_journal_that_was_begun_without_marks_is_continued(shop: Shop) -> None:
    """Marks were messages once. Who does not know it reads the catalogue and judges what was refused once more."""
    journal = shop.lake.read("audit/operations")
    old = journal.withColumn("message", F.coalesce("mark", "message")).drop("mark")
    writer = old.write.format("delta").mode("overwrite").option("overwriteSchema", True)
    writer.saveAsTable(shop.lake.table("audit/operations"))
    before = batches_done(shop)
    shop.run()
    after = batches_done(shop)
    assert (after["bronze"], after["silver"]) == (before["bronze"], before["silver"])
    shop.next_day()
    assert shop.run().balanced
    marked = shop.lake.read("audit/operations").where("mark IS NOT NULL")
    assert {note["layer"] for note in marked.collect()} >= {"bronze", "silver"}


def test_tables_in_a_catalog_have_the_names_of_their_layers(shop: Shop) -> None:
    names = {row["tableName"] for row in shop.spark.sql(f"SHOW TABLES IN {SCHEMA}").collect()}
    assert {"bronze_products", "silver_customers", "gold_customer_360", "serving_releases"} <= names
    assert not list(shop.base.glob("gold*"))


def test_names_are_quoted_and_a_path_may_be_anywhere() -> None:
    named = Places("s3a://bucket/shop/", catalog="a-b", schema="c`d")
    assert named.table("gold/daily_sales") == "`a-b`.`c``d`.gold_daily_sales"
    assert named.folder("checkpoints") == "s3a://bucket/shop/checkpoints"
    assert Places("abfss://x@y/z").table("gold/daily_sales") == "abfss://x@y/z/gold/daily_sales"
    assert (named.local, Places("/Volumes/a/b/c").local) == (None, Path("/Volumes/a/b/c"))
    with pytest.raises(PlatformError, match="catalog main was given without a schema"):
        Places("/tmp/x", catalog="main")


def test_without_addresses_the_base_path_is_a_folder_of_this_machine(spark: SparkSession) -> None:
    with pytest.raises(PlatformError, match="give the addresses of your own source systems"):
        DataPlatformOrchestrator(spark, "s3a://bucket/shop")


def test_clustering_changes_how_rows_lie_and_nothing_else(shop: Shop) -> None:
    before = shop.gold()
    clustering.maintain(shop.lake)
    target = shop.lake.identifier("silver/transactions")
    [detail] = shop.spark.sql(f"DESCRIBE DETAIL {target}").select("clusteringColumns").collect()
    assert detail["clusteringColumns"] == ["ordered_on", "customer_id"]
    assert shop.run().balanced
    assert shop.gold() == before


LINE = (
    '{"transaction_id": "T900-0000000%d", "order_id": "O1", "customer_id": "C0000001", "product_id": "P000001", '
    '"quantity": %s, "unit_price": 1.00, "amount": 1.00, "currency": "EUR", "channel": "online", '
    '"payment_method": "card", "ordered_at": "%s"}'
)
HEADER = "transaction_id,order_id,customer_id,product_id,quantity,unit_price,amount,currency,channel,payment_method"
ROW = "T901-0000000%d,O1,C0000001,P000001,1,1.00,1.00,EUR,store,cash"
NOON = "2026-01-01T12:00:00Z"
BAD_ONLINE = {
    # name: (content, how many rows it counts as)
    "bom.jsonl": (b"\xef\xbb\xbf" + (LINE % (1, 1, NOON)).encode() + b"\n", 1),
    "latin1.jsonl": ((LINE % (2, 1, NOON)).replace("O1", "Ünïcode").encode("latin-1") + b"\n", 1),
    "truncated.jsonl.gz": (gzip.compress(((LINE % (3, 1, NOON)) * 500).encode())[:100], 1),
    "empty.jsonl": (b"", 0),
    "blank.jsonl": (b"\n  \n\n", 0),
    "nested.jsonl": (b'{"transaction_id": {"a": null}, "quantity": [null, {"b": null}], "amount": {}}\n', 1),
    "numbers.jsonl": ((LINE % (4, "99999999999999999999999999", NOON) + "\n" + LINE % (5, "1e400", NOON)).encode(), 2),
    "dates.jsonl": (
        "\n".join(LINE % (6, 1, when) for when in ("0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "x")).encode(),
        3,
    ),
    "💶 O'Brien; DROP TABLE silver -- %20.jsonl": (
        (LINE % (7, 1, NOON)).replace("O1", "'; DROP TABLE x; -- 😀").encode(),
        1,
    ),
    "long.jsonl": ((LINE % (8, 1, NOON)).replace("O1", "x" * 10_000_000).encode(), 1),
    "no objects.jsonl": (b'[1, 2]\nnull\n"text"\n42\n{"a": \n', 5),
    "twice.jsonl": (b'{"quantity": 1, "quantity": 2}\n', 1),
    "two on a line.jsonl": ((LINE % (9, 1, NOON) + LINE % (10, 1, NOON)).encode(), 1),
    "names.jsonl": (b'{"_source": "x", "_file_path": "x", "_change_type": "x", "reason": 1, "a b": 2, "a.b": 3}\n', 1),
    "kinds.jsonl": (b'{"gift": 1, "Quantity": 2}\n', 1),
    "newlines.jsonl": (b"\n\n\n", 0),
    "empty object.jsonl": (b"{}\n", 1),
    "utf16.jsonl": ((LINE % (11, 1, NOON) + "\n").encode("utf-16"), 1),
    "single quotes.jsonl": ((LINE % (12, 1, NOON)).replace('"', "'").encode(), 1),
}
BAD_STORE = {
    "wrong header.csv": (b"a,b,c\n1,2,3\n4,5,6\n", 2),
    "twice.csv": (f"{HEADER},amount\n{ROW % 1},2.00\n".encode(), 1),
    "header only.csv": (HEADER.encode(), 0),
    "newlines.csv": (b"\n\n\n", 0),
    "blanks in the header.csv": (b"transaction id,_batch_id,gift,record\n1,2,a rose,3\n", 1),
    "bom.csv": (b"\xef\xbb\xbf" + f"{HEADER}\n{ROW % 2}\n".encode(), 1),
    "[1] *{a}+b.csv": (f"{HEADER}\n{ROW % 9}\n".encode(), 1),
    "windows.csv": (f"{HEADER}\r\n{ROW % 3}\r\n".encode(), 1),
    "utf16.csv": (f"{HEADER}\n{ROW % 4}\n".encode("utf-16"), 1),
    "quotes.csv": (f'{HEADER}\n"{ROW % 5}\n{ROW % 6}"\n'.encode(), 2),
    "short and long.csv": (f"{HEADER}\n1,2\n{ROW % 7},and,more\n".encode(), 2),
    "truncated.csv.gz": (gzip.compress(f"{HEADER}\n{ROW % 8}\n".encode() * 500)[:60], 1),
}


BAD_EVENTS = (
    *(
        LINE % (1, 1, NOON),
        '{"quantity": {"b": null}}',
        LINE % (2, "1e400", NOON),
        LINE % (3, 1, "0000-01-01T00:00:00Z"),
    ),
    (LINE % (4, 1, NOON)).replace("O1", "'; DROP TABLE x; -- 😀"),
    *((LINE % (5, 1, NOON)).replace("O1", "x" * 10_000_000), "", "[1, 2]", "null", '{"a": '),
)


def test_rubbish_crashes_nothing_and_every_row_of_it_is_in_the_books(shop: Shop) -> None:
    before = {book.source: book for book in books.closed(shop.lake).books}
    for folder, files in (("online", BAD_ONLINE), ("store", BAD_STORE)):
        for name, (content, _) in files.items():
            shop.lands(f"{folder}/{name}", content)
    shop.systems._wallet.append("rubbish", BAD_EVENTS)
    result = shop.run()
    assert result.balanced
    after = {book.source: book for book in result.books}
    for source, files in (("payments_online", BAD_ONLINE), ("payments_store", BAD_STORE)):
        audit = shop.lake.read(bronze.ARRIVALS).where(F.col("source") == source)
        counted = {row["item"].rpartition("/")[2]: row["rows"] + row["refused"] for row in audit.collect()}
        expected = {name: rows for name, (content, rows) in files.items() if content}
        assert {name: counted.get(name) for name in expected} == expected
        assert after[source].read - before[source].read == sum(expected.values())
    assert after["payments_wallet"].read - before["payments_wallet"].read == len(BAD_EVENTS)
    assert shop.run().nothing_new


def without_nulls(columns: Sequence[str]) -> str:
    """How rows were compared once: a value that moved to the next column made no difference."""
    return f"xxhash64({', '.join(columns)})"


def test_a_store_that_was_begun_with_other_hashes_knows_its_rows_and_tells_moved_values_apart(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = LINE.replace("T900", "T902") % (1, 1, NOON)
    clean = clean.replace("P000001", shop.lake.read("silver/products").select("product_id").first()[0])
    nobody = (LINE.replace("T900", "T902") % (2, 1, NOON)).replace('"C0000001"', "null")
    moved = nobody.replace('"order_id": "O1", "customer_id": null', '"order_id": null, "customer_id": "O1"')
    with monkeypatch.context() as once:
        once.setattr(tables, "content_hash", without_nulls)
        shop.lands("online/once.jsonl", f"{clean}\n{nobody}\n".encode())
        before = book_of(shop.run(), "payments_online")
    stored, columns = shop.lake.read("silver/transactions"), silver.entities.TRANSACTIONS.columns
    assert stored.where(f"_hash <> {without_nulls(columns)}").isEmpty()
    assert not stored.where("transaction_id = 'T902-00000001'").isEmpty()
    outdated = shop.base / "staging" / "by_customer_id"
    outdated.mkdir()

    shop.lands("online/again.jsonl", f"{clean}\n{nobody}\n{moved}\n".encode())
    after = book_of(shop.run(), "payments_online")
    assert after.balanced
    assert (after.clean, after.duplicate) == (before.clean, before.duplicate + 2)
    assert after.quarantined == before.quarantined + 1, "the moved value is no repeat"
    assert shop.run().nothing_new
    assert not outdated.exists()


def book_of(result: PlatformResult, source: str) -> Book:
    [book] = [book for book in result.books if book.source == source]
    return book


def test_a_payment_is_in_gold_and_released_while_the_platform_follows(shop: Shop) -> None:
    """The first comes while nothing is to be done; another, and a file, while the first is on its way."""
    shop.run()
    sold, published, other = sum_of_lines(shop), api_releases(shop), batches_done(shop)
    stopped = threading.Event()
    seen: list[tuple[Increment, Live | None, int]] = []

    def pay(now: Progress) -> None:
        if now.done and now.layer == "api" and not seen:
            shop.systems._wallet.append("first", [paid_by_wallet(1)])
        if now.done and now.layer == "silver" and shop.systems._wallet._end == end + 1:
            shop.systems._wallet.append("second", [paid_by_wallet(2), "no JSON"])
            shop.lands("online/meanwhile.jsonl", paid_by_wallet(3).encode())

    def note(done: Increment) -> None:
        seen.append((done, live.load(shop.base), sum_of_lines(shop)))
        if done.waiting_events == 0:
            stopped.set()

    end = shop.systems._wallet._end
    platform = shop.platform(on_progress=pay, on_increment=note)
    result = platform.follow(stopped=stopped)
    assert result.balanced
    assert [(one.rows, one.events, one.waiting_events, one.waiting_files) for one, _, _ in seen] == [
        (1, end + 1, 2, 1),
        (3, end + 3, 0, 0),
    ]
    assert [told and (told.events, told.files) for _, told, _ in seen] == [(2, 1), (0, 0)]
    assert [lines - sold for _, _, lines in seen] == [1, 3]
    assert serving.released(shop.lake, "daily_sales").agg(F.sum("lines")).collect()[0][0] == sold + 3
    assert api_releases(shop) == published + 1
    assert live.load(shop.base) is None
    after = batches_done(shop)
    assert {layer: after[layer] - other[layer] for layer in after} == {
        **dict.fromkeys(("silver", "audit", "gold", "serving"), 2),
        **dict.fromkeys(("bronze", "ml"), 0),
        "api": 1,
    }
    assert shop.run().balanced


def paid_by_wallet(number: int) -> str:
    """A payment of the customer and for the product that every shop of the tests has."""
    event = json.loads(LINE % (number, 1, NOON))
    own = {"transaction_id": f"T903-{number:08d}", "payment_method": "wallet", "published_at": "2026-01-02T00:00:00Z"}
    return json.dumps(event | own)


def sum_of_lines(shop: Shop) -> int:
    """All lines that gold counts."""
    return int(shop.lake.read("gold/daily_sales").agg(F.sum("lines")).collect()[0][0])


def test_a_wallet_that_goes_down_ends_a_platform_that_follows_with_its_name(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(url: str) -> int:
        raise URLError("Connection refused")

    monkeypatch.setattr(bronze, "end_of_log", down)
    said = "The layer bronze failed: The source payments_wallet could not be read: URLError: .*Connection refused"
    with pytest.raises(LayerFailed, match=said):
        shop.platform().follow(stopped=threading.Event())
    assert live.load(shop.base) is None


def test_a_broken_rule_of_severity_fail_publishes_nothing_until_it_is_mended(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.run()
    shop.next_day()
    before, published = revenues(shop), api_releases(shop)
    customers = silver.entities.CUSTOMER_CHANGES
    rules = [
        replace(rule, condition="customer_id RLIKE '^K[0-9]{7}$'") if rule.name == "customer_id_format" else rule
        for rule in customers.rules
    ]
    said = (
        r"The layer silver failed: The rule customer_id_format measures 100\.00 % of \d+ new rows and may measure at "
        r"most 1\.00 %; ask customer service: nothing is published until this is mended\. What was there is kept: gold"
    )
    with monkeypatch.context() as broken:
        broken.setitem(vars(customers), "rules", tuple(rules))
        for _ in range(2):
            with pytest.raises(LayerFailed, match=said):
                shop.run()
        assert measured(shop, "customer_id_format").verdict == "fail"
    assert (revenues(shop), api_releases(shop)) == (before, published)

    result = shop.run()
    assert result.balanced
    assert (revenues(shop)[0], api_releases(shop)) == (before[0] + 1, published + 1)
    mended = measured(shop, "customer_id_format")
    assert (mended.verdict, mended.value, mended.severity, mended.owner) == ("pass", 0.0, "fail", "customer service")
    assert mended.rows > 0 and mended.trend[-1] == 0.0 and len(mended.trend) > 1
    refused = shop.lake.read("silver/quarantine").where("exists(reasons, r -> r.rule = 'customer_id_format')")
    assert refused.isEmpty()


def measured(shop: Shop, rule: str) -> Measured:
    """What a rule said last."""
    [found] = [one for one in audit.standing(shop.lake) if one.rule == rule]
    return found


def test_a_source_that_breaks_its_contract_is_not_loaded_and_is_told_why(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shop.run()
    shop.next_day()
    before = shop.lake.version("bronze/customer_changes")
    for path in bronze.CONTRACTS.iterdir():
        text = path.read_text(encoding="utf-8")
        (tmp_path / path.name).write_text(text.replace("logicalType: boolean", "logicalType: string"), encoding="utf-8")
    said = (
        r"The layer bronze failed: The source customer_changes could not be read: it is not as agreed in "
        r"customer_changes\.odcs\.yaml: marketing_consent is boolean, agreed is string: send string, or agree on a new"
    )
    with monkeypatch.context() as other:
        other.setattr(bronze, "CONTRACTS", tmp_path)
        with pytest.raises(LayerFailed, match=said):
            shop.run()
    assert shop.lake.version("bronze/customer_changes") == before
    assert shop.run().balanced
    assert shop.lake.version("bronze/customer_changes") > before


def test_an_order_line_that_is_in_silver_twice_is_not_published(shop: Shop) -> None:
    """No path of the platform leads there: it is written by hand."""
    shop.run()
    before, number = revenues(shop), batches_done(shop)["silver"] + 1
    again = shop.lake.read("silver/transactions").orderBy("transaction_id").limit(1)
    [(line,)] = again.select("transaction_id").collect()
    shop.lake.append(again.withColumn("_batch", F.lit(number).cast("BIGINT")), "silver/transactions")
    shop.next_day()
    with pytest.raises(LayerFailed, match=r"The rule order_line_once measures 1 repeated keys of .* at most 0 "):
        shop.run()
    assert revenues(shop) == before
    target = shop.lake.identifier("silver/transactions")
    shop.spark.sql(f"DELETE FROM {target} WHERE transaction_id = '{line}' AND _batch = {number}")
    assert shop.run().balanced
    assert revenues(shop)[0] == before[0] + 1


def test_the_audit_says_how_fresh_and_how_large_each_delivery_is(shop: Shop) -> None:
    shop.next_day()
    result = shop.run()
    found = {one.rule: one for one in result.measured}
    for source in bronze.SOURCES:
        fresh, volume = found[f"{source}_fresh"], found[f"{source}_volume"]
        assert (fresh.verdict, fresh.unit, fresh.high) == ("pass", "hours", 36.0)
        assert fresh.value is not None and 0 <= fresh.value < 36
        assert (volume.unit, volume.rows) == ("rows a day", volume.value)
    arrived = shop.lake.read(bronze.ARRIVALS).where("source = 'customer_changes'").orderBy(F.desc("ingested_at"))
    assert found["customer_changes_volume"].rows == arrived.select("rows").first()[0] > 0
    assert found["customer_comes"].value == 0.0 and found["customer_comes"].rows > 0
    assert {one.rule for one in result.measured} >= {kept.rule.name for kept in result.rules}


def test_two_runs_at_once_on_one_base_path_are_refused(shop: Shop) -> None:
    with (shop.base / ".running").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(PlatformError, match="Another run is going on under"):
            shop.run()
