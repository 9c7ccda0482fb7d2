"""The database, the API and the Kafka of the lessons are real, and leave nothing behind."""

import contextlib
import gzip
import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from lakehouse.addresses import Addresses
from lakehouse.errors import PlatformError
from lakehouse.sources import Shop, database, loaded_on
from lakehouse.sources.systems import SourceSystems
from lakehouse.sources.wallet import WalletServer
from servers import connect_server, finished, python
from workbook import kafka as kafka_room
from workbook.errors import SetupError
from workbook.kafka import Broker, BrokerError, broker, jars
from workbook.servers import DatabaseError, Postgres, ShopServer, kafka, postgres, shop_api
from workbook.spark import java
from workbook.spark.session import CACHE

pytestmark = pytest.mark.slow_proof("platform")


@pytest.fixture(scope="module")
def crm() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


def answers(url: str) -> bool:
    host, _, port = url.removeprefix("jdbc:").split("/")[2].partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


# The database


def test_the_database_is_postgresql_with_the_customers_of_day_0(crm: Postgres) -> None:
    crm.apply_day(0)
    assert crm.execute("SHOW server_version")[0][0].startswith("16.")
    assert crm.url.startswith("jdbc:postgresql://127.0.0.1:")
    assert set(crm.properties) == {"user", "password", "driver"}
    assert crm.execute("SELECT count(*), count(email), max(updated_at) FROM customers") == [
        ("1000", "992", "2025-12-31 14:01:27+00")
    ]


def test_a_later_day_changes_only_the_rows_that_changed(crm: Postgres) -> None:
    crm.apply_day(0)
    before = set(crm.execute("SELECT customer_id, updated_at FROM customers"))
    crm.apply_day(1)
    after = set(crm.execute("SELECT customer_id, updated_at FROM customers"))
    assert len(after) == 1004
    assert {customer for customer, _ in before} - {customer for customer, _ in after} == {"C0000656"}
    assert len(after - before) == 15, "five newcomers and ten updates"
    written = crm.execute("SELECT ctid FROM customers")
    crm.apply_day(1)
    assert crm.execute("SELECT ctid FROM customers") == written


def test_what_a_connection_has_not_committed_nobody_else_sees(crm: Postgres) -> None:
    crm.apply_day(0)
    with crm.session() as session:
        session.execute("BEGIN; DELETE FROM customers WHERE customer_id = 'C0000001'")
        assert session.execute("SELECT count(*) FROM customers") == [("999",)]
        assert crm.execute("SELECT count(*) FROM customers") == [("1000",)]
    assert crm.execute("SELECT count(*) FROM customers") == [("1000",)]


def test_a_refused_statement_is_the_sentence_of_the_database(crm: Postgres) -> None:
    with pytest.raises(DatabaseError, match=r'^ERROR: +column "town" does not exist at character 8$'):
        crm.execute("SELECT town FROM customers")
    assert crm.execute("SELECT 'it goes on, with \"quotes\", and a\nline'") == [
        ('it goes on, with "quotes", and a\nline',)
    ]


def test_without_the_password_there_is_no_way_in(crm: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crm, "_password", "guessed")
    with pytest.raises(DatabaseError, match='password authentication failed for user "postgres"'):
        crm.execute("SELECT 1")


def test_variables_that_lead_to_another_database_lead_nobody_there(
    crm: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, password = crm._port, crm.properties["password"]
    services = tmp_path / "services"
    services.write_text(f"[other]\nhost=127.0.0.1\nport={port}\ndbname=crm\nuser=postgres\npassword={password}\n")
    other = {
        "PGSERVICE": "other",
        "PGSERVICEFILE": str(services),
        "PGHOST": "127.0.0.1",
        "PGHOSTADDR": "127.0.0.1",
        "PGPORT": str(port),
        "PGUSER": "postgres",
        "PGPASSWORD": password,
        "PGDATABASE": "crm",
        "PGSSLMODE": "require",
        "PGOPTIONS": "-c search_path=nowhere",
        "PGPASSFILE": str(tmp_path / "none"),
    }
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    before = crm.execute(tables), crm.execute("SELECT count(*) FROM customers")
    for name, value in other.items():
        monkeypatch.setenv(name, value)
    with postgres(0.01) as own:
        assert own.execute("SHOW port") == [(str(own._port),)]
        assert own.execute("SELECT count(*) FROM customers") == [("100",)]
    for name in other:
        monkeypatch.delenv(name)
    assert (crm.execute(tables), crm.execute("SELECT count(*) FROM customers")) == before


def test_a_stopped_database_is_gone_with_its_files() -> None:
    server = postgres(0.01)
    folder = server._folder
    assert folder.is_dir() and answers(server.url)
    server.stop()
    server.stop()
    assert not folder.exists()
    assert not answers(server.url)


@pytest.mark.parametrize("end", ["sys.exit()", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_database_ends_with_its_process_however_that_ends(end: str) -> None:
    code = (
        "import os, signal, sys\nfrom workbook.servers import postgres\n"
        f"crm = postgres(0.01)\nprint(crm.url, crm._folder, crm._process.pid, flush=True)\n{end}"
    )
    run = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    url, folder, shell = run.stdout.split()
    wait_for_end_of(int(shell))
    assert not answers(url)
    assert not Path(folder).exists()


def test_a_database_ends_with_a_process_that_is_killed_before_it_listens() -> None:
    """A server that has just begun ignores signals; this one is a second late."""
    with tempfile.TemporaryDirectory() as place:  # unlike those of pytest, one that the server's user may read
        os.chmod(place, 0o755)
        late = Path(place, "postgres")
        late.write_text(f'#!/bin/sh\nsleep 1\nexec {shlex.quote(database.program("postgres"))} "$@"\n')
        late.chmod(0o755)
        code = (
            "import os, signal\nfrom lakehouse.sources import database\nfrom workbook.servers import postgres\n"
            "real = database.program\n"
            f"database.program = lambda name: {str(late)!r} if name == 'postgres' else real(name)\n"
            "def die(crm):\n    print(crm._folder, crm._process.pid, flush=True)\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
            "database.Postgres._wait = die\npostgres(0.01)"
        )
        run = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        folder, shell = run.stdout.split()
        wait_for_end_of(int(shell))
        assert not Path(folder).exists()


def test_what_a_killed_process_left_is_removed_by_the_next_one_and_what_lives_is_not(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom lakehouse.files import OwnFolder\n"
        "own = OwnFolder('lakehouse-test-')\nprint(own.path, flush=True)\nsys.stdin.read()"
    )
    start = [sys.executable, "-c", code]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen(start, **pipes) as dead, subprocess.Popen(start, **pipes) as alive:
        left, kept = (Path(process.stdout.readline().strip()) for process in (dead, alive))
        dead.kill()
        dead.wait()
        (tmp_path / "lakehouse-test-foreign").mkdir()
        third = subprocess.run(start, input="", stdout=subprocess.PIPE, text=True, env=environment)
        assert not left.exists()
        assert kept.is_dir() and Path(third.stdout.strip()).is_dir()
        assert (tmp_path / "lakehouse-test-foreign").is_dir(), "nobody knows whose it is"
        alive.kill()


def test_a_database_that_is_missing_is_an_error_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(database, "OwnFolder", None)  # Nothing is made that would be left behind.
    for error, start in ((SetupError, postgres), (PlatformError, lambda: Postgres(Shop(0.01)))):
        with pytest.raises(error, match="PostgreSQL is missing from this environment: run `make start` to install it"):
            start()


def wait_for_end_of(process: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(process).wait(timeout=60)


# The log of changes


@pytest.fixture(scope="module")
def small() -> Iterator[Postgres]:
    """The CRM of a hundred customers, whose log begins with day 0 and jumps from day 1 to day 4."""
    with postgres(0.01) as server:
        server.apply_day(1)
        server.apply_day(4)
        yield server


def as_texts(rows: pa.Table) -> list[tuple[str, ...]]:
    """Rows as the database shows them."""
    columns = [
        column.cast(pa.timestamp("s", "UTC")) if pa.types.is_timestamp(column.type) else column for column in rows
    ]
    shown = [["" if value is None else as_text(value) for value in column.to_pylist()] for column in columns]
    return list(zip(*shown, strict=True))


def as_text(value: object) -> str:
    return {True: "t", False: "f"}[value] if isinstance(value, bool) else str(value).replace("+00:00", "+00")


def test_the_log_is_the_customers_of_day_0_and_then_every_change_in_its_order(small: Postgres) -> None:
    shop = Shop(0.01)
    names = next(shop.customer_changes(1)).column_names
    log = small.execute(f"SELECT {', '.join(names)}, position, recorded_at FROM customer_changes ORDER BY position")
    first = [(str(n), "insert", *row) for n, row in enumerate(as_texts(pa.concat_tables(shop.customers(0))), start=1)]
    days = {0: first, **{day: as_texts(pa.concat_tables(shop.customer_changes(day))) for day in (1, 2, 3, 4)}}
    expected = [(row, f"{loaded_on(day)} 02:00:00+00") for day, rows in days.items() for row in rows]
    assert [(row[:-2], row[-1]) for row in log] == expected
    assert [row[-2] for row in log] == [str(n) for n in range(1, len(log) + 1)]
    assert len({row[0] for row in log}) < len(log), "some changes come twice on purpose"


def test_the_newest_change_of_each_customer_is_the_customer(small: Postgres) -> None:
    small.apply_day(4)
    columns = "customer_id, name, email, phone, city, marketing_consent, updated_at"
    newest = f"""
        SELECT DISTINCT ON (customer_id) {columns}, operation FROM customer_changes
        ORDER BY customer_id, updated_at DESC, change_id DESC"""
    assert small.execute(f"SELECT {columns} FROM ({newest}) AS n WHERE operation <> 'delete' ORDER BY 1") == (
        small.execute(f"SELECT {columns} FROM customers ORDER BY 1")
    )


def test_a_day_that_is_applied_again_or_late_adds_nothing_to_the_log(small: Postgres) -> None:
    log = "SELECT position, change_id, customer_id, recorded_at, ctid FROM customer_changes ORDER BY position"
    before = small.execute(log)
    for day in (4, 2, 0):
        small.apply_day(day)
        assert small.execute(log) == before
    assert small.execute("SELECT count(*) FROM customers") == [("100",)]


def test_days_one_by_one_give_the_same_log_as_a_jump(small: Postgres) -> None:
    log = "SELECT * FROM customer_changes ORDER BY position"
    with postgres(0.01) as stepping:
        for day in (1, 2, 3, 4):
            stepping.apply_day(day)
        small.apply_day(4)
        assert stepping.execute(log) == small.execute(log)
        assert stepping.execute("TABLE customers ORDER BY 1") == small.execute("TABLE customers ORDER BY 1")


def test_a_day_comes_whole_or_not_at_all(small: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = ("TABLE customers ORDER BY 1", "TABLE customer_changes ORDER BY position")
    small.apply_day(4)
    before = [small.execute(table) for table in tables]
    monkeypatch.setattr(small._shop, "customer_changes", lambda day: (1 // 0 for _ in range(1)))
    with pytest.raises(ZeroDivisionError):
        small.apply_day(5)
    assert [small.execute(table) for table in tables] == before


def test_a_forgotten_customer_is_in_no_table_and_comes_back_on_no_day() -> None:
    whose = "SELECT {} FROM {} WHERE customer_id = '{}'"
    with postgres(0.01) as crm:
        crm.forget(" c0000001")
        crm.forget("o'")
        for day in (0, 1, 4):
            crm.apply_day(day)
            for table in ("customers", "customer_changes"):
                assert crm.execute(whose.format("count(*)", table, "C0000001")) == [("0",)]
                assert crm.execute(whose.format("count(*) > 0", table, "C0000002")) == [("t",)]


def test_the_database_tells_an_empty_text_from_null(crm: Postgres) -> None:
    with crm.session() as session:
        session.execute("CREATE TEMP TABLE words (word text, number bigint)")
        session.copy("words", pa.table({"number": [1, 2, 3], "word": ["", None, 'a "b",\nc']}))
        assert session.execute("SELECT number, word IS NULL, length(word) FROM words ORDER BY number") == [
            ("1", "f", "0"),
            ("2", "t", ""),
            ("3", "f", "8"),
        ]
        with pytest.raises(DatabaseError, match="invalid input syntax for type bigint"):
            session.copy("words", pa.table({"number": ["one"]}))


# The API


def get(url: str) -> dict:
    with urlopen(url) as answer:
        return json.load(answer)


def status(url: str) -> int:
    try:
        with urlopen(url) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


@pytest.fixture
def api() -> Iterator[ShopServer]:
    with shop_api(failures={}) as server:
        yield server


def test_the_api_pages_through_the_catalogue_in_order_of_change(api: ShopServer) -> None:
    pages, cursor = [], "0"
    while cursor is not None:
        page = get(f"{api.url}?page_size=30&cursor={cursor}")
        pages.append(page["items"])
        cursor = page["next_cursor"]
    assert [len(items) for items in pages] == [30, 30, 30, 11]
    items = [item for page in pages for item in page]
    assert list(items[0]) == [
        *("product_id", "name", "category", "unit_price", "weight_g", "discontinued_on", "updated_at")
    ]
    assert items[0]["updated_at"] == "2024-12-01T09:24:38Z"
    assert [item["updated_at"] for item in items] == sorted(item["updated_at"] for item in items)
    assert len({item["product_id"] for item in items}) == 100
    assert api.answers == {200: 4}


def test_updated_since_gives_what_is_not_older(api: ShopServer) -> None:
    api.show_day(1)
    news = get(f"{api.url}?updated_since=2026-01-01T00:00:00Z")["items"]
    assert [item["product_id"] for item in news] == ["P000037", "P000101", "P000059"]
    assert len(get(f"{api.url}?updated_since={news[1]['updated_at']}")["items"]) == 2


def test_the_requests_that_fail_are_known_beforehand() -> None:
    with shop_api() as api:
        assert [status(api.url) for _ in range(5)] == [200, 429, 200, 500, 200]
        assert api.answers == {200: 3, 429: 1, 500: 1}
    with shop_api(failures={1: 429}) as api, pytest.raises(HTTPError) as refusal:
        urlopen(api.url)
    assert refusal.value.headers["Retry-After"] == "0"


def ask(url: str, tag: str = "", method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """Status, headers but for the date, and body of a request that says `If-None-Match: <tag>`."""
    request = Request(url, headers={"If-None-Match": tag} if tag else {}, method=method)
    try:
        with urlopen(request) as answer:
            status, headers, body = answer.status, dict(answer.headers), answer.read()
    except HTTPError as error:
        status, headers, body = error.code, dict(error.headers), error.read()
    return status, {name: text for name, text in headers.items() if name != "Date"}, body


def test_a_page_that_is_known_is_not_sent_again_until_anything_changes(api: ShopServer) -> None:
    status, headers, body = ask(api.url)
    tag = headers["ETag"]
    assert status == 200 and body and tag.startswith('"') and tag.endswith('"')
    status, headers, body = ask(api.url, tag)
    assert (status, headers["ETag"], body) == (304, tag, b"")
    assert [ask(api.url, known)[0] for known in (f'W/{tag}, "other"', "*", '"other"')] == [304, 304, 200]
    assert api.answers == {200: 2, 304: 3}
    # The oldest twenty products are as they were on day 0, but the catalogue is not.
    api.show_day(1)
    status, headers, _ = ask(api.url, tag)
    assert status == 200 and headers["ETag"] != tag
    api.show_day(0)
    assert ask(api.url, tag)[0] == 304


def test_every_page_has_a_tag_of_its_own(api: ShopServer) -> None:
    questions = ("", "?cursor=20", "?page_size=30", "?updated_since=2026-01-01T00:00:00Z")
    tags = [ask(api.url + question)[1]["ETag"] for question in questions]
    assert len(set(tags)) == 4
    with shop_api(failures={}) as twin:
        assert ask(twin.url)[1]["ETag"] == tags[0]


def test_head_is_get_without_the_body(api: ShopServer) -> None:
    tag = ask(api.url)[1]["ETag"]
    for url, known in ((api.url, ""), (api.url, tag), (api.url + "?page_size=0", ""), (api.url + "/P000001", "")):
        status, headers, _ = ask(url, known)
        assert ask(url, known, "HEAD") == (status, headers, b"")
    assert api.answers == {200: 3, 304: 2, 400: 2, 404: 2}


def test_a_failure_on_purpose_comes_before_what_is_known() -> None:
    with shop_api() as api:
        tag = ask(api.url)[1]["ETag"]
        assert [ask(api.url, tag)[0] for _ in range(4)] == [429, 304, 500, 304]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("?page_size=0", 400),
        ("?page_size=101", 400),
        ("?page_size=ten", 400),
        ("?cursor=-1", 400),
        ("?updated_since=2026-01-01", 400),
        ("/P000001", 404),
    ],
)
def test_what_cannot_be_answered_is_said_so(api: ShopServer, asked: str, expected: int) -> None:
    assert status(api.url + asked) == expected


def test_a_stopped_api_answers_no_more() -> None:
    api = shop_api()
    api.stop()
    api.stop()
    assert not answers(api.url)


# The wallet's events


def test_the_log_gives_its_events_by_number_and_is_there_again_after_a_restart(tmp_path: Path) -> None:
    with WalletServer(tmp_path, failures={}) as log:
        assert get(log.url) == {"events": [], "end": 0}
        log.append("b", ['{"n": 1.50}', "é"])
        log.append("empty", [])
        log.append("a", ["x", "y"])
        log.append("b", ["never"])
        with pytest.raises(ValueError, match="among those of c is one of several"):
            log.append("c", ["one", "two\nlines"])
        first = get(log.url)
    with WalletServer(tmp_path, failures={}) as log:
        log.append("a", ["never"])
        log.append("c", ["z"])
        assert first == {"events": ['{"n": 1.50}', "é", "x", "y"], "end": 4}
        assert get(f"{log.url}?from=1&limit=2") == {"events": ["é", "x"], "end": 5}
        assert get(f"{log.url}?from=4") == {"events": ["z"], "end": 5}
        assert get(f"{log.url}?from=5") == get(f"{log.url}?limit=0") == {"events": [], "end": 5}
        for wrong in ("?from=-1", "?limit=1001", "?limit=-1", "?from=x"):
            assert status(log.url + wrong) == 400
        assert status(log.url + "/1") == 404


def test_events_that_come_one_by_one_are_in_the_log_once(tmp_path: Path) -> None:
    with WalletServer(tmp_path, failures={}) as log:
        for number in (1, 2, 2):
            log.append("a", ["x", "y", "z"][:number])
        log.append("b", ["w"])
        log.append("a", ["x", "y", "z"])
        assert get(log.url) == {"events": ["x", "y", "w", "z"], "end": 4}


# Kafka


@pytest.fixture(scope="module")
def stream() -> Iterator[Broker]:
    """A broker without Spark."""
    with Broker(java.fetch_jars(CACHE, jars.BROKER)) as server:
        yield server


def test_a_session_writes_and_reads_a_topic_by_batch_and_by_stream_in_every_thread(
    spark: SparkSession, tmp_path: Path
) -> None:
    with kafka(spark) as log:
        log.create_topic("payments", partitions=2)
        log.send("payments", "10", "11", key="C1", partition=0)
        place = {"kafka.bootstrap.servers": log.servers}
        written = spark.createDataFrame([("C2", "20", 1), ("C2", "21", 1)], "key string, value string, partition int")
        written.coalesce(1).write.format("kafka").options(**place, topic="payments").save()
        reading = {**place, "subscribe": "payments", "startingOffsets": "earliest"}
        shown = ("partition", "offset", "CAST(key AS string)", "CAST(value AS string)")
        expected = [(0, 0, "C1", "10"), (0, 1, "C1", "11"), (1, 0, "C2", "20"), (1, 1, "C2", "21")]

        def batch() -> list[tuple[object, ...]]:
            rows = spark.read.format("kafka").options(**reading).load().selectExpr(*shown).collect()
            return sorted(tuple(row) for row in rows)

        def stream() -> list[tuple[object, ...]]:
            events = spark.readStream.format("kafka").options(**reading).load().selectExpr(*shown)
            into = events.writeStream.option("checkpointLocation", str(tmp_path / "checkpoint"))
            into.trigger(availableNow=True).start(str(tmp_path / "table")).awaitTermination()
            return sorted(tuple(row) for row in spark.read.load(str(tmp_path / "table")).collect())

        assert batch() == stream() == expected
        log.send("payments", "12", key="C1", partition=0)
        with ThreadPoolExecutor(1) as other:
            assert (
                other.submit(batch).result() == other.submit(stream).result() == sorted([*expected, (0, 2, "C1", "12")])
            )
        assert log.groups() == [], "Spark keeps its offsets in its checkpoint"


def test_what_is_deleted_is_gone_and_what_follows_keeps_its_offset(stream: Broker) -> None:
    stream.create_topic("short", partitions=1)
    stream.send("short", "a", b"b", None, "c")
    stream.delete_before("short", 0, 2)
    assert read(stream, "short") == [(2, None), (3, b"c")]


def test_a_group_that_commits_is_known_to_the_broker(stream: Broker) -> None:
    stream.send("read", "a")
    assert stream.groups() == []
    assert read(stream, "read", group="readers") == [(0, b"a")]
    assert stream.groups() == ["readers"]


def read(log: Broker, topic: str, group: str = "") -> list[tuple[int, bytes | None]]:
    """Offset and value of every message in partition 0, read by Kafka's own consumer, which commits for a group."""
    settings = {"bootstrap.servers": log.servers, "auto.offset.reset": "earliest"}
    own = {"group.id": group} if group else {"enable.auto.commit": "false"}
    as_bytes = log._kafka.common.serialization.ByteArrayDeserializer()
    consumer = log._kafka.clients.consumer.KafkaConsumer(log._properties({**settings, **own}), as_bytes, as_bytes)
    place = log._kafka.common.TopicPartition(topic, 0)
    consumer.assign([place])
    end = int(consumer.endOffsets([place])[place])
    found: list[tuple[int, bytes | None]] = []
    while consumer.position(place) < end:
        records = consumer.poll(log._gateway.jvm.java.time.Duration.ofSeconds(1)).records(place)
        found += [(int(record.offset()), record.value()) for record in records.toArray()]
    if group:
        consumer.commitSync()
    consumer.close()
    return found


def test_what_the_broker_refuses_is_its_own_sentence(stream: Broker) -> None:
    stream.create_topic("once")
    with pytest.raises(BrokerError, match=r"^Topic 'once' already exists\.$"):
        stream.create_topic("once")
    with pytest.raises(BrokerError, match="offset is not within the range"):
        stream.delete_before("once", 0, 1)


def test_a_broker_listens_on_this_machine_alone(stream: Broker) -> None:
    [java] = psutil.Process(stream._process.pid).children()
    listening = [place.laddr for place in java.net_connections() if place.status == psutil.CONN_LISTEN]
    assert stream.servers in {f"{place.ip}:{place.port}" for place in listening}
    assert {place.ip.removeprefix("::ffff:") for place in listening} == {"127.0.0.1"}


def test_two_brokers_know_nothing_of_each_other_and_a_stopped_one_is_gone_with_its_files(stream: Broker) -> None:
    with Broker(java.fetch_jars(CACHE, jars.BROKER)) as second:
        second.send("own", "a")
        stream.send("own", "b")
        assert (read(stream, "own"), read(second, "own")) == ([(0, b"b")], [(0, b"a")])
        folder = second._place.path
        assert folder.is_dir()
    second.stop()
    assert not folder.exists() and not answers(f"kafka://{second.servers}")
    with pytest.raises(BrokerError, match="The broker has ended: start another one"):
        second.send("own", "c")
    assert answers(f"kafka://{stream.servers}")


@pytest.mark.parametrize("end", ["sys.exit()", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_broker_ends_with_its_process_however_that_ends(end: str) -> None:
    code = (
        "import os, psutil, signal, sys\nfrom workbook.kafka import Broker, jars\nfrom workbook.spark import java\n"
        "from workbook.spark.session import CACHE\n"
        "log = Broker(java.fetch_jars(CACHE, jars.BROKER))\nlog.send('payments', 'a')\n"
        f"[program] = psutil.Process(log._process.pid).children()\n"
        f"print(log.servers, log._place.path, log._process.pid, program.pid, flush=True)\n{end}"
    )
    run = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    servers, folder, *processes = run.stdout.split()
    for process in processes:
        wait_for_end_of(int(process))
    assert not answers(f"kafka://{servers}")
    assert not Path(folder).exists()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SETTINGS", {**broker.SETTINGS, "num.io.threads": "none"}, "Invalid value none for configuration num.io"),
        ("_command", lambda jars: ["sh", "-c", "echo No room. >&2; exit 1"], r"\(No room\.\)"),
    ],
)
def test_a_broker_that_does_not_start_says_why_and_leaves_nothing(
    name: str, value: object, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, name, value)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(SetupError, match=f"^Kafka did not start .*{says}"):
        Broker(java.fetch_jars(CACHE, jars.BROKER))
    assert list(tmp_path.iterdir()) == []


def test_jars_that_are_missing_without_a_network_are_an_error_with_its_cure(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_room, "CACHE", tmp_path)
    monkeypatch.setenv("https_proxy", "http://no-such-proxy.invalid:3128")
    with pytest.raises(SetupError, match=r"^\S+\.jar could not be fetched .*: a network is needed once"):
        kafka(spark)


ON_CONNECT = """
from workbook import get_spark
from workbook.kafka import connector
from workbook.servers import kafka

spark = get_spark()
with kafka(spark) as log:
    log.send("payments", "a", "b")
    reading = {"kafka.bootstrap.servers": log.servers, "subscribe": "payments", "startingOffsets": "earliest"}
    print(spark.read.format("kafka").options(**reading).load().count())
    spark.readStream.format("kafka").options(**reading).load().selectExpr("value").writeStream.format("kafka").options(
        **{"kafka.bootstrap.servers": log.servers}, topic="payments", checkpointLocation=FOLDER
    ).trigger(availableNow=True).start().awaitTermination()
    print(spark.read.format("kafka").options(**reading).load().count())
connector.FORMAT = "of-nobody"
try:
    kafka(spark)
except Exception as error:
    print(type(error).__name__, error)
"""


def test_on_spark_connect_the_server_brings_the_connector_along_or_is_told_to(tmp_path: Path) -> None:
    with connect_server() as address:
        code = ON_CONNECT.replace("FOLDER", repr(str(tmp_path)))
        [(status, output, errors)] = finished([python(code, SPARK_REMOTE=address)])
    assert status == 0, errors
    two, four, sentence = output.splitlines()
    assert (two, four) == ("2", "4")
    assert sentence.startswith(
        "SetupError This Spark Connect server has no Kafka connector, and a client cannot add one"
    )


# All systems


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_three_systems_move_on_together(tmp_path: Path) -> None:
    with SourceSystems(tmp_path / "landing", 0.01) as systems:
        places = systems.addresses
        landing = Path(places.landing)
        assert landing == tmp_path / "landing" and files_of(landing) == {}
        assert set(places.crm_properties) == {"user", "password", "driver"}
        assert places.crm_properties["password"] not in repr(places)

        systems.deliver(0)
        half = "payments/online/.transactions-2026-01-02-0000.jsonl.part"
        first = files_of(landing)
        assert set(first) == {
            "_manifest/2026-01-01.json",
            "payments/online/transactions-2026-01-01-0000.jsonl.gz",
            "payments/store/transactions-2026-01-01-0000.csv.gz",
            "_wallet/000000000000-000000000087-2026-01-01-0000.jsonl",
            half,
        }
        shop = pa.concat_tables(Shop(0.01).transactions(0))
        assert wallet(places) == Counter(ids(shop, lambda row: row["payment_method"] == "wallet" and is_online(row)))
        delivered = gzip.decompress(first["payments/online/transactions-2026-01-01-0000.jsonl.gz"]).decode()
        readable = [json.loads(line) for line in delivered.splitlines() if line.endswith("}")]
        other = Counter(ids(shop, lambda row: row["payment_method"] != "wallet" and is_online(row)))
        assert Counter(row["transaction_id"] for row in readable) == other
        shown = [ask(places.catalogue_url + "?page_size=100") for _ in range(5)]
        assert [status for status, _, _ in shown] == [200, 429, 200, 500, 200]

        systems.deliver(1)
        second = files_of(landing)
        whole = second["payments/online/transactions-2026-01-02-0000.jsonl"]
        assert first[half] and whole.startswith(first[half]) and len(first[half]) == len(whole) // 2
        assert half not in second and "payments/online/.transactions-2026-01-03-0000.jsonl.gz.part" in second
        assert places == systems.addresses
        assert systems._crm.execute("SELECT count(*), max(recorded_at) FROM customer_changes") == [
            (str(100 + changes_on(1)), "2026-01-02 02:00:00+00")
        ]
        assert ask(places.catalogue_url + "?page_size=100")[2] != shown[0][2]

        archived = landing / "payments/online/transactions-2026-01-02-0000.jsonl"
        archived.unlink()
        systems.deliver(1)
        assert {**files_of(landing), str(archived.relative_to(landing)): whole} == second
        assert not archived.exists()
        crm, catalogue = places.crm_url, places.catalogue_url
    systems.stop()
    assert not answers(crm) and not answers(catalogue) and not answers(places.wallet_url)
    assert files_of(landing)


def ids(shop: pa.Table, wanted: Callable[[dict[str, object]], bool]) -> list[object]:
    return [row["transaction_id"] for row in shop.to_pylist() if wanted(row)]


def is_online(row: dict[str, object]) -> bool:
    return row["channel"] == "online"


def wallet(places: Addresses) -> Counter[object]:
    """How often each payment is among the first thousand events."""
    for answered in (200, 429, 200, 500):
        status, _, body = ask(places.wallet_url)
        assert status == answered
        if status == 200:
            events = [json.loads(event) for event in json.loads(body)["events"]]
    assert {event["published_at"] for event in events} == {"2026-01-01T00:00:00Z"}
    return Counter(event["transaction_id"] for event in events)


def changes_on(day: int) -> int:
    return sum(piece.num_rows for piece in Shop(0.01).customer_changes(day))


def test_the_systems_can_start_with_a_later_day_and_go_on_to_the_last(tmp_path: Path) -> None:
    with SourceSystems(tmp_path, 0.01, defects=False) as systems:
        with pytest.raises(ValueError, match="The day is 31"):
            systems.deliver(31)
        systems.deliver(3)
        assert systems._crm.execute("SELECT count(DISTINCT recorded_at) FROM customer_changes") == [("4",)]
        assert json.loads((tmp_path / "_manifest/2026-01-04.json").read_text())["planted"] == []
        systems.deliver(30)
        assert not (tmp_path / "_manifest/2026-02-01.json").exists()
        assert [path.name for path in tmp_path.rglob("*.part")] == [".transactions-2026-01-05-0000.jsonl.gz.part"]


def test_a_day_that_trickles_in_is_the_day_that_is_delivered_also_when_it_is_broken_off(tmp_path: Path) -> None:
    logs = []
    for name, trickled in (("delivered", False), ("trickled", True)):
        with SourceSystems(tmp_path / name, 0.01) as systems:
            systems.deliver(0)
            url = systems.addresses.wallet_url
            first = systems._wallet._end
            if trickled:
                with systems.trickling(1, 0.0) as all_out:
                    assert all_out.wait(60)
                assert systems._wallet._end > first + 1
                with systems.trickling(2, 0.0):
                    """However far it comes."""
                with systems.trickling(2, 3600.0) as all_out:
                    assert not all_out.is_set()
            systems.deliver(1)
            systems.deliver(2)
            systems._wallet._failures = {}
            logs.append(get(url))
    assert logs[0] == logs[1] and logs[0]["events"]


def test_systems_that_cannot_start_leave_nothing_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[ShopServer] = []
    monkeypatch.setattr(ShopServer, "stop", lambda server: stopped.append(server))
    monkeypatch.setattr(database.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PlatformError, match="PostgreSQL is missing"):
        SourceSystems(tmp_path, 0.01)
    assert len(stopped) == 1
